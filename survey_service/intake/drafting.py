"""Drafting: an event, its customer and what is known of both go in; each trigger's verdict comes out. Pure.

What one trigger says is drafted without the budget first; whoever is to be asked becomes a wish, and the answer to it
(`reserving`) settles the decision. Deciding for real and trying a rule on last month's events both go through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from survey_service.calendars import WeekWindows, parse_windows, zone
from survey_service.intake.caring import Care
from survey_service.intake.inviting import Occasion
from survey_service.intake.matching import (
    Plan,
    Silence,
    Verdict,
    customer_tree,
    event_tree,
    judge,
    rule_variables,
)
from survey_service.intake.offering import NoOffer, make_offer
from survey_service.intake.sampling import choose_variant
from survey_service.models.brand import Brand
from survey_service.models.contact import Contact, Frequency
from survey_service.models.contact_policy import ContactPolicyContent
from survey_service.models.customer import Customer, address_on
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.ids import invitation_id
from survey_service.models.incentive import IncentiveState, Offer
from survey_service.models.invitation import EventFacts, Invitation
from survey_service.models.suppression import Suppression
from survey_service.models.survey import Survey
from survey_service.models.touchpoint import Touchpoint
from survey_service.models.trigger import QuietHours, Trigger, Variant, WhenNotAllowed
from survey_service.store.configuration import Snapshot
from survey_service.store.contacts import contact_ids
from survey_service.store.suppressions import address_hashes, person_hashes, stands_against
from survey_service.tokens import Keyring
from survey_service.work.budget import Refusal, Rules
from survey_service.work.reserving import Answer, Granted, Wish

MAX_DEATHS = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What a batch was decided by, read once."""

    now: datetime
    snapshot: Snapshot
    policy: ContactPolicyContent
    places: Mapping[str, Touchpoint]
    standing: Mapping[tuple[str, str], Suppression]
    contacts: Mapping[str, Contact]
    keyring: Keyring
    earlier: Mapping[tuple[str, str], Invitation] = field(default_factory=dict)  # by (event key, trigger)
    care: Care = field(default_factory=Care)
    given: Mapping[str, IncentiveState] = field(default_factory=dict)  # by the incentives that triggers name


@dataclass(frozen=True, slots=True)
class Draft:
    """One trigger's verdict on one event before the budget is asked; `invitation` is the id it would have."""

    event: Event
    trigger: Trigger
    person: Customer | None
    verdict: Verdict
    invitation: str
    survey: Survey | None = None
    brand: Brand | None = None
    place: Touchpoint | None = None
    variant: Variant | None = None
    earlier: Invitation | None = None
    we_did: str | None = None  # about what the person said last time

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock counts: the customer's, else the touchpoint's, else the brand's."""
        named = self.person.profile.timezone if self.person else None
        named = named or (self.place.timezone if self.place else None) or (self.brand.timezone if self.brand else None)
        return zone(named or "UTC")


def draft_decisions(event: Event, person: Customer | None, facts: Facts) -> list[Draft]:
    """A draft for every trigger that asks about this type of event."""
    drafts = []
    for trigger in facts.snapshot.triggers_for(event.type):
        variant = choose_variant(trigger.variants, trigger.trigger, person.id) if person else None
        survey = facts.snapshot.surveys.get((variant.survey if variant else None) or trigger.survey)
        invitation = invitation_id(event.id, trigger.trigger)
        draft = Draft(
            event=event,
            trigger=trigger,
            person=person,
            verdict=Silence(Reason.POISON),
            invitation=invitation,
            survey=survey,
            brand=facts.snapshot.brands.get(survey.brand) if survey else None,
            place=facts.places.get(event.touchpoint or ""),
            variant=variant,
            earlier=facts.earlier.get((event.id, trigger.trigger)),
            we_did=_we_did(person, survey, invitation, facts),
        )
        drafts.append(replace(draft, verdict=_verdict(draft, facts)))
    return drafts


def _we_did(person: Customer | None, survey: Survey | None, invitation: str, facts: Facts) -> str | None:
    if person is None or survey is None:
        return None
    contact = facts.contacts.get(person.id, Contact(id=person.id))
    return facts.care.we_did(contact, survey.brand, invitation)


def _verdict(draft: Draft, facts: Facts) -> Verdict:
    event, trigger, person = draft.event, draft.trigger, draft.person
    if event.deaths >= MAX_DEATHS:
        return Silence(Reason.POISON)
    if draft.survey is None or draft.brand is None:
        return Silence(Reason.SURVEY_GONE)
    if person is None:
        return Silence(Reason.NO_CHANNEL, "nothing in the event names a person that could be reached")
    contact = facts.contacts.get(person.id, Contact(id=person.id))
    cared_for = person.id in facts.care.active
    variables = rule_variables(event, person.profile, contact, facts.now, draft.invitation, open_case=cared_for)
    suppressed = [channel for channel in trigger.channels if _silenced(person, channel, draft.brand.id, facts)]
    verdict = judge(
        trigger,
        event,
        person.profile,
        draft.brand,
        variables,
        facts.now,
        suppressed=suppressed,
        prefers=contact.channel,
    )
    if isinstance(verdict, Silence):
        return verdict
    if cared_for and facts.policy.open_cases and not trigger.exempt:
        return Silence(Reason.OPEN_CASE)
    send_at = verdict.send_at
    if verdict.channels[0] is not ChannelName.WEB:  # there no message wakes anybody
        send_at = open_from(trigger.quiet_hours, draft.zone)(send_at)
    if send_at >= verdict.expires_at:
        return Silence(Reason.EXPIRED, values={"send_at": send_at.isoformat()})
    return replace(verdict, send_at=send_at)


