"""Cancelling by events: an order that was returned takes back the question about its delivery.

Both sides write before they look. Whoever decides a customer's event writes its invitation and then looks for events
that cancel it; whoever decides a cancelling event first writes its customer on it and then looks for invitations. One
of the two always sees the other, in whatever order and processes they run.
"""

from __future__ import annotations

from collections.abc import Sequence

from survey_service.models.decision import Reason
from survey_service.models.event import Event
from survey_service.models.invitation import Invitation
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.store.withdrawal import withdraw_waiting


class Cancelling:
    """Takes waiting invitations back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def note(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """Write the customer of each cancelling event, before anything else is decided."""
        cancelling = {
            event.id: event.customer
            for event in events
            if event.customer is not None and snapshot.triggers_cancelled_by(event.type)
        }
        await self._store.events.record_customers(cancelling)

    async def already_taken_back(self, new: Sequence[Invitation], snapshot: Snapshot) -> set[str]:
        """Which of these invitations an event that is known by now takes back; asked before they are written."""
        return {invitation.id for invitation, _ in await self._cancelled(new, snapshot)}

    async def take_back(self, decided: Sequence[Event], new: Sequence[Invitation], snapshot: Snapshot) -> None:
        """Cancel what these events cancel, and what simultaneous events cancel of the invitations just written."""
        for event in decided:
            triggers = [trigger.trigger for trigger in snapshot.triggers_cancelled_by(event.type)]
            if triggers and event.customer is not None:
                for invitation in await self._store.invitations.waiting_for(event.customer, triggers):
                    if takes_back(event, invitation):
                        await self._cancel(invitation)
        for invitation, _ in await self._cancelled(new, snapshot):
            await self._cancel(invitation)

    async def _cancelled(self, new: Sequence[Invitation], snapshot: Snapshot) -> list[tuple[Invitation, Event]]:
        watched = [
            (invitation, trigger.cancel_on)
            for invitation in new
            if (trigger := snapshot.triggers.get(invitation.trigger or "")) and trigger.cancel_on
        ]
        if not watched:
            return []
        customers = sorted({invitation.customer for invitation, _ in watched})
        types = sorted({kind for _, kinds in watched for kind in kinds})
        since = min(invitation.event.time for invitation, _ in watched if invitation.event)
        events = await self._store.events.cancelling(customers, types, since)
        return [
            (invitation, event)
            for invitation, kinds in watched
            for event in events
            if event.customer == invitation.customer and event.type in kinds and takes_back(event, invitation)
        ]

    async def _cancel(self, invitation: Invitation) -> None:
        await withdraw_waiting(self._store.database, {"invitation": invitation.id}, Reason.CANCELLED_BY_EVENT)


def takes_back(event: Event, invitation: Invitation) -> bool:
    """Whether a cancelling event means this invitation: not older than its event, and no other subject."""
    if invitation.event is None or event.time < invitation.event.time:
        return False
    return event.subject is None or invitation.event.subject is None or event.subject == invitation.event.subject
