"""Direct invitations: a caller names survey and customer, without an event; the answer carries the survey's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from survey_service.calendars import zone
from survey_service.errors import Conflict, InvalidInput, NotAllowed
from survey_service.intake.anonymity import asking_problems
from survey_service.intake.caring import read_care
from survey_service.intake.customers import CustomerRegister, Sighting, clean_profile
from survey_service.intake.drafting import open_from
from survey_service.intake.inviting import Occasion, new_invitation
from survey_service.intake.matching import Plan, Silence, customer_tree, usable_channels
from survey_service.intake.offering import make_offer
from survey_service.models.contact import Frequency
from survey_service.models.customer import Customer, CustomerProfile, address_on
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import hashed_id, random_id
from survey_service.models.incentive import Offer
from survey_service.models.invitation import Invitation
from survey_service.models.trigger import QuietHours
from survey_service.store.configuration import Snapshot
from survey_service.store.contacts import contact_ids
from survey_service.store.group_commit import Inserted
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.budget import Refusal, Rules
from survey_service.work.reserving import Reserving, Wish


@dataclass(frozen=True, slots=True)
class DirectRequest:
    """What a caller asks for; `content_hash` is over the whole body, so that an Idempotency-Key means one thing."""

    survey: str
    profile: CustomerProfile
    channels: tuple[ChannelName, ...]
    touchpoint: str | None
    data: Mapping[str, Any]
    language: str | None
    delay: timedelta
    expires_after: timedelta
    key: str  # id of the API key
    idempotency_key: str | None
    content_hash: str
    ignore_rules: bool = False  # skips the contact policy, and nothing else
    incentive: str | None = None  # what an answer is thanked with


@dataclass(frozen=True, slots=True)
class DirectResult:
    """The invitation and the address of its survey; `created` is False for a repeated request."""

    invitation: Invitation
    url: str
    created: bool


class DirectInvitations:
    """Makes invitations on request; suppression and consent are still checked before anything is sent."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells, base_url: str) -> None:
        self._store = store
        self._keyring = keyring
        self._bells = bells
        self._base_url = base_url
        self._register = CustomerRegister(store.customers, store.clock)
        self._reserving = Reserving(store.contacts)

    async def invite(self, request: DirectRequest) -> DirectResult:
        """Make the invitation, or find the one that the same request made before.

        Raises:
            InvalidInput: unknown survey or incentive, a way that is not anonymous for a survey that is, or a customer
                whom none of the channels reaches.
            NotAllowed: the contact policy says no; the reason and the next allowed time are in it.
            Conflict: the Idempotency-Key was used for another request.
        """
        snapshot = await self._store.configuration.current()
        survey = snapshot.surveys.get(request.survey)
        if survey is None:
            raise InvalidInput.at("/survey", "unknown", "there is no such survey")
        brand = snapshot.brands.get(survey.brand)
        if brand is None:
            raise InvalidInput.at("/survey", "brand", "the survey's brand does not exist any more")
        if request.incentive is not None and request.incentive not in snapshot.incentives:
            raise InvalidInput.at("/incentive", "unknown", "there is no such incentive")
        if survey.anonymous and (problems := list(asking_problems(request.channels, request.incentive))):
            raise InvalidInput(problems)
        now = self._store.clock.now()
        named = await self._store.configuration.touchpoints.get(request.touchpoint) if request.touchpoint else None
        person = await self._person(request)
        contact = (await self._store.contacts.get_many([person.id]))[person.id]
        channels = usable_channels(request.channels, person.profile, brand, contact.channel)
        if isinstance(channels, Silence):
            raise InvalidInput.at("/channels", channels.reason.value, "none of the channels reaches the customer")
        place = person.profile.timezone or (named.timezone if named else None) or brand.timezone
        quiet_hours = QuietHours()
        tree = {"event": {"data": request.data}, "customer": customer_tree(person.profile)}
        name = self._name(request)
        care = await read_care(self._store, [person.id], now)
        occasion = Occasion(
            customer=person.id,
            customer_ref=person.ref,
            profile=person.profile,
            touchpoint=request.touchpoint,
            touchpoint_name=named.name if named else None,
            data=request.data,
            tree=tree,
            incentive=await self._offer(request.incentive, snapshot, tree),
            we_did=care.we_did(contact, survey.brand, name),
            zone=place,
            language=request.language,
            request_hash=request.content_hash,
            quiet_hours=quiet_hours,
            exempt=request.ignore_rules,
        )
        opens = open_from(quiet_hours, zone(place))
        plan = Plan(channels, now + request.delay, now + request.expires_after)
        if channels[0] is not ChannelName.WEB:
            plan = replace(plan, send_at=opens(plan.send_at))
        if await self._store.invitations.get(name) is not None:
            return await self._earlier(name, request)
        if person.id in care.active and snapshot.policy.open_cases and not request.ignore_rules:
            raise NotAllowed(Reason.OPEN_CASE.value, None)
        wish = Wish(
            invitation=name,
            contacts=contact_ids(person.id, address_on(channels[0], person.profile), self._keyring),
            rules=Rules.of_policy(snapshot.policy, survey.survey, less_often=contact.frequency is Frequency.LESS),
            at=plan.send_at,
            latest=None,
            allowed_from=opens,
            exempt=request.ignore_rules,
        )
        answer = (await self._reserving.reserve([wish]))[name]
        if isinstance(answer, Refusal):
            raise NotAllowed(answer.reason.value, answer.next_at)
        invitation, token = new_invitation(name, occasion, survey, plan, self._keyring, now)
        try:
            (outcome,) = await self._store.invitations.insert([invitation])
        except Exception:
            if request.idempotency_key is None:  # else a repetition, which may be under way, finds it
                await self._let_go(name)
            raise
        if outcome is Inserted.DUPLICATE:
            return await self._earlier(name, request)
        self._bells.ring("planning")
        return DirectResult(invitation, self.survey_url(token), created=True)

    def survey_url(self, token: str) -> str:
        """Where the survey behind a token is answered."""
        return f"{self._base_url}/s/{token}"

    def url_of(self, invitation: Invitation) -> str | None:
        """The survey address of a stored invitation; None when the key that made its token is gone."""
        token = self._keyring.survey_token(invitation.id, invitation.token.kid)
        return self.survey_url(token) if token else None

    async def _offer(self, name: str | None, snapshot: Snapshot, tree: Mapping[str, object]) -> Offer | None:
        if name is None:
            return None
        given = await self._store.incentive_states.get_many([name])
        offer = make_offer(snapshot.incentives.get(name), given.get(name), tree)
        return offer if isinstance(offer, Offer) else None

    async def _person(self, request: DirectRequest) -> Customer:
        sighting = Sighting(clean_profile(request.profile), self._store.clock.now(), f"api:{request.key}")
        (person,) = await self._register.resolve([sighting])
        if person is None:
            raise InvalidInput.at("/customer", "unusable", "the customer has neither an id nor an address that exists")
        return person

    async def _let_go(self, name: str) -> None:
        """Give back the place of an invitation that is not there; a database that cannot say so is asked later on."""
        if await self._store.invitations.get(name) is None:
            await self._reserving.release([name])

    async def _earlier(self, name: str, request: DirectRequest) -> DirectResult:
        earlier = await self._store.invitations.get(name)
        forgotten = earlier is not None and earlier.erased_at is not None
        if earlier is None or not (forgotten or earlier.request_hash == request.content_hash):
            raise Conflict("the Idempotency-Key was used for another request")
        return DirectResult(earlier, self.url_of(earlier) or "", created=False)

    @staticmethod
    def _name(request: DirectRequest) -> str:
        if request.idempotency_key is None:
            return random_id("inv")
        return hashed_id("inv", "direct", request.key, request.idempotency_key)
