"""Steps: an invitation with its messages so far goes in; what is next, and when, comes out. Pure.

Planning the same step twice makes the same rows: a message's id is made of the invitation, its kind and its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels.base import ProviderStatus
from survey_service.calendars import parse_period, parse_windows, zone
from survey_service.models.decision import Reason
from survey_service.models.delivery import ASKS, WAITING_STATES, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import delivery_id
from survey_service.models.invitation import TRANSITIONS, Invitation, InvitationState
from survey_service.models.trigger import ChannelMode, QuietHours
from survey_service.work.budget import SAME_TEXT

MAX_DEATHS = 5
MAX_MESSAGES = 3  # that ask about one invitation
OFF_PLAN = timedelta(minutes=5)  # less than that is no delay
LOOK_AGAIN = timedelta(minutes=15)  # after a message should have left, should nobody have told that it did
# A send that failed for good, by no wish of the customer's.
FAILED = frozenset(
    {
        Reason.ADDRESS_UNUSABLE,
        Reason.REFUSED,
        Reason.RETRIES_EXHAUSTED,
        Reason.NO_CHANNEL,
        Reason.COUNTRY_NOT_ALLOWED,
        Reason.NUMBER_REFUSED,
        Reason.BUDGET_EXCEEDED,
    }
)
_RUNNING = frozenset({*WAITING_STATES, DeliveryState.SENDING})
# A place in the budget stays with what may have arrived.
_AT_PROVIDER = frozenset({DeliveryState.SENDING, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Step:
    """What is next for an invitation: messages to plan, a state to take, and when to look again.

    With `frees_place` nothing was sent and nothing will be: what it holds of the budget is free again.
    """

    deliveries: tuple[Delivery, ...] = ()
    state: InvitationState | None = None
    reason: Reason | None = None
    due_at: datetime | None = None
    frees_place: bool = False


@dataclass(frozen=True, slots=True)
class _Ask:
    """A message that would ask again, not before `at`."""

    at: datetime
    kind: DeliveryKind
    number: int
    channel: ChannelName


def next_step(invitation: Invitation, messages: Sequence[Delivery], now: datetime) -> Step:
    """The next step of a due invitation; `messages` are its deliveries so far."""
    if not TRANSITIONS[invitation.state]:
        return Step()
    if invitation.deaths >= MAX_DEATHS:
        return _give_up(invitation, Reason.POISON, None)
    if now >= invitation.expires_at:
        frees = invitation.sent_at is None and not any(message.state in _AT_PROVIDER for message in messages)
        return Step(state=InvitationState.EXPIRED, reason=invitation.reason or Reason.EXPIRED, frees_place=frees)
    asked = [message for message in messages if message.kind in ASKS]
    waiting = Step(due_at=invitation.expires_at)
    if invitation.state is InvitationState.STARTED:
        return waiting
    running = next((message for message in asked if message.state in _RUNNING), None)
    if running is not None:
        return Step(due_at=_look_again(running, now))
    if not asked:
        # A keyword began it: what a message would ask was answered, or asked in reply.
        return waiting if invitation.state is InvitationState.SENT else _first(invitation, now)
    if any(message.state is DeliveryState.UNKNOWN for message in asked):
        return waiting  # it may have arrived: nothing asks again before that is settled
    arrived = _arrived(asked)
    if not arrived:
        return _after_failure(invitation, asked, now)
    upcoming = _upcoming(invitation, asked, arrived)
    if upcoming is None or upcoming.at >= invitation.expires_at:
        return waiting
    if upcoming.at > now:
        return Step(due_at=upcoming.at)
    return _plan(invitation, upcoming, now)


def _plan(invitation: Invitation, ask: _Ask, now: datetime) -> Step:
    """The step that plans a message; where time alone may bring another one, a lost word of it must not end that."""
    message = _message(invitation, ask, now)
    due_at = _look_again(message, now) if invitation.asks_again else invitation.expires_at
    return Step(deliveries=(message,), due_at=due_at)


def _look_again(running: Delivery, now: datetime) -> datetime:
    """When to look whether a message has left: soon after it is due, less and less often while it is held up."""
    late = max(LOOK_AGAIN, now - running.planned_at)
    return min(max(now, running.due_at or now) + late, running.expires_at)


def _first(invitation: Invitation, now: datetime) -> Step:
    channel = invitation.channels[0]
    if channel is ChannelName.WEB:
        handed_out = InvitationState.SENT if invitation.state is InvitationState.WAITING else None
        return Step(state=handed_out, due_at=invitation.expires_at)
    return _plan(invitation, _Ask(invitation.send_at, DeliveryKind.INVITE, 1, channel), now)


def _after_failure(invitation: Invitation, asked: Sequence[Delivery], now: datetime) -> Step:
    last = asked[-1]
    channel = _unused_channel(invitation, asked)
    failed = _bounced(last) or (last.state is DeliveryState.DEAD and last.reason in FAILED)
    if failed and channel is not None and invitation.channel_mode is ChannelMode.FALLBACK:
        ask = _Ask(now, DeliveryKind.FALLBACK, _count(asked, DeliveryKind.FALLBACK) + 1, channel)
        return _plan(invitation, ask, now)
    reason = Reason.REFUSED if _bounced(last) else last.reason
    return _give_up(invitation, reason, invitation.expires_at)


def _bounced(message: Delivery) -> bool:
    """Whether a message that had left came back."""
    return message.provider_status == ProviderStatus.FAILED


def _give_up(invitation: Invitation, reason: Reason | None, due_at: datetime | None) -> Step:
    """Undeliverable, unless the state does not allow it (an answer came) or it is that already."""
    frees = invitation.sent_at is None
    if InvitationState.UNDELIVERABLE in TRANSITIONS[invitation.state]:
        return Step(state=InvitationState.UNDELIVERABLE, reason=reason, due_at=due_at, frees_place=frees)
    return Step(due_at=due_at, frees_place=frees)


def _arrived(asked: Sequence[Delivery]) -> list[tuple[datetime, Delivery]]:
    """The messages that left and did not come back, each with its time, in that order."""
    left = [(message.sent_at, message) for message in asked if message.sent_at is not None and not _bounced(message)]
    return sorted(left, key=lambda pair: pair[0])


def _upcoming(
    invitation: Invitation, asked: Sequence[Delivery], arrived: Sequence[tuple[datetime, Delivery]]
) -> _Ask | None:
    """The next message that asks again, the earlier of fallback and reminder.

    Each is meant for a time after the first message. One that left late, after a night, a pause or an outage, moves
    what follows: the distance between the two stays, and a reminder never repeats the text within twelve hours.
    """
    if len(asked) >= MAX_MESSAGES:
        return None
    (first_at, first), (last_at, last) = arrived[0], arrived[-1]
    late = timedelta() if last is first else last_at - first_at - _meant_after(invitation, asked, last)
    counts_from = first_at + late if late > OFF_PLAN else first_at
    asks = []
    channel = _unused_channel(invitation, asked)
    if invitation.channel_mode is ChannelMode.FALLBACK and invitation.fallback_after and channel is not None:
        number = _count(asked, DeliveryKind.FALLBACK) + 1
        at = counts_from + parse_period(invitation.fallback_after) * number
        asks.append(_Ask(at, DeliveryKind.FALLBACK, number, channel))
    reminded = _count(asked, DeliveryKind.REMINDER)
    if reminded < len(invitation.reminders):
        reminder = invitation.reminders[reminded]
        own = reminder.channel if reminder.channel and _address(invitation, reminder.channel) else last.channel
        at = max(counts_from + parse_period(reminder.after), last_at + SAME_TEXT)
        asks.append(_Ask(at, DeliveryKind.REMINDER, reminded + 1, own))
    return min(asks, key=lambda ask: ask.at, default=None)


def _meant_after(invitation: Invitation, asked: Sequence[Delivery], message: Delivery) -> timedelta:
    """How long after the first message one of those that asked was meant to leave."""
    number = [other.id for other in asked if other.kind is message.kind].index(message.id)
    if message.kind is DeliveryKind.REMINDER and invitation.reminders:
        return parse_period(invitation.reminders[min(number, len(invitation.reminders) - 1)].after)
    if message.kind is DeliveryKind.FALLBACK and invitation.fallback_after:
        return parse_period(invitation.fallback_after) * (number + 1)
    return timedelta()


def _count(asked: Sequence[Delivery], kind: DeliveryKind) -> int:
    return sum(message.kind is kind for message in asked)


def _unused_channel(invitation: Invitation, asked: Sequence[Delivery]) -> ChannelName | None:
    used = {message.channel for message in asked}
    return next((name for name in invitation.channels if name not in used and name is not ChannelName.WEB), None)


def _address(invitation: Invitation, channel: ChannelName) -> str | None:
    profile = invitation.recipient
    return profile.email if channel is ChannelName.EMAIL else profile.phone if channel is ChannelName.SMS else None


def _message(invitation: Invitation, ask: _Ask, now: datetime) -> Delivery:
    send_at = open_from(invitation, max(ask.at, now))
    return Delivery(
        id=delivery_id(invitation.id, ask.kind, ask.number),
        kind=ask.kind,
        channel=ask.channel,
        invitation=invitation.id,
        brand=invitation.brand,
        survey=invitation.survey,
        survey_version=invitation.survey_version,
        trigger=invitation.trigger,
        customer=invitation.customer,
        touchpoint=invitation.touchpoint,
        to=_address(invitation, ask.channel) or "",
        language=invitation.language,
        state=DeliveryState.PLANNED,
        due_at=send_at,
        planned_at=send_at,
        created_at=now,
        expires_at=invitation.expires_at,
    )


def open_from(invitation: Invitation, instant: datetime) -> datetime:
    """The first instant at or after `instant` that the invitation's quiet hours allow."""
    return allowed_from(invitation.quiet_hours, invitation.timezone, instant)


def allowed_from(hours: QuietHours | None, name: str, instant: datetime) -> datetime:
    """The first instant at or after `instant` that these hours allow in the zone `name`; without hours, `instant`."""
    if hours is None:
        return instant
    return parse_windows(hours.allow).next_allowed(instant, zone(name))
