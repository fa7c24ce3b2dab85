"""Invitations with their messages so far, for tests of what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.delivery.steps import Step
from survey_service.delivery.steps import next_step as step_after
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.trigger import ChannelMode
from tests.support.factories import NOON, make_customer, make_delivery, make_invitation

END = make_invitation().expires_at
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EMAIL, SMS, WEB = ChannelName.EMAIL, ChannelName.SMS, ChannelName.WEB
INVITE, FALLBACK, REMINDER = DeliveryKind.INVITE, DeliveryKind.FALLBACK, DeliveryKind.REMINDER


def next_step(invitation: Invitation, now: datetime, messages: Sequence[Delivery] = ()) -> Step:
    """What is next at `now`."""
    return step_after(invitation, messages, now)


def an_invitation(**changes: Any) -> Invitation:
    """Of somebody with both addresses, asked by mail first and by text message next."""
    usual = {"channels": (EMAIL, SMS), "recipient": make_customer().profile, "state": InvitationState.SENT}
    return make_invitation(**usual | changes)


def falling_back(**changes: Any) -> Invitation:
    """One that turns to the text message where the mail fails."""
    return an_invitation(channel_mode=ChannelMode.FALLBACK, **changes)


def message(
    state: DeliveryState, reason: Reason | None = None, after: timedelta = timedelta(), **changes: Any
) -> Delivery:
    """A message of the invitation; what was sent left `after` the first moment."""
    sent = {"sent_at": NOON + after} if state is DeliveryState.SENT else {}
    return make_delivery(make_invitation(), state=state, reason=reason, created_at=NOON + after, **sent | changes)


SENT = message(DeliveryState.SENT)
BY_SMS = {"kind": FALLBACK, "channel": SMS, "to": "+4915123456789"}
