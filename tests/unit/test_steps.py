"""Planning: the next step of an invitation, whatever state it is found in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.delivery.steps import LOOK_AGAIN, Step
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import TRANSITIONS, Invitation, InvitationState, states_that_may_become
from survey_service.models.trigger import ChannelMode, QuietHours, Reminder
from tests.support.asking import (
    BY_SMS,
    DAY,
    EMAIL,
    END,
    FALLBACK,
    HOUR,
    REMINDER,
    SENT,
    SMS,
    WEB,
    an_invitation,
    falling_back,
    message,
    next_step,
)
from tests.support.factories import NOON, make_customer, make_invitation


def first_message(invitation: Invitation, now: datetime) -> Delivery:
    (message,) = next_step(invitation, now).deliveries
    return message


FINAL = [state for state in InvitationState if not TRANSITIONS[state]]
OPEN = [state for state in InvitationState if TRANSITIONS[state]]


def test_a_new_invitation_gets_its_message_and_is_looked_at_again_at_its_end() -> None:
    invitation = make_invitation()
    step = next_step(invitation, NOON)
    assert step == Step(deliveries=(first_message(invitation, NOON),), due_at=END)


def test_planning_twice_makes_the_same_message() -> None:
    invitation = make_invitation()
    assert first_message(invitation, NOON).id == first_message(invitation, NOON + timedelta(hours=1)).id


@pytest.mark.parametrize(
    ("wait", "leaves_after"), [(timedelta(hours=2), timedelta(hours=2)), (timedelta(hours=-2), timedelta())]
)
def test_the_message_leaves_when_it_was_meant_to_or_at_once(wait: timedelta, leaves_after: timedelta) -> None:
    message = first_message(make_invitation(send_at=NOON + wait), NOON)
    assert message.due_at == message.planned_at == NOON + leaves_after


def test_the_message_carries_what_the_send_needs() -> None:
    invitation = make_invitation(touchpoint="berlin-mitte", language="de")
    message = first_message(invitation, NOON)
    assert (message.kind, message.state) == (DeliveryKind.INVITE, DeliveryState.PLANNED)
    assert (message.channel, message.to) == (ChannelName.EMAIL, "ada@example.com")
    for name in ("brand", "survey", "survey_version", "trigger", "customer", "touchpoint", "language", "expires_at"):
        assert getattr(message, name) == getattr(invitation, name)
    assert message.invitation == invitation.id
    assert message.lease is None


def test_an_invitation_for_the_web_needs_no_message() -> None:
    step = next_step(make_invitation(channels=(ChannelName.WEB,)), NOON)
    assert step == Step(state=InvitationState.SENT, due_at=END)


@pytest.mark.parametrize("state", OPEN)
def test_an_open_invitation_expires_at_its_end(state: InvitationState) -> None:
    step = next_step(make_invitation(state=state, planned=True), END)
    assert step == Step(state=InvitationState.EXPIRED, reason=Reason.EXPIRED, frees_place=True)


@pytest.mark.parametrize(
    ("state", "sent_at", "frees"),
    [
        (DeliveryState.PLANNED, None, True),
        (DeliveryState.DEAD, None, True),
        (DeliveryState.SENDING, None, False),
        (DeliveryState.UNKNOWN, None, False),
        (DeliveryState.SENT, NOON, False),
        (DeliveryState.DEAD, NOON, False),  # a message before that one has left
    ],
)
def test_what_may_have_arrived_keeps_its_place_beyond_the_end(
    state: DeliveryState, sent_at: datetime | None, frees: bool
) -> None:
    step = next_step(make_invitation(sent_at=sent_at), END, [message(state)])
    assert (step.state, step.frees_place) == (InvitationState.EXPIRED, frees)


def test_a_retried_message_that_failed_again_frees_its_place_again() -> None:
    given_up = make_invitation(state=InvitationState.UNDELIVERABLE)
    step = next_step(given_up, NOON, [message(DeliveryState.DEAD, Reason.REFUSED)])
    assert step == Step(due_at=END, frees_place=True)


@pytest.mark.parametrize("state", FINAL)
@pytest.mark.parametrize("planned", [True, False])
def test_a_final_invitation_has_no_next_step(state: InvitationState, planned: bool) -> None:
    for now in (NOON, END):
        assert next_step(make_invitation(state=state, planned=planned), now) == Step()


@pytest.mark.parametrize("changes", [{"planned": True}, {"channels": (ChannelName.WEB,)}, {}])
@pytest.mark.parametrize("state", list(InvitationState))
def test_no_step_asks_for_a_state_that_the_table_forbids(state: InvitationState, changes: dict[str, Any]) -> None:
    # A step that can never be written would be taken again and again.
    for now in (NOON, END):
        step = next_step(make_invitation(state=state, **changes), now)
        assert step.state is None or state in states_that_may_become(step.state)


@pytest.mark.parametrize("channel", list(ChannelName))
def test_what_was_answered_before_it_was_planned_is_not_asked_again(channel: ChannelName) -> None:
    answered = make_invitation(state=InvitationState.STARTED, channels=(channel,))
    assert next_step(answered, NOON) == Step(due_at=END)


# --- fallback and reminders


def gave_up(reason: Reason | None) -> Step:
    return Step(state=InvitationState.UNDELIVERABLE, reason=reason, due_at=END, frees_place=True)


def asks(step: Step) -> list[tuple[DeliveryKind, ChannelName, str, timedelta]]:
    return [(row.kind, row.channel, row.to, row.planned_at - NOON) for row in step.deliveries]


TO_SMS = (FALLBACK, SMS, "+4915123456789", HOUR)


@pytest.mark.parametrize(
    ("state", "reason", "falls_back"),
    [
        (DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE, True),
        (DeliveryState.DEAD, Reason.REFUSED, True),
        (DeliveryState.DEAD, Reason.RETRIES_EXHAUSTED, True),
        (DeliveryState.DEAD, Reason.NO_CHANNEL, True),
        (DeliveryState.DEAD, Reason.POISON, False),
        (DeliveryState.DEAD, Reason.COMPOSING_FAILED, False),
        (DeliveryState.CANCELLED, Reason.OPTED_OUT, False),
        (DeliveryState.CANCELLED, Reason.SUPPRESSED, False),
        (DeliveryState.CANCELLED, Reason.NO_CONSENT, False),
        (DeliveryState.CANCELLED, Reason.EXPIRED, False),
        (DeliveryState.CANCELLED, Reason.CANCELLED, False),
    ],
)
def test_the_next_channel_is_tried_after_a_failure_for_good_and_after_nothing_else(
    state: DeliveryState, reason: Reason, falls_back: bool
) -> None:
    failed = message(state, reason)
    step = next_step(falling_back(state=InvitationState.WAITING), NOON + HOUR, [failed])
    if falls_back:
        assert (asks(step), step.state, step.due_at, step.frees_place) == ([TO_SMS], None, END, False)
    else:
        assert step == gave_up(reason)
    # Without the mode, the first channel was the only one.
    first_only = next_step(an_invitation(state=InvitationState.WAITING), NOON + HOUR, [failed])
    assert first_only == gave_up(reason)


@pytest.mark.parametrize("mode", list(ChannelMode))
@pytest.mark.parametrize("now", [NOON, NOON + 13 * DAY])
def test_nothing_asks_again_while_it_is_unknown_whether_the_first_message_arrived(
    mode: ChannelMode, now: datetime
) -> None:
    asking = an_invitation(
        channel_mode=mode, fallback_after="P1D", reminders=(Reminder(after="P1D"),), state=InvitationState.WAITING
    )
    unknown = message(DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    assert next_step(asking, now, [unknown]) == Step(due_at=END)


@pytest.mark.parametrize("state", [DeliveryState.PLANNED, DeliveryState.REQUESTED, DeliveryState.SENDING])
def test_one_message_at_a_time_is_under_way(state: DeliveryState) -> None:
    asking = falling_back(fallback_after="P1D", reminders=(Reminder(after="P1D"),))
    step = next_step(asking, NOON + 2 * DAY, [SENT, message(state, kind=REMINDER, planned_at=NOON + 2 * DAY)])
    # Whoever wrote that it left may have died before the word of it.
    assert step == Step(due_at=NOON + 2 * DAY + LOOK_AGAIN)


def test_a_fallback_that_failed_too_has_no_third_channel() -> None:
    tried = [message(DeliveryState.DEAD, Reason.REFUSED), message(DeliveryState.DEAD, Reason.REFUSED, HOUR, **BY_SMS)]
    step = next_step(falling_back(state=InvitationState.WAITING), NOON + 2 * HOUR, tried)
    assert step == gave_up(Reason.REFUSED)


def test_the_web_is_nothing_to_fall_back_to() -> None:
    waiting = falling_back(channels=(EMAIL, WEB), state=InvitationState.WAITING)
    step = next_step(waiting, NOON + HOUR, [message(DeliveryState.DEAD, Reason.REFUSED)])
    assert step == gave_up(Reason.REFUSED)


@pytest.mark.parametrize(
    ("after", "planned", "due"),
    [
        (timedelta(), [], NOON + DAY),
        (DAY - timedelta(seconds=1), [], NOON + DAY),
        (DAY, [(FALLBACK, SMS, "+4915123456789", DAY)], NOON + DAY + LOOK_AGAIN),
        (3 * DAY, [(FALLBACK, SMS, "+4915123456789", 3 * DAY)], NOON + 3 * DAY + LOOK_AGAIN),
    ],
)
def test_without_an_answer_in_time_the_next_channel_asks(
    after: timedelta, planned: list[tuple[Any, ...]], due: datetime
) -> None:
    step = next_step(falling_back(fallback_after="P1D"), NOON + after, [SENT])
    assert (asks(step), step.due_at, step.state) == (planned, due, None)


@pytest.mark.parametrize(
    ("changes", "messages", "after", "planned"),
    [
        # One reminder after the other, counted from the first message, on the channel that reached the person.
        ({"reminders": ("P3D", "P7D")}, [SENT], 3 * DAY, [(REMINDER, EMAIL, "ada@example.com", 3 * DAY)]),
        ({"reminders": ("P3D", "P7D")}, [SENT, message(DeliveryState.SENT, None, 3 * DAY, kind=REMINDER)], 6 * DAY, []),
        (
            {"reminders": ("P3D", "P7D")},
            [SENT, message(DeliveryState.SENT, None, 3 * DAY, kind=REMINDER)],
            7 * DAY,
            [(REMINDER, EMAIL, "ada@example.com", 7 * DAY)],
        ),
        # Three messages are the most, whatever they were.
        (
            {"reminders": ("P3D", "P7D"), "fallback_after": "P1D", "channel_mode": ChannelMode.FALLBACK},
            [
                SENT,
                message(DeliveryState.SENT, None, DAY, **BY_SMS),
                message(DeliveryState.SENT, None, 3 * DAY, kind=REMINDER),
            ],
            8 * DAY,
            [],
        ),
        # What came first is first: the fallback, and then the reminder, where the last message went.
        (
            {"reminders": ("P3D",), "fallback_after": "P1D", "channel_mode": ChannelMode.FALLBACK},
            [SENT],
            DAY,
            [(FALLBACK, SMS, "+4915123456789", DAY)],
        ),
        (
            {"reminders": ("P3D",), "fallback_after": "P1D", "channel_mode": ChannelMode.FALLBACK},
            [SENT, message(DeliveryState.SENT, None, DAY, **BY_SMS)],
            3 * DAY,
            [(REMINDER, SMS, "+4915123456789", 3 * DAY)],
        ),
        # A reminder that failed is not made good, the next one comes at its own time.
        (
            {"reminders": ("P3D", "P7D")},
            [SENT, message(DeliveryState.DEAD, Reason.REFUSED, 3 * DAY, kind=REMINDER)],
            7 * DAY,
            [(REMINDER, EMAIL, "ada@example.com", 7 * DAY)],
        ),
    ],
)
def test_who_does_not_answer_is_asked_again(
    changes: dict[str, Any], messages: list[Delivery], after: timedelta, planned: list[tuple[Any, ...]]
) -> None:
    reminders = tuple(Reminder(after=period) for period in changes.pop("reminders"))
    step = next_step(an_invitation(reminders=reminders, **changes), NOON + after, messages)
    assert asks(step) == planned


@pytest.mark.parametrize(
    ("wanted", "profile", "channel"),
    [(SMS, {}, SMS), (SMS, {"phone": None}, EMAIL), (EMAIL, {}, EMAIL), (None, {}, EMAIL)],
)
def test_a_reminder_takes_its_own_channel_where_there_is_an_address(
    wanted: ChannelName | None, profile: dict[str, Any], channel: ChannelName
) -> None:
    reminded = an_invitation(
        reminders=(Reminder(after="P1D", channel=wanted),),
        recipient=make_customer().profile.model_copy(update=profile),
    )
    (planned,) = next_step(reminded, NOON + DAY, [SENT]).deliveries
    assert planned.channel is channel


@pytest.mark.parametrize("state", [InvitationState.STARTED, *FINAL])
def test_once_an_answer_started_nothing_asks_again(state: InvitationState) -> None:
    answered = falling_back(state=state, fallback_after="P1D", reminders=(Reminder(after="P1D"),))
    for messages in ([SENT], [message(DeliveryState.DEAD, Reason.REFUSED)]):
        step = next_step(answered, NOON + 2 * DAY, messages)
        assert step.deliveries == ()


def test_a_reminder_after_the_end_never_comes() -> None:
    ending = an_invitation(reminders=(Reminder(after="P14D"),))
    assert next_step(ending, NOON + HOUR, [SENT]) == Step(due_at=END)


def test_reminders_and_fallbacks_wait_for_the_morning_too() -> None:
    quiet = {"quiet_hours": QuietHours(), "timezone": "Europe/Berlin"}
    night = NOON + DAY + 10 * HOUR
    morning = NOON + DAY + 19 * HOUR  # 08:00 in Berlin
    reminded = an_invitation(reminders=(Reminder(after="P1DT10H"),), **quiet)
    failed = falling_back(state=InvitationState.WAITING, **quiet)
    for step in (
        next_step(reminded, night, [SENT]),
        next_step(failed, night, [message(DeliveryState.DEAD, Reason.REFUSED)]),
    ):
        (planned,) = step.deliveries
        assert planned.planned_at == planned.due_at == morning


@pytest.mark.parametrize("kind", [FALLBACK, REMINDER])
def test_planning_a_later_message_twice_makes_the_same_one(kind: DeliveryKind) -> None:
    asking = (
        falling_back(fallback_after="P1D") if kind is FALLBACK else an_invitation(reminders=(Reminder(after="P1D"),))
    )
    (one,), (other,) = (next_step(asking, NOON + after, [SENT]).deliveries for after in (DAY, 2 * DAY))
    assert (one.id, one.kind) == (other.id, kind)
