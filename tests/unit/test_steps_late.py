"""Planning, where messages leave late or the word of them is lost: nothing comes too close, nothing is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from channels.base import ProviderStatus
from survey_service.delivery.steps import LOOK_AGAIN, Step
from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.trigger import ChannelMode, Reminder
from tests.support.asking import BY_SMS, DAY, END, HOUR, REMINDER, SENT, an_invitation, message, next_step
from tests.support.factories import NOON


@pytest.mark.parametrize(
    ("planned", "due", "looks"),
    [
        (HOUR, HOUR, HOUR + LOOK_AGAIN),  # leaves later
        (timedelta(), timedelta(), LOOK_AGAIN),  # leaves now
        (-HOUR, timedelta(), HOUR),  # held up for an hour: in another one
        (-HOUR, 2 * HOUR, 3 * HOUR),  # tried again in two
        (-HOUR, 14 * DAY, 14 * DAY),  # never after the end
    ],
)
def test_planning_looks_again_soon_after_a_message_should_have_left(
    planned: timedelta, due: timedelta, looks: timedelta
) -> None:
    running = message(DeliveryState.PLANNED, planned_at=NOON + planned, due_at=NOON + due)
    assert next_step(an_invitation(reminders=(Reminder(after="P1D"),)), NOON, [running]) == Step(due_at=NOON + looks)


@pytest.mark.parametrize(
    ("changes", "looks"),
    [
        ({}, END),
        ({"channel_mode": ChannelMode.FALLBACK}, END),  # a failure says so before and after it is written
        ({"channel_mode": ChannelMode.FALLBACK, "fallback_after": "P1D"}, NOON + HOUR + LOOK_AGAIN),
        ({"reminders": (Reminder(after="P3D"),)}, NOON + HOUR + LOOK_AGAIN),
    ],
)
def test_where_more_may_come_a_message_is_not_forgotten_until_the_end(changes: dict[str, Any], looks: datetime) -> None:
    waiting = an_invitation(state=InvitationState.WAITING, send_at=NOON + HOUR, **changes)
    assert next_step(waiting, NOON).due_at == looks


@pytest.mark.parametrize(
    ("changes", "messages", "at"),
    [
        # The first reminder left three days late.
        ({"reminders": ("P3D", "P6D")}, [SENT, message(DeliveryState.SENT, None, 6 * DAY, kind=REMINDER)], 9 * DAY),
        # A few seconds are no delay, and do not add up.
        (
            {"reminders": ("P3D", "P6D")},
            [SENT, message(DeliveryState.SENT, None, 3 * DAY + timedelta(seconds=9), kind=REMINDER)],
            6 * DAY,
        ),
        # It failed: there is nothing to keep a distance from.
        ({"reminders": ("P3D", "P6D")}, [SENT, message(DeliveryState.DEAD, None, 5 * DAY, kind=REMINDER)], 6 * DAY),
        # It came back.
        (
            {"reminders": ("P3D", "P6D")},
            [SENT, message(DeliveryState.SENT, None, 5 * DAY, kind=REMINDER, provider_status=ProviderStatus.FAILED)],
            6 * DAY,
        ),
        # After a late fallback, and before one after a late reminder.
        (
            {"reminders": ("P3D",), "fallback_after": "P1D", "channel_mode": ChannelMode.FALLBACK},
            [SENT, message(DeliveryState.SENT, None, 4 * DAY, **BY_SMS)],
            6 * DAY,
        ),
        (
            {"reminders": ("P1D",), "fallback_after": "P2D", "channel_mode": ChannelMode.FALLBACK},
            [SENT, message(DeliveryState.SENT, None, 4 * DAY, kind=REMINDER)],
            5 * DAY,
        ),
        # The fallback was the first that arrived: everything counts from it.
        (
            {"reminders": ("P3D",), "fallback_after": "P1D", "channel_mode": ChannelMode.FALLBACK},
            [message(DeliveryState.DEAD, Reason.REFUSED), message(DeliveryState.SENT, None, HOUR, **BY_SMS)],
            3 * DAY + HOUR,
        ),
        # What was stored before the rule of twelve hours.
        ({"reminders": ("PT1H", "PT2H")}, [SENT], 12 * HOUR),
        (
            {"reminders": ("PT1H", "PT2H")},
            [SENT, message(DeliveryState.SENT, None, 12 * HOUR, kind=REMINDER)],
            24 * HOUR,
        ),
    ],
)
def test_a_message_that_left_late_keeps_the_next_one_at_its_distance(
    changes: dict[str, Any], messages: list[Delivery], at: timedelta
) -> None:
    reminders = tuple(Reminder(after=period) for period in changes.pop("reminders"))
    asking = an_invitation(reminders=reminders, **changes)
    assert next_step(asking, NOON + at - timedelta(seconds=1), messages) == Step(due_at=NOON + at)
    assert len(next_step(asking, NOON + at, messages).deliveries) == 1
