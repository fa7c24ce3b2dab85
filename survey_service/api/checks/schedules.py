"""When a trigger asks comes in, in periods and windows; every rule that it breaks comes out as a field problem."""

from __future__ import annotations

from collections.abc import Container
from datetime import timedelta

from survey_service.api.checks.fields import Problems, refuse, window_problems
from survey_service.calendars import PeriodInvalid, parse_period
from survey_service.errors import FieldProblem
from survey_service.models.contact_policy import ContactPolicyContent
from survey_service.models.trigger import ChannelMode, TriggerContent
from survey_service.work.budget import SAME_TEXT

LONGEST_MEMORY = timedelta(days=365)  # contacts are remembered a little longer
_APART = f"at least {SAME_TEXT // timedelta(hours=1)} hours"
_PERIODS = ("delay", "max_event_age", "expires_after", "fallback_after", "cooldown", "cooldown_after_answer")


def check_contact_policy(content: ContactPolicyContent) -> None:
    """Refuse a policy whose periods cannot be read or are longer than contacts are remembered.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_policy_problems(content))


def _policy_problems(content: ContactPolicyContent) -> Problems:
    periods = {f"/limits/{number}/period": limit.period for number, limit in enumerate(content.limits)}
    periods |= {"/cooldown": content.cooldown or "PT0S", "/less_often": content.less_often}
    for pointer, text in periods.items():
        try:
            if parse_period(text) > LONGEST_MEMORY:
                yield FieldProblem(pointer, "too_long", f"may be at most {LONGEST_MEMORY.days} days")
        except PeriodInvalid as error:
            yield FieldProblem(pointer, "period", str(error))


def schedule_problems(content: TriggerContent, surveys: Container[str]) -> Problems:
    """Problems of a trigger's periods, reminders, quiet hours and variants."""
    periods: dict[str, timedelta] = {}
    for name in _PERIODS:
        text: str | None = getattr(content, name)
        if text is not None:
            try:
                periods[name] = parse_period(text)
            except PeriodInvalid as error:
                yield FieldProblem(f"/{name}", "period", str(error))
    yield from _order_problems(content, periods)
    yield from _reminder_problems(content, periods)
    if content.quiet_hours is not None:
        yield from window_problems("/quiet_hours/allow", content.quiet_hours.allow)
    yield from _variant_problems(content, surveys)


def _order_problems(content: TriggerContent, periods: dict[str, timedelta]) -> Problems:
    if "delay" in periods and "expires_after" in periods and periods["expires_after"] <= periods["delay"]:
        yield FieldProblem("/expires_after", "after_delay", "must be longer than delay, or nobody could answer")
    for name in ("cooldown", "cooldown_after_answer"):
        if periods.get(name, timedelta()) > LONGEST_MEMORY:
            yield FieldProblem(f"/{name}", "too_long", f"may be at most {LONGEST_MEMORY.days} days")
    if content.fallback_after is not None and content.channel_mode is not ChannelMode.FALLBACK:
        yield FieldProblem("/fallback_after", "channel_mode", "needs channel_mode fallback")
    if periods.get("fallback_after") == timedelta():
        yield FieldProblem("/fallback_after", "period", "must be longer than nothing")


def _reminder_problems(content: TriggerContent, periods: dict[str, timedelta]) -> Problems:
    expiry, fallback = periods.get("expires_after"), periods.get("fallback_after")
    before = timedelta()
    for number, reminder in enumerate(content.reminders):
        pointer = f"/reminders/{number}/after"
        try:
            after = parse_period(reminder.after)
        except PeriodInvalid as error:
            yield FieldProblem(pointer, "period", str(error))
            continue
        if after <= before:
            yield FieldProblem(pointer, "order", "must be later than the message before it")
        elif after - before < SAME_TEXT:
            yield FieldProblem(pointer, "same_text", f"must be {_APART} later than the message before it")
        if fallback is not None and abs(after - fallback) < SAME_TEXT:
            yield FieldProblem(pointer, "same_text", f"must be {_APART} before or after fallback_after")
        if expiry is not None and after >= expiry:
            yield FieldProblem(pointer, "before_expiry", "must be earlier than expires_after")
        if reminder.channel is not None and reminder.channel not in content.channels:
            yield FieldProblem(f"/reminders/{number}/channel", "channel", "must be one of the trigger's channels")
        before = after


def _variant_problems(content: TriggerContent, surveys: Container[str]) -> Problems:
    names = [variant.name for variant in content.variants]
    for number, variant in enumerate(content.variants):
        if variant.name in names[:number]:
            yield FieldProblem(f"/variants/{number}/name", "unique", f"{variant.name} stands in the list already")
        if variant.survey is not None and variant.survey not in surveys:
            yield FieldProblem(f"/variants/{number}/survey", "exists", "there is no survey of that id")
