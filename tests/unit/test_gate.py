"""The gate right before a send: every kind of message against everything that may stand against it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.delivery.gate import CHECKS, HOLD, MAX_DEATHS, End, Facts, Hold, Send, check_send
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import ASKS, TO_PEOPLE, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.work.budget import Refusal
from survey_service.work.reserving import Granted
from tests.support.factories import NOON, make_delivery, make_invitation

INVITATION = make_invitation()
KINDS = list(DeliveryKind)
OTHERS = [kind for kind in KINDS if kind not in ASKS]
# The table of DESIGN "Sent", as far as this step goes: which kinds each check stops.
STOPPED_BY = {
    Reason.SUPPRESSED: {*ASKS, DeliveryKind.DIALOGUE, DeliveryKind.REWARD, DeliveryKind.CASE_REPLY},
    Reason.NO_CONSENT: {*ASKS},
    Reason.EXPIRED: {*KINDS},
    Reason.SURVEY_GONE: {*KINDS},
    Reason.TRIGGER_DISABLED: {*ASKS},
    Reason.ADDRESS_NOT_ALLOWED: {*KINDS},
    Reason.PERSON_INACTIVE: {*TO_PEOPLE},
    Reason.OPEN_CASE: {*ASKS},
}
AGAINST: dict[Reason, dict[str, Any]] = {
    Reason.SUPPRESSED: {"suppressed": True},
    Reason.NO_CONSENT: {"profile": CustomerProfile(consent={"email": False})},
    Reason.EXPIRED: {"now": INVITATION.expires_at},
    Reason.SURVEY_GONE: {"survey_stands": False},
    Reason.TRIGGER_DISABLED: {"trigger_enabled": False},
    Reason.ADDRESS_NOT_ALLOWED: {"only_to": "*@acme.example"},
    Reason.PERSON_INACTIVE: {"person_works": False},
    Reason.OPEN_CASE: {"open_case": True},
}


def facts(**changes: Any) -> Facts:
    """Nothing stands against it."""
    fine = Facts(
        now=NOON,
        invitation=INVITATION,
        profile=CustomerProfile(email="ada@example.com"),
        suppressed=False,
        survey_stands=True,
        trigger_enabled=True,
        paused_by=None,
        only_to=None,
        brand=Brand(id="acme", name="Acme"),
        test_addresses=("ada@example.com",),
    )
    return dataclasses.replace(fine, **changes)


def delivery(kind: DeliveryKind = DeliveryKind.INVITE, **changes: Any) -> Delivery:
    return make_delivery(INVITATION, kind=kind, **changes)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_stands_against_it_every_kind_is_sent(kind: DeliveryKind) -> None:
    assert check_send(delivery(kind), facts()) == Send()


@pytest.mark.parametrize("reason", AGAINST)
@pytest.mark.parametrize("kind", KINDS)
def test_a_check_stops_the_kinds_it_is_for_and_no_other(kind: DeliveryKind, reason: Reason) -> None:
    stopped = kind in STOPPED_BY[reason]
    expected = End(DeliveryState.CANCELLED, reason) if stopped else Send()
    assert check_send(delivery(kind), facts(**AGAINST[reason])) == expected


@pytest.mark.parametrize("reason", AGAINST)
def test_a_mail_that_a_dead_worker_was_sending_ends_as_dead(reason: Reason) -> None:
    row = delivery(min(STOPPED_BY[reason]), state=DeliveryState.SENDING, claim=2, deaths=1)
    assert check_send(row, facts(**AGAINST[reason])) == End(DeliveryState.DEAD, reason)


def test_a_mail_that_a_dead_worker_was_sending_goes_again() -> None:
    assert check_send(delivery(state=DeliveryState.SENDING, deaths=1), facts()) == Send()


@pytest.mark.parametrize("channel", [ChannelName.SMS, ChannelName.WEB])
@pytest.mark.parametrize("deaths", [1, MAX_DEATHS])
@pytest.mark.parametrize("against", [{}, {"suppressed": True}, {"paused_by": "everything"}])
def test_a_text_message_that_a_dead_worker_was_sending_is_never_sent_again(
    channel: ChannelName, deaths: int, against: dict[str, Any]
) -> None:
    row = delivery(channel=channel, state=DeliveryState.SENDING, deaths=deaths)
    assert check_send(row, facts(**against)) == End(DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("state", [DeliveryState.REQUESTED, DeliveryState.PLANNED, DeliveryState.SENDING])
def test_a_row_that_killed_five_workers_is_poison(state: DeliveryState) -> None:
    assert check_send(delivery(state=state, deaths=MAX_DEATHS - 1), facts()) != End(DeliveryState.DEAD, Reason.POISON)
    assert check_send(delivery(state=state, deaths=MAX_DEATHS), facts()) == End(DeliveryState.DEAD, Reason.POISON)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_names_itself_and_holds_all_but_the_way_into_the_dashboard(kind: DeliveryKind) -> None:
    expected = Send() if kind is DeliveryKind.SIGN_IN else Hold(NOON + HOLD, held_by="channel:email")
    assert check_send(delivery(kind), facts(paused_by="channel:email")) == expected


@pytest.mark.parametrize("reason", AGAINST)
def test_what_must_not_be_sent_is_not_held_by_a_pause(reason: Reason) -> None:
    against = {**AGAINST[reason], "paused_by": "everything"}
    assert check_send(delivery(min(STOPPED_BY[reason])), facts(**against)) == End(DeliveryState.CANCELLED, reason)


def test_what_another_stage_asked_for_is_planned_for_now() -> None:
    assert check_send(delivery(DeliveryKind.TEST, state=DeliveryState.REQUESTED), facts()) == Hold(NOON)


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (InvitationState.WAITING, None, None),
        (InvitationState.SENT, None, None),
        (InvitationState.UNDELIVERABLE, Reason.REFUSED, None),
        (InvitationState.STARTED, None, Reason.ANSWERED),
        (InvitationState.FINISHED, None, Reason.ANSWERED),
        (InvitationState.EXPIRED, Reason.EXPIRED, Reason.EXPIRED),
        (InvitationState.CANCELLED, Reason.OPTED_OUT, Reason.OPTED_OUT),
        (InvitationState.CANCELLED, Reason.CANCELLED_BY_EVENT, Reason.CANCELLED_BY_EVENT),
        (InvitationState.CANCELLED, None, Reason.CANCELLED),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_asks_is_sent_only_while_its_invitation_is_open(
    kind: DeliveryKind, state: InvitationState, reason: Reason | None, expected: Reason | None
) -> None:
    verdict = check_send(delivery(kind), facts(invitation=make_invitation(state=state, reason=reason)))
    stopped = expected is not None and kind in ASKS
    assert verdict == (End(DeliveryState.CANCELLED, expected) if stopped and expected else Send())


@pytest.mark.parametrize("kind", KINDS)
def test_what_asks_is_not_sent_for_an_invitation_that_is_gone(kind: DeliveryKind) -> None:
    expected = End(DeliveryState.CANCELLED, Reason.CANCELLED) if kind in ASKS else Send()
    assert check_send(delivery(kind), facts(invitation=None)) == expected


def test_a_test_message_goes_to_the_brands_own_list_alone() -> None:
    refused = End(DeliveryState.CANCELLED, Reason.ADDRESS_NOT_ALLOWED)
    assert check_send(delivery(DeliveryKind.TEST), facts(test_addresses=())) == refused
    assert check_send(delivery(DeliveryKind.TEST), facts(test_addresses=("qa@acme.example",))) == refused
    assert check_send(delivery(DeliveryKind.INVITE), facts(test_addresses=())) == Send()


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*@example.com", True),
        ("ADA@EXAMPLE.com", True),
        ("*", True),
        ("*@example.co", False),
        ("example.com", False),
        ("*@other.example", False),
    ],
)
def test_only_to_is_a_pattern_over_the_whole_address(pattern: str, allowed: bool) -> None:
    assert isinstance(check_send(delivery(), facts(only_to=pattern)), Send) is allowed


def test_consent_counts_for_its_own_channel_as_it_is_today() -> None:
    refused_sms = CustomerProfile(consent={"sms": False, "email": True})
    assert check_send(delivery(), facts(profile=refused_sms)) == Send()
    assert check_send(delivery(channel=ChannelName.SMS), facts(profile=refused_sms)) == End(
        DeliveryState.CANCELLED, Reason.NO_CONSENT
    )


def test_the_last_moment_to_send_is_before_the_end() -> None:
    late = facts(now=INVITATION.expires_at - timedelta(milliseconds=1))
    assert check_send(delivery(), late) == Send()


QUIET_KINDS = {kind for kind in KINDS if CHECKS[kind].quiet_hours}


@pytest.mark.parametrize("kind", KINDS)
def test_in_quiet_hours_only_what_may_not_wake_anybody_waits(kind: DeliveryKind) -> None:
    opens = NOON + timedelta(hours=3)
    held = Hold(opens, Reason.QUIET_HOURS) if kind in QUIET_KINDS else Send()
    assert check_send(delivery(kind), facts(open_at=opens)) == held


def test_the_table_of_quiet_hours_is_the_one_of_the_design() -> None:
    kinds = DeliveryKind
    to_customers = {kinds.INVITE, kinds.FALLBACK, kinds.REMINDER, kinds.REWARD, kinds.CASE_REPLY}
    assert to_customers | {kinds.ALERT, kinds.REPORT} == QUIET_KINDS  # for the latter they are the person's own


def test_quiet_hours_beyond_the_end_are_an_end() -> None:
    late = INVITATION.expires_at + timedelta(minutes=1)
    assert check_send(delivery(), facts(open_at=late)) == End(DeliveryState.CANCELLED, Reason.EXPIRED)


def _moved_to(at: datetime) -> Granted:
    return Granted(at, Refusal(Reason.CONTACT_LIMIT, at))


def test_a_message_that_finds_no_place_any_more_is_an_end() -> None:
    full = Refusal(Reason.CONTACT_LIMIT, INVITATION.expires_at + timedelta(days=1))
    assert check_send(delivery(), facts(budget=full)) == End(DeliveryState.CANCELLED, Reason.CONTACT_LIMIT)


def test_a_message_that_moved_waits_for_the_budget_and_for_the_morning_whichever_is_later() -> None:
    evening, morning = NOON + timedelta(hours=9), NOON + timedelta(hours=20)
    assert check_send(delivery(), facts(open_at=evening, budget=_moved_to(morning))) == Hold(
        morning, Reason.CONTACT_LIMIT
    )
    assert check_send(delivery(), facts(open_at=morning, budget=_moved_to(evening))) == Hold(
        morning, Reason.QUIET_HOURS
    )


def test_where_consent_is_required_silence_is_a_no() -> None:
    strict = Brand(id="acme", name="Acme", consent_required=("email",))
    refused = End(DeliveryState.CANCELLED, Reason.NO_CONSENT)
    assert check_send(delivery(), facts(brand=strict)) == refused
    agreed = CustomerProfile(email="ada@example.com", consent={"email": True})
    assert check_send(delivery(), facts(brand=strict, profile=agreed)) == Send()


@pytest.mark.parametrize(
    ("state", "end"),
    [(DeliveryState.PLANNED, DeliveryState.CANCELLED), (DeliveryState.SENDING, DeliveryState.DEAD)],
)
def test_what_would_have_to_wait_beyond_its_end_never_leaves(state: DeliveryState, end: DeliveryState) -> None:
    too_late = facts(open_at=INVITATION.expires_at)
    assert check_send(delivery(state=state), too_late) == End(end, Reason.EXPIRED)