def _silenced(person: Customer, channel: ChannelName, brand: str, facts: Facts) -> bool:
    hashes = person_hashes(facts.keyring, person.id)
    if address := address_on(channel, person.profile):
        hashes += address_hashes(facts.keyring, address)
    return stands_against(facts.standing, hashes, brand) is not None


def open_from(quiet_hours: QuietHours | None, place: ZoneInfo) -> Callable[[datetime], datetime]:
    """A function to the first allowed instant at or after one."""
    if quiet_hours is None:
        return lambda instant: instant
    windows: WeekWindows = parse_windows(quiet_hours.allow)
    return partial(windows.next_allowed, zone=place)


def wish_of(draft: Draft, facts: Facts) -> Wish | None:
    """What a draft asks of the budget; None where there is nothing to ask."""
    plan, person, trigger = draft.verdict, draft.person, draft.trigger
    if draft.earlier is not None or isinstance(plan, Silence) or person is None or draft.survey is None:
        return None
    channel = plan.channels[0]
    contact = facts.contacts.get(person.id)
    less = contact is not None and contact.frequency is Frequency.LESS
    rules = Rules.of(facts.policy, trigger.trigger, trigger, less_often=less)
    return Wish(
        invitation=draft.invitation,
        contacts=contact_ids(person.id, address_on(channel, person.profile), facts.keyring),
        rules=replace(rules, text=draft.survey.survey),
        at=plan.send_at,
        latest=plan.expires_at if trigger.when_not_allowed is WhenNotAllowed.DEFER else None,
        allowed_from=open_from(trigger.quiet_hours, draft.zone),
        exempt=trigger.exempt,
        trigger=trigger.trigger,
    )


def settle(draft: Draft, answer: Answer | None) -> tuple[Decision, Plan | None]:
    """The decision on a draft once the budget has answered, and the plan of the invitation if it makes a new one."""
    trigger = draft.trigger
    decision = Decision(trigger=trigger.trigger, trigger_version=trigger.version, outcome=Outcome.SKIPPED)
    if draft.earlier is not None:
        version = draft.earlier.trigger_version or trigger.version
        adopted = {"outcome": Outcome.INVITED, "invitation": draft.earlier.id, "trigger_version": version}
        return decision.model_copy(update=adopted), None
    if isinstance(draft.verdict, Silence):
        said = draft.verdict
        silent = {"reason": said.reason, "detail": said.detail, "values": dict(said.values)}
        return decision.model_copy(update=silent), None
    if isinstance(answer, Refusal):
        values = {"asked_for": draft.verdict.send_at.isoformat()}
        refused = {"reason": answer.reason, "next_eligible_at": answer.next_at, "values": values}
        return decision.model_copy(update=refused), None
    if not isinstance(answer, Granted):
        return decision.model_copy(update={"reason": Reason.CANCELLED}), None
    plan = replace(draft.verdict, send_at=answer.at)
    invited: dict[str, object] = {"outcome": Outcome.INVITED, "invitation": draft.invitation}
    if answer.refusal is not None:
        invited |= {
            "outcome": Outcome.DEFERRED,
            "reason": answer.refusal.reason,
            "next_eligible_at": answer.at,
        }
    return decision.model_copy(update=invited), plan


def offer_of(draft: Draft, facts: Facts) -> Offer | NoOffer | None:
    """What the invitation of a draft that was granted offers, or why nothing; None where its trigger names nothing."""
    name, person = draft.trigger.incentive, draft.person
    if name is None or person is None:
        return None
    return make_offer(facts.snapshot.incentives.get(name), facts.given.get(name), _tree(draft.event, person))


def with_offer(decision: Decision, offer: Offer | NoOffer | None) -> Decision:
    """The decision, which says what was offered or why nothing was."""
    if offer is None:
        return decision
    told = {"incentive": offer.incentive} if isinstance(offer, Offer) else {"no_incentive": offer.value}
    return decision.model_copy(update={"values": {**decision.values, **told}})


def _tree(event: Event, person: Customer) -> dict[str, object]:
    return {"event": event_tree(event), "customer": customer_tree(person.profile)}


def occasion_of(draft: Draft, offer: Offer | None = None) -> Occasion:
    """Why and to whom, for the invitation of a draft that was granted."""
    event, person = draft.event, draft.person
    assert person is not None  # noqa: S101 -- a draft without a person is never granted
    return Occasion(
        customer=person.id,
        customer_ref=person.ref,
        profile=person.profile,
        touchpoint=event.touchpoint,
        touchpoint_name=draft.place.name if draft.place else None,
        data={name: value for name, value in event.data.items() if name != "customer"},
        tree=_tree(event, person),
        incentive=offer,
        we_did=draft.we_did,
        zone=draft.zone.key,
        event=EventFacts(
            key=event.id,
            id=event.event_id,
            source=event.source,
            type=event.type,
            time=event.time,
            subject=event.subject,
        ),
        trigger=draft.trigger,
        variant=draft.variant.name if draft.variant else None,
    )
