"""Keywords: a touchpoint whose keyword somebody wrote to us comes in; an invitation that is open already goes out.

Like a QR code, a keyword is the person's own first step: no event and no budget of the contact policy stand behind it.
"""

from __future__ import annotations

from datetime import timedelta

from survey_service.intake.customers import CustomerRegister, Sighting, clean_profile
from survey_service.intake.inviting import Occasion, new_invitation
from survey_service.intake.matching import Plan, customer_tree
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import keyword_invitation_id
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.survey import Survey
from survey_service.models.touchpoint import Touchpoint
from survey_service.store.store import Store
from survey_service.tokens import Keyring

EXPIRES_AFTER = timedelta(days=7)


class KeywordInvitations:
    """Makes the invitations behind keywords."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._register = CustomerRegister(store.customers, store.clock)

    async def begin(self, text: str, number: str, touchpoint: Touchpoint, survey: Survey) -> Invitation | None:
        """The invitation that the incoming text `text` from `number` makes, or made before; None: no such number."""
        name = keyword_invitation_id(text)
        earlier = await self._store.invitations.get(name)
        if earlier is not None:
            return earlier
        now = self._store.clock.now()
        profile = clean_profile(CustomerProfile(phone=number))
        (person,) = await self._register.resolve([Sighting(profile, now, f"sms:{text}")])
        if person is None:
            return None
        occasion = Occasion(
            customer=person.id,
            customer_ref=person.ref,
            profile=person.profile,
            touchpoint=touchpoint.id,
            touchpoint_name=touchpoint.name,
            data={},
            tree={"event": {"data": {}}, "customer": customer_tree(person.profile)},
            zone=person.profile.timezone or touchpoint.timezone or "UTC",
        )
        plan = Plan((ChannelName.SMS,), now, now + EXPIRES_AFTER)
        invitation, _ = new_invitation(name, occasion, survey, plan, self._keyring, now)
        # Nothing is to be sent first: the person has begun.
        begun = {"state": InvitationState.SENT, "sent_at": now, "planned": True, "due_at": invitation.expires_at}
        await self._store.invitations.insert([invitation.model_copy(update=begun)])
        return await self._store.invitations.get(name)
