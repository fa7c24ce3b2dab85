"""Planning: the next step of an invitation, whatever state it is found in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.delivery.steps import Step
from survey_service.delivery.steps import next_step as step_after
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import TRANSITIONS, Invitation, InvitationState, states_that_may_become
from tests.support.factories import NOON, make_invitation

END = make_invitation().expires_at


def next_step(invitation: Invitation, now: datetime, messages: Sequence[Delivery] = ()) -> Step:
    return step_after(invitation, messages, now)


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
    assert step == Step(state=InvitationState.EXPIRED, reason=Reason.EXPIRED)


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
