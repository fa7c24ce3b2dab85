"""Planning: due invitations come in; their next message, and in the end their end, go out as rows."""

from __future__ import annotations

import asyncio

import structlog

from survey_service.delivery.steps import MAX_DEATHS, Step, next_step
from survey_service.models.invitation import Invitation
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.work.bells import Bells

log = structlog.get_logger()


class PlanInvitations:
    """The planning stage's handler."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells

    async def __call__(self, claim: Claim[Invitation]) -> None:
        """Take the next step of each invitation: first the messages, then the mark that they are planned."""
        now = self._store.clock.now()
        readable = [row.id for row in claim.rows if row.deaths < MAX_DEATHS]
        messages = await self._store.deliveries.of_invitations(readable)
        steps = [(row, next_step(row, messages.get(row.id, ()), now)) for row in claim.rows]
        deliveries = [delivery for _, step in steps for delivery in step.deliveries]
        if deliveries:
            await self._store.deliveries.insert(deliveries)
            self._bells.ring("sending")
        await self._store.contacts.release([row.id for row, step in steps if step.frees_place])
        # Together, so that they share one bulk write.
        await asyncio.gather(*(self._finish(row, step) for row, step in steps))

    async def _finish(self, row: Invitation, step: Step) -> None:
        if not await self._store.invitations.finish_step(row, step.due_at, step.state, step.reason):
            log.warning("planning.claim_lost", invitation=row.id)
