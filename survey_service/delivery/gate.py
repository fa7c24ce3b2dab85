"""The gate: a delivery and all that is known right before its send go in; send, hold or drop comes out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile, consents
from survey_service.models.decision import Reason
from survey_service.models.delivery import ASKS, TO_PEOPLE, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.texts.phone_kinds import kind_of
from survey_service.work.budget import Refusal
from survey_service.work.reserving import Answer

HOLD = timedelta(minutes=5)
MAX_DEATHS = 5


@dataclass(frozen=True, slots=True)
class Checks:
    """Which checks a kind of message has to pass (DESIGN "Sent", the table)."""

    suppression: bool
    consent: bool
    quiet_hours: bool
    pauses: bool = True


CHECKS: dict[DeliveryKind, Checks] = {
    DeliveryKind.INVITE: Checks(suppression=True, consent=True, quiet_hours=True),
    DeliveryKind.FALLBACK: Checks(suppression=True, consent=True, quiet_hours=True),
    DeliveryKind.REMINDER: Checks(suppression=True, consent=True, quiet_hours=True),
    DeliveryKind.DIALOGUE: Checks(suppression=True, consent=False, quiet_hours=False),
    DeliveryKind.REWARD: Checks(suppression=True, consent=False, quiet_hours=True),
    DeliveryKind.CASE_REPLY: Checks(suppression=True, consent=False, quiet_hours=True),
    DeliveryKind.ALERT: Checks(suppression=False, consent=False, quiet_hours=True),  # the person's own
    DeliveryKind.REPORT: Checks(suppression=False, consent=False, quiet_hours=True),
    # Whoever is to look at what is wrong must get in, also while what customers get is held.
    DeliveryKind.SIGN_IN: Checks(suppression=False, consent=False, quiet_hours=False, pauses=False),
    DeliveryKind.TEST: Checks(suppression=False, consent=False, quiet_hours=False),
}
NUMBER_REASONS = frozenset({Reason.NUMBER_REFUSED, Reason.COUNTRY_NOT_ALLOWED})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one delivery at this moment."""

    now: datetime
    invitation: Invitation | None
    profile: CustomerProfile | None  # the customer's as it is today
    suppressed: bool
    survey_stands: bool
    trigger_enabled: bool
    paused_by: str | None
    only_to: str | None
    brand: Brand | None = None
    open_at: datetime | None = None  # when the quiet hours end; None: they do not stand
    person_works: bool = True  # the one of our people whom it is for is there, active, and still has that address
    budget: Answer | None = None  # the contact policy's word on a message that leaves off its plan; None: on its plan
    open_case: bool = False  # somebody takes care of what the customer said last, and the policy waits for that
    test_addresses: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()  # that text messages may go to; empty: all


@dataclass(frozen=True, slots=True)
class Send:
    """Nothing stands against it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now; look again at `until`, or when `held_by` is lifted."""

    until: datetime
    reason: Reason | None = None
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Not at all."""

    state: DeliveryState
    reason: Reason


Verdict = Send | Hold | End


def check_send(delivery: Delivery, facts: Facts) -> Verdict:
    """The verdict on one delivery; a mail that a dead worker was sending goes again, a text message never."""
    if delivery.state is DeliveryState.SENDING and delivery.channel is not ChannelName.EMAIL:
        return End(DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    if delivery.deaths >= MAX_DEATHS:
        return End(DeliveryState.DEAD, Reason.POISON)
    if delivery.state is DeliveryState.REQUESTED:
        return Hold(facts.now)
    reason = _why_not(delivery, facts)
    if reason is not None:
        return _ended(delivery, reason)
    if facts.paused_by is not None and CHECKS[delivery.kind].pauses:
        return Hold(facts.now + HOLD, held_by=facts.paused_by)
    return _not_yet(delivery, facts) or Send()


def _not_yet(delivery: Delivery, facts: Facts) -> Hold | End | None:
    waits = []
    if CHECKS[delivery.kind].quiet_hours and facts.open_at is not None and facts.open_at > facts.now:
        waits.append(Hold(facts.open_at, Reason.QUIET_HOURS))
    if isinstance(facts.budget, Refusal):
        return End(DeliveryState.CANCELLED, facts.budget.reason)
    if facts.budget is not None and facts.budget.refusal is not None and facts.budget.at > facts.now:
        waits.append(Hold(facts.budget.at, facts.budget.refusal.reason))
    if not waits:
        return None
    hold = max(waits, key=lambda wait: wait.until)
    if hold.until >= delivery.expires_at:
        return _ended(delivery, Reason.EXPIRED)
    return hold


def _ended(delivery: Delivery, reason: Reason) -> End:
    """Dead, so that a retry makes sense: what a provider may have taken, and a number that can be allowed."""
    is_dead = delivery.state is DeliveryState.SENDING or reason in NUMBER_REASONS
    return End(DeliveryState.DEAD if is_dead else DeliveryState.CANCELLED, reason)


def _why_not(delivery: Delivery, facts: Facts) -> Reason | None:
    checks = CHECKS[delivery.kind]
    if delivery.kind in ASKS and (reason := _invitation_closed(facts.invitation)):
        return reason
    if not facts.survey_stands:
        return Reason.SURVEY_GONE
    if not facts.trigger_enabled and delivery.kind in ASKS:
        return Reason.TRIGGER_DISABLED
    if facts.now >= delivery.expires_at:
        return Reason.EXPIRED
    if facts.open_case and delivery.kind in ASKS:
        return Reason.OPEN_CASE
    if delivery.kind in TO_PEOPLE and not facts.person_works:
        return Reason.PERSON_INACTIVE
    if checks.suppression and facts.suppressed:
        return Reason.SUPPRESSED
    if checks.consent and facts.profile and facts.brand and not consents(delivery.channel, facts.profile, facts.brand):
        return Reason.NO_CONSENT
    if delivery.kind is DeliveryKind.TEST and delivery.to not in facts.test_addresses:
        return Reason.ADDRESS_NOT_ALLOWED
    if facts.only_to is not None and not fnmatchcase(delivery.to.lower(), facts.only_to.lower()):
        return Reason.ADDRESS_NOT_ALLOWED
    return _number_refused(delivery, facts) if delivery.channel is ChannelName.SMS else None


def _number_refused(delivery: Delivery, facts: Facts) -> Reason | None:
    """Toll fraud: numbers that pay their owner for each message that they get."""
    kind = kind_of(delivery.to)
    if kind.costly:
        return Reason.NUMBER_REFUSED
    if facts.countries and kind.region not in facts.countries:
        return Reason.COUNTRY_NOT_ALLOWED
    return None


def _invitation_closed(invitation: Invitation | None) -> Reason | None:
    if invitation is None:
        return Reason.CANCELLED
    if invitation.state in {InvitationState.STARTED, InvitationState.FINISHED}:
        return Reason.ANSWERED
    if invitation.state is InvitationState.CANCELLED:
        return invitation.reason or Reason.CANCELLED
    return Reason.EXPIRED if invitation.state is InvitationState.EXPIRED else None
