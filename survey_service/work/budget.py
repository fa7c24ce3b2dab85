"""The fatigue budget: what a person was and will be asked comes in; whether, or when, one more may goes out. Pure.

A hold is one first message, at the planned time of its send. A limit of n in a period means that no window of that
length, wherever it starts, contains more than n holds; planned ones count like sent ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from survey_service.calendars import parse_period
from survey_service.models.contact import Contact
from survey_service.models.contact_policy import ContactPolicyContent
from survey_service.models.decision import Reason
from survey_service.models.trigger import TriggerContent

SAME_TEXT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Rules:
    """The periods that stand for one trigger, read once."""

    limits: tuple[tuple[int, timedelta], ...]
    cooldown: timedelta | None
    trigger: str
    trigger_cooldown: timedelta | None
    answer_cooldown: timedelta | None
    text: str  # what identifies the text: the survey

    @classmethod
    def of_policy(cls, policy: ContactPolicyContent, text: str, *, less_often: bool) -> Rules:
        """The rules of a message that no trigger sends."""
        cooldown = parse_period(policy.cooldown) if policy.cooldown else None
        if less_often:
            cooldown = max(cooldown or timedelta(), parse_period(policy.less_often))
        limits = tuple((limit.max, parse_period(limit.period)) for limit in policy.limits)
        return cls(limits, cooldown, trigger="", trigger_cooldown=None, answer_cooldown=None, text=text)

    @classmethod
    def of(cls, policy: ContactPolicyContent, name: str, trigger: TriggerContent, *, less_often: bool) -> Rules:
        """The rules of one trigger under a policy."""
        return replace(
            cls.of_policy(policy, trigger.survey, less_often=less_often),
            trigger=name,
            trigger_cooldown=parse_period(trigger.cooldown) if trigger.cooldown else None,
            answer_cooldown=parse_period(trigger.cooldown_after_answer) if trigger.cooldown_after_answer else None,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not at that time; `next_at` is the first time at which all rules would allow it."""

    reason: Reason
    next_at: datetime


def check_budget(contacts: Sequence[Contact], rules: Rules, at: datetime) -> Refusal | None:
    """Whether one more first message may leave at `at`, for a person and for the address it goes to.

    Whatever bars a time bars all times from it to the end of some period. So the first allowed time is found by going
    to the end of each such stretch, until nothing bars.
    """
    reason: Reason | None = None
    next_at = at
    while bars := list(_bars(contacts, rules, next_at)):
        reason = reason or bars[0].reason
        next_at = max(bar.until for bar in bars)
    return Refusal(reason, next_at) if reason else None


@dataclass(frozen=True, slots=True)
class _Bar:
    """One rule says no, up to, not including, `until`."""

    reason: Reason
    until: datetime


def _bars(contacts: Sequence[Contact], rules: Rules, at: datetime) -> Iterator[_Bar]:
    for contact in contacts:
        times = sorted(hold.at for hold in contact.holds)
        own = [hold.at for hold in contact.holds if hold.trigger == rules.trigger]
        same = [hold.at for hold in contact.holds if hold.text == rules.text]
        answers = [answer.at for answer in contact.answers if answer.trigger == rules.trigger]
        ends = (
            (Reason.COOLDOWN, _end_of_cooldown(own, at, rules.trigger_cooldown)),
            (Reason.ANSWER_COOLDOWN, _end_of_cooldown(answers, at, rules.answer_cooldown)),
            (Reason.SAME_TEXT, _end_of_cooldown(same, at, SAME_TEXT)),
            (Reason.CONTACT_COOLDOWN, _end_of_cooldown(times, at, rules.cooldown)),
            *((Reason.CONTACT_LIMIT, _end_of_crowd(times, at, most, period)) for most, period in rules.limits),
        )
        yield from (_Bar(reason, end) for reason, end in ends if end is not None)


def _end_of_cooldown(times: Iterable[datetime], at: datetime, period: timedelta | None) -> datetime | None:
    """When the last of the cooldowns around `times` ends in which `at` lies; None if it lies in none."""
    if period is None:
        return None
    return max((time + period for time in times if abs(time - at) < period), default=None)


def _end_of_crowd(times: Sequence[datetime], at: datetime, most: int, period: timedelta) -> datetime | None:
    """When a window of `period` from the last of the crowds around `at` ends; None if there is none.

    A crowd is `most` of the sorted `times` that fit into one window, and into one with `at`.
    """
    near = [time for time in times if abs(time - at) < period]
    crowds = zip(near, near[most - 1 :], strict=False)
    return max((first + period for first, last in crowds if last - first < period), default=None)
