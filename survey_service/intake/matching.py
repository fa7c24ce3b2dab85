"""Matching: one trigger, one event and what is known of its customer go in, that trigger's verdict comes out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from survey_service.calendars import format_period, parse_period
from survey_service.intake.sampling import share
from survey_service.models.brand import Brand
from survey_service.models.contact import Contact
from survey_service.models.customer import CustomerProfile, address_on, consents
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.trigger import Trigger
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule
from survey_service.texts.locales import language_of


@dataclass(frozen=True, slots=True)
class Silence:
    """Not to be asked, why, and the values that made it so."""

    reason: Reason
    detail: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """To be asked: on the first of `channels`, at `send_at`, answerable until `expires_at`."""

    channels: tuple[ChannelName, ...]
    send_at: datetime
    expires_at: datetime


Verdict = Plan | Silence


def rule_variables(
    event: Event,
    profile: CustomerProfile,
    contact: Contact,
    now: datetime,
    invitation: str | None = None,
    *,
    open_case: bool = False,
) -> dict[str, object]:
    """What a trigger's condition sees: `event` and `customer`, every number a double.

    What a pass that died held for this very `invitation` does not count as having asked.
    """
    past = [hold.at for hold in contact.holds if hold.at <= now and hold.invitation != invitation]
    asked = {
        "last_invited_days": (now - max(past)) / timedelta(days=1) if past else None,
        "invitations_90d": sum(now - at <= timedelta(days=90) for at in past),
        "last_score": contact.last_score,
        "open_case": open_case,
    }
    return {"event": cel_value(event_tree(event)), "customer": cel_value({**customer_tree(profile), **asked})}


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


def customer_tree(profile: CustomerProfile) -> dict[str, object]:
    """The customer as conditions, dimensions and texts name the parts."""
    return {
        "id": profile.external_id,
        **profile.model_dump(exclude={"external_id"}),
        "language": language_of(profile.locale),
    }


def usable_channels(
    wanted: Sequence[ChannelName], profile: CustomerProfile, brand: Brand, prefers: str | None = None
) -> tuple[ChannelName, ...] | Silence:
    """Those of the wanted channels on which the customer has an address and may be asked, the preferred one first."""
    reachable = [channel for channel in wanted if address_on(channel, profile) is not None]
    if not reachable:
        return Silence(Reason.NO_CHANNEL, values={"channels": [channel.value for channel in wanted]})
    accepted = [channel for channel in reachable if channel is ChannelName.WEB or consents(channel, profile, brand)]
    if not accepted:
        return Silence(Reason.NO_CONSENT, values={"channels": [channel.value for channel in reachable]})
    return tuple(sorted(accepted, key=lambda channel: channel.value != prefers))


def judge(
    trigger: Trigger,
    event: Event,
    profile: CustomerProfile,
    brand: Brand,
    variables: Mapping[str, object],
    now: datetime,
    *,
    suppressed: Collection[ChannelName] = (),
    prefers: str | None = None,
) -> Verdict:
    """The verdict of one trigger on one event; `suppressed` are the channels that must not be used.

    `delay` and `expires_after` count from the event's time; for an event that is decided late both move with the
    first possible send, so that whoever is asked late has as long to answer.
    """
    if not trigger.enabled:
        return Silence(Reason.TRIGGER_DISABLED)
    age = now - event.time
    if trigger.max_event_age is not None and age > parse_period(trigger.max_event_age):
        return Silence(Reason.STALE, values={"age": _whole(age), "max_event_age": trigger.max_event_age})
    drawn = share("sample", trigger.trigger, event.id)
    if drawn >= trigger.sample:
        return Silence(Reason.NOT_SAMPLED, values={"drawn": round(drawn, 6), "sample": trigger.sample})
    if silence := _condition_silence(trigger, variables):
        return silence
    channels = usable_channels(trigger.channels, profile, brand, prefers)
    if isinstance(channels, Silence):
        return channels
    free = tuple(channel for channel in channels if channel not in suppressed)
    if not free:
        return Silence(Reason.SUPPRESSED, values={"channels": [channel.value for channel in channels]})
    delay = parse_period(trigger.delay)
    send_at = max(event.time + delay, now)
    return Plan(free, send_at, send_at - delay + parse_period(trigger.expires_after))


def _whole(age: timedelta) -> str:
    """A period in whole seconds, as people read it."""
    return format_period(timedelta(seconds=int(age.total_seconds())))


def _condition_silence(trigger: Trigger, variables: Mapping[str, object]) -> Silence | None:
    if trigger.condition is None:
        return None
    told = {"condition": trigger.condition}
    try:
        holds = compile_rule(trigger.condition, RuleScope.TRIGGER).holds(variables)
    except (RuleFailed, RuleInvalid) as error:
        return Silence(Reason.CONDITION_ERROR, str(error), told)
    return None if holds else Silence(Reason.CONDITION_FALSE, values=told)
