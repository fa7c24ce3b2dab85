"""Moving: first messages that leave off their plan come in; the place in the budget that each one has now goes out.

A place is held at the planned time. Whoever was delayed, by an outage, a pause or a retry, must not meet another
message that was planned for this very time: so the place moves with the send, under the same rules as when it was
taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from survey_service.delivery.known import Batch
from survey_service.delivery.steps import OFF_PLAN, open_from
from survey_service.models.contact import Contact, Frequency
from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import Invitation
from survey_service.store.store import Store
from survey_service.work.budget import Rules
from survey_service.work.reserving import Answer, Reserving, Wish


class Moving:
    """Finds new places for delayed first messages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reserving = Reserving(store.contacts)

    async def place_again(self, rows: Sequence[Delivery], batch: Batch) -> dict[str, Answer]:
        """The new place of each delayed first message, by delivery; those on their plan keep theirs."""
        delayed = {row.invitation: row for row in rows if row.invitation and self._is_delayed(row, batch)}
        if not delayed:
            return {}
        holders = await self._store.contacts.holding(list(delayed))
        wishes = [
            self._wish(batch.invitations[name], row, holders[name], batch)
            for name, row in delayed.items()
            if name in holders
        ]
        answers = await self._reserving.reserve(wishes)
        return {delayed[name].id: answer for name, answer in answers.items()}

    def _is_delayed(self, row: Delivery, batch: Batch) -> bool:
        invitation = batch.invitations.get(row.invitation or "")
        if row.kind is not DeliveryKind.INVITE or row.state is not DeliveryState.PLANNED or invitation is None:
            return False
        return self._store.clock.now() - invitation.send_at > OFF_PLAN

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
