"""Erasing: a person who asked to be forgotten comes in; nothing of them is left, but that nobody writes to them again.

First they are silenced, then whoever works on a row of theirs is waited for, then everything is taken away, and looked
for once more. Each step may be repeated after a crash.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from survey_service.models.decision import Reason
from survey_service.models.erasure import Erasure, ErasureState, Traces
from survey_service.models.ids import random_id
from survey_service.models.invitation import InvitationState, states_that_may_become
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.store.claims import Claim
from survey_service.store.forgetting import Forgetting
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, address_suppression, person_suppression
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "erasing"
LOOK_AGAIN = timedelta(milliseconds=500)
_CANCELLABLE = tuple(InvitationState(state) for state in states_that_may_become(InvitationState.CANCELLED))


async def ask_to_erase(store: Store, bells: Bells, customer: str, by: str) -> Erasure:
    """Acknowledge that a person, by our id, is to be forgotten; asked again meanwhile, it is the same erasure."""
    now = store.clock.now()
    wanted = Erasure(id=random_id("era"), customer=customer, by=by, requested_at=now, due_at=now)
    erasure = await store.erasures.begin(wanted)
    log.info("erasure.requested", erasure=erasure.id, by=by)
    bells.ring(STAGE)
    return erasure


class ErasePeople:
    """The handler of the stage that erases."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._forgetting = Forgetting(store.database, store.configuration)

    async def __call__(self, claim: Claim[Erasure]) -> None:
        """Take each person of a batch as far as is possible at the moment."""
        for row in claim.rows:
            await self._erase(row)

    async def _erase(self, row: Erasure) -> None:
        customer, traces = row.customer, row.traces
        if customer is None:
            return
        if row.state is ErasureState.REQUESTED:
            traces = await self._forgetting.trace(customer)
            await self._silence(customer, traces)
            if not await self._store.erasures.note_silenced(row, traces):
                return
        if await self._forgetting.is_busy(customer, traces.keys, row.requested_at):
            await self._store.erasures.put_off(row, LOOK_AGAIN)
            return
        found = await self._forgetting.forget_person(customer, traces, self._hashes(traces))
        if found:
            # What was written at the same moment is found by another look.
            await self._store.erasures.put_off(row, LOOK_AGAIN)
        elif await self._store.erasures.finish(row):
            log.info("erasure.done", erasure=row.id, by=row.by)

    async def _silence(self, customer: str, traces: Traces) -> None:
        keyring, now, reason = self._keyring, self._store.clock.now(), SuppressionReason.ERASED
        silenced = [person_suppression(keyring, customer, EVERY_BRAND, reason, now)]
        silenced += [address_suppression(keyring, each, EVERY_BRAND, reason, now) for each in traces.addresses]
        await self._store.suppressions.insert(silenced)
        await withdraw_waiting(self._store.database, {"customer": customer}, Reason.ERASED, _CANCELLABLE)

    def _hashes(self, traces: Traces) -> list[str]:
        return [value for address in traces.addresses for value in address_hashes(self._keyring, address)]
