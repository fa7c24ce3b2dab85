"""A trigger's content, the surveys that exist and the usable channels come in; every rule that it breaks is raised."""

from __future__ import annotations

from collections.abc import Container, Mapping

from survey_service.api.checks.fields import Problems, condition_problems, line_problems, refuse
from survey_service.api.checks.schedules import schedule_problems
from survey_service.errors import FieldProblem
from survey_service.models.delivery import ChannelName
from survey_service.models.trigger import TriggerContent
from survey_service.rules import RuleScope

_MAX_EVENT_TYPE = 200
_WAY_OUT: Mapping[ChannelName, str] = {
    ChannelName.EMAIL: "email has no mail server; set SURVEY_SMTP_URL",
    ChannelName.SMS: "sms has no Twilio account; set SURVEY_TWILIO_ACCOUNT_SID",
    ChannelName.WEB: "web is switched off",
}


def check_trigger(
    content: TriggerContent,
    surveys: Container[str],
    usable: Container[ChannelName],
    incentives: Container[str] = frozenset(),
) -> None:
    """Refuse a trigger that could not ask; `usable` are the channels with settings.

    `surveys` and `incentives` are the names that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, surveys, usable, incentives))


def check_channel(channel: ChannelName, usable: Container[ChannelName], pointer: str = "/channel") -> None:
    """Refuse a channel without settings, naming what to set; raises InvalidInput."""
    refuse(_channel_problems(pointer, channel, usable))


def _problems(
    content: TriggerContent, surveys: Container[str], usable: Container[ChannelName], incentives: Container[str]
) -> Problems:
    if content.survey not in surveys:
        yield FieldProblem("/survey", "exists", "there is no survey of that id")
    if content.incentive is not None and content.incentive not in incentives:
        yield FieldProblem("/incentive", "exists", "there is no incentive of that id")
    yield from line_problems("/event_type", content.event_type)
    yield from condition_problems("/condition", content.condition, RuleScope.TRIGGER)
    yield from _cancel_problems(content)
    yield from _channel_list_problems(content, usable)
    yield from schedule_problems(content, surveys)


def _cancel_problems(content: TriggerContent) -> Problems:
    for number, event_type in enumerate(content.cancel_on):
        pointer = f"/cancel_on/{number}"
        yield from line_problems(pointer, event_type)
        if not 1 <= len(event_type) <= _MAX_EVENT_TYPE:
            yield FieldProblem(pointer, "length", f"an event type has 1 to {_MAX_EVENT_TYPE} characters")
        if event_type == content.event_type:
            yield FieldProblem(pointer, "own_event_type", "the event that asks cannot take the survey back as well")


def _channel_list_problems(content: TriggerContent, usable: Container[ChannelName]) -> Problems:
    for number, channel in enumerate(content.channels):
        pointer = f"/channels/{number}"
        if channel in content.channels[:number]:
            yield FieldProblem(pointer, "unique", f"{channel} stands in the list already")
        else:
            yield from _channel_problems(pointer, channel, usable)


def _channel_problems(pointer: str, channel: ChannelName, usable: Container[ChannelName]) -> Problems:
    if channel not in usable:
        yield FieldProblem(pointer, "channel_usable", _WAY_OUT[channel])
