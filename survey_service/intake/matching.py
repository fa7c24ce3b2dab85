"""Matching: one trigger, one event and what is known of its customer go in, that trigger's verdict comes out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from survey_service.calendars import parse_period
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.trigger import Trigger
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule


@dataclass(frozen=True, slots=True)
class Silence:
    """Not to be asked, and why."""

    reason: Reason
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """To be asked: on the first of `channels`, at `send_at`, answerable until `expires_at`."""

    channels: tuple[ChannelName, ...]
    send_at: datetime
    expires_at: datetime


Verdict = Plan | Silence


def rule_variables(event: Event, profile: CustomerProfile, language: str | None) -> dict[str, object]:
    """What a trigger's condition sees: `event` and `customer`, every number a double."""
    return {"event": cel_value(event_tree(event)), "customer": cel_value(customer_tree(profile, language))}


def event_tree(event: Event) -> dict[str, object]:
    """The event as conditions, dimensions and texts name its parts."""
    return {
        **event.extensions,
        "id": event.event_id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "data": {name: value for name, value in event.data.items() if name != "customer"},
    }


def customer_tree(profile: CustomerProfile, language: str | None) -> dict[str, object]:
    """The customer as conditions, dimensions and texts name the parts."""
    return {
        "id": profile.external_id,
        **profile.model_dump(exclude={"external_id"}),
        "language": language,
    }


def usable_channels(wanted: Collection[ChannelName], profile: CustomerProfile) -> tuple[ChannelName, ...] | Silence:
    """Those of the wanted channels, in order, on which the customer has an address and has not refused."""
    reachable = [channel for channel in wanted if address_on(channel, profile) is not None]
    if not reachable:
        return Silence(Reason.NO_CHANNEL)
    accepted = tuple(channel for channel in reachable if profile.consent.get(channel, True))
    return accepted or Silence(Reason.NO_CONSENT)


def address_on(channel: ChannelName, profile: CustomerProfile) -> str | None:
    """Where the channel reaches the customer; the web needs no address."""
    if channel is ChannelName.WEB:
        return ""
    return profile.email if channel is ChannelName.EMAIL else profile.phone


def judge(
    trigger: Trigger,
    event: Event,
    profile: CustomerProfile,
    variables: Mapping[str, object],
    now: datetime,
    *,
    suppressed: Collection[ChannelName],
) -> Verdict:
    """The verdict of one trigger on one event; `suppressed` are the channels that must not be used.

    `delay` and `expires_after` count from the event's time; for an event that is decided late both move with the
    first possible send, so that whoever is asked late has as long to answer.
    """
    if not trigger.enabled:
        return Silence(Reason.TRIGGER_DISABLED)
    if trigger.max_event_age is not None and now - event.time > parse_period(trigger.max_event_age):
        return Silence(Reason.STALE)
    if silence := _condition_silence(trigger, variables):
        return silence
    channels = usable_channels(trigger.channels, profile)
    if isinstance(channels, Silence):
        return channels
    free = tuple(channel for channel in channels if channel not in suppressed)
    if not free:
        return Silence(Reason.SUPPRESSED)
    delay = parse_period(trigger.delay)
    send_at = max(event.time + delay, now)
    return Plan(free, send_at, send_at - delay + parse_period(trigger.expires_after))


def _condition_silence(trigger: Trigger, variables: Mapping[str, object]) -> Silence | None:
    if trigger.condition is None:
        return None
    try:
        holds = compile_rule(trigger.condition, RuleScope.TRIGGER).holds(variables)
    except (RuleFailed, RuleInvalid) as error:
        return Silence(Reason.CONDITION_ERROR, str(error))
    return None if holds else Silence(Reason.CONDITION_FALSE)
