"""Moving: messages that leave off their plan come in; the place in the budget that each one has now goes out.

A place is held at the planned time. Whoever was delayed, by an outage, a pause or a retry, must not meet another
message that was planned for this very time: so the place moves with the send, under the same rules as when it was
taken. What an operator tries again after its place was given back needs a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from survey_service.delivery.known import Batch
from survey_service.delivery.steps import OFF_PLAN, open_from
from survey_service.models.contact import Contact, Frequency
from survey_service.models.delivery import ASKS, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import UNANSWERED_STATES, Invitation, InvitationState
from survey_service.store.contacts import contact_ids
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.budget import Rules
from survey_service.work.reserving import Answer, Reserving, Wish


class Moving:
    """Finds new places for delayed first messages, and for what is tried again."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._reserving = Reserving(store.contacts)

    async def place_again(self, rows: Sequence[Delivery], batch: Batch) -> dict[str, Answer]:
        """The new place of each message off its plan, by delivery; those on their plan keep theirs."""
        moved = [row for row in rows if self._is_off_plan(row, batch)]
        if not moved:
            return {}
        asking = {row.invitation or "": row for row in moved}
        holders = await self._store.contacts.holding(list(asking))
        holders |= await self._without_place([row for name, row in asking.items() if name not in holders])
        wishes = [self._wish(batch.invitations[name], row, holders[name], batch) for name, row in asking.items()]
        answers = await self._reserving.reserve(wishes)
        return {row.id: answers[row.invitation or ""] for row in moved}

    def _is_off_plan(self, row: Delivery, batch: Batch) -> bool:
        invitation = batch.invitations.get(row.invitation or "")
        if row.kind not in ASKS or row.state is not DeliveryState.PLANNED:
            return False
        if invitation is None or invitation.state not in UNANSWERED_STATES:
            return False  # it does not leave at all
        if invitation.state is InvitationState.UNDELIVERABLE and invitation.sent_at is None:
            return True  # it was given up, and with it its place
        return row.kind is DeliveryKind.INVITE and self._store.clock.now() - invitation.send_at > OFF_PLAN

    async def _without_place(self, rows: Sequence[Delivery]) -> dict[str, list[Contact]]:
        """The contacts under which messages count that hold no place."""
        names = {row.invitation or "": contact_ids(row.customer or "", row.to, self._keyring) for row in rows}
        contacts = await self._store.contacts.get_many(sorted({name for own in names.values() for name in own}))
        return {invitation: [contacts[name] for name in own] for invitation, own in names.items()}

    def _wish(self, invitation: Invitation, row: Delivery, holders: Sequence[Contact], batch: Batch) -> Wish:
        less = any(contact.frequency is Frequency.LESS for contact in holders)
        trigger = batch.snapshot.triggers.get(invitation.trigger or "")
        policy = batch.snapshot.policy
        if trigger is None:
            rules = Rules.of_policy(policy, invitation.survey, less_often=less)
        else:
            rules = replace(Rules.of(policy, trigger.trigger, trigger, less_often=less), text=invitation.survey)
        return Wish(
            invitation=invitation.id,
            contacts=tuple(contact.id for contact in holders),
            rules=rules,
            at=open_from(invitation, self._store.clock.now()),
            latest=row.expires_at,
            allowed_from=partial(open_from, invitation),
            exempt=invitation.exempt,
            trigger=invitation.trigger,
            moves=True,
        )
