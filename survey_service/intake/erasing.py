"""Erasing: who asked to be forgotten comes in; nothing of them is left, but that nobody writes to them again.

First they are silenced, then whoever works on a row of theirs is waited for, then everything is taken away, and looked
for once more. Each step may be repeated after a crash.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from survey_service.models.decision import Reason
from survey_service.models.erasure import Erasure, ErasureState, Traces, traces_of
from survey_service.models.ids import customer_id, random_id
from survey_service.models.invitation import InvitationState, states_that_may_become
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.store.belongings import Rows, rows_at, rows_of_person, rows_of_response
from survey_service.store.claims import Claim
from survey_service.store.events import undecided_of
from survey_service.store.forgetting import Forgetting
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, address_suppression, person_hashes, person_suppression
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "erasing"
LOOK_AGAIN = timedelta(milliseconds=500)
_CANCELLABLE = tuple(InvitationState(state) for state in states_that_may_become(InvitationState.CANCELLED))


async def ask_to_erase(
    store: Store, bells: Bells, customer: str | None, by: str, *, about: str | None = None
) -> Erasure:
    """Acknowledge that a person, by our id, or what no customer owns is to be forgotten.

    Asked again meanwhile, it is the same erasure.
    """
    now = store.clock.now()
    wanted = Erasure(id=random_id("era"), customer=customer, about=about, by=by, requested_at=now, due_at=now)
    erasure = await store.erasures.begin(wanted)
    log.info("erasure.requested", erasure=erasure.id, by=by)
    bells.ring(STAGE)
    return erasure


async def erase_again(store: Store, keyring: Keyring, bells: Bells, by: str) -> int:
    """Ask to erase everybody who is stored though they were erased, as after a backup was restored; how many."""
    count = 0
    async for customers in store.customers.all_ids():
        whose = {value: customer for customer in customers for value in person_hashes(keyring, customer)}
        standing = await store.suppressions.standing(whose)
        erased = {row.subject_hash for row in standing.values() if row.reason is SuppressionReason.ERASED}
        for customer in sorted({whose[value] for value in erased}):
            await ask_to_erase(store, bells, customer, by)
            count += 1
    return count


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
        if row.state is ErasureState.SILENCED and await self._forgetting.is_busy(
            rows_of(row, row.traces), undecided_of(row.customer, row.traces.keys), row.requested_at
        ):
            await self._store.erasures.put_off(row, LOOK_AGAIN)
            return
        traces = row.traces.joined(await self._trace(row))
        if row.state is ErasureState.REQUESTED or traces != row.traces:
            # What was under way may still add an address: there is another look before anything is taken away.
            await self._silence(row.customer, traces)
            if await self._store.erasures.note_silenced(row, traces):
                await self._store.erasures.put_off(row, LOOK_AGAIN)
            return
        if await self._forget(row):
            # What was written at the same moment is found by another look.
            await self._store.erasures.put_off(row, LOOK_AGAIN)
        elif await self._store.erasures.finish(row):
            log.info("erasure.done", erasure=row.id, by=row.by)

    async def _trace(self, row: Erasure) -> Traces:
        if row.customer is not None:
            return await self._forgetting.trace(row.customer)
        return traces_of(row.about) if row.about is not None else Traces()

    async def _forget(self, row: Erasure) -> int:
        """Take everything away; returns how many rows there were: none when nothing is left."""
        found = await self._forgetting.forget(rows_of(row, row.traces))
        hashes = [value for address in row.traces.addresses for value in address_hashes(self._keyring, address)]
        if row.customer is not None:
            await self._forgetting.forget_holds(row.customer, hashes)
        await self._forgetting.forget_addresses(row.traces, hashes)
        if row.customer is not None:
            found += await self._forgetting.forget_customer(row.customer)
        return found

    async def _silence(self, customer: str | None, traces: Traces) -> None:
        keyring, now, reason = self._keyring, self._store.clock.now(), SuppressionReason.ERASED
        # Who comes back by one of the keys alone would go by the id that is made of it.
        ids = dict.fromkeys((*([customer] if customer else []), *map(customer_id, traces.keys)))
        silenced = [person_suppression(keyring, each, EVERY_BRAND, reason, now) for each in ids]
        silenced += [address_suppression(keyring, each, EVERY_BRAND, reason, now) for each in traces.addresses]
        # Their own earlier word, which a START would take back, is not the last one any more.
        await self._store.suppressions.outweigh(silenced)
        if customer is not None:
            await withdraw_waiting(self._store.database, {"customer": customer}, Reason.ERASED, _CANCELLABLE)


def rows_of(row: Erasure, traces: Traces) -> Rows:
    """What is to be forgotten. Pure."""
    if row.customer is not None:
        return rows_of_person(row.customer, traces)
    kind, _, name = (row.about or "").partition(":")
    return rows_of_response(name) if kind == "response" else rows_at(traces)
