"""A trigger: when a survey is asked; every change makes a new version."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from survey_service.models.base import Noun, Version
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import QuestionId


class ChannelMode(StrEnum):
    """What happens with the channels after the first usable one."""

    FIRST = "first"  # nothing
    FALLBACK = "fallback"  # the next one, when a send fails for good or no answer came


class WhenNotAllowed(StrEnum):
    """What happens when the contact policy, a cooldown or the cap says no."""

    SKIP = "skip"  # the customer is not asked about this event
    DEFER = "defer"  # asked at the next allowed time, if that lies before the expiry


Spans = Annotated[tuple[str, ...], Field(max_length=24)]


class QuietHours(Noun):
    """When messages may leave, by the customer's wall clock, else the touchpoint's, else the brand's."""

    allow: dict[str, Spans] = Field(default={"mon-sun": ("08:00-21:00",)}, min_length=1, max_length=7)


class Reminder(Noun):
    """Ask again so long after the first message, on the same channel or another one."""

    after: str
    channel: ChannelName | None = None


class Variant(Noun):
    """One wording of an A/B test: another survey to ask, chosen in proportion to its weight, fixed for a customer."""

    name: QuestionId
    weight: float = Field(default=1.0, gt=0.0, le=1000.0)
    survey: str | None = Field(default=None, min_length=1, max_length=100)  # None: the trigger's own


class TriggerContent(Noun):
    """What a caller PUTs. Periods are ISO 8601 (`PT2H`) and count from the event's own time."""

    survey: str = Field(min_length=1, max_length=100)
    event_type: str = Field(min_length=1, max_length=200)
    condition: str | None = Field(default=None, max_length=2000)
    delay: str = "PT0S"
    max_event_age: str | None = None
    cancel_on: tuple[str, ...] = Field(default=(), max_length=20)
    channels: tuple[ChannelName, ...] = Field(min_length=1, max_length=3)
    channel_mode: ChannelMode = ChannelMode.FIRST
    fallback_after: str | None = None  # with channel_mode fallback: no answer within this period counts as well
    reminders: tuple[Reminder, ...] = Field(default=(), max_length=2)
    expires_after: str = "P14D"
    sample: float = Field(default=1.0, ge=0.0, le=1.0)
    variants: tuple[Variant, ...] = Field(default=(), max_length=10)
    cooldown: str | None = None  # after an invitation of this trigger
    cooldown_after_answer: str | None = None
    hourly_cap: int | None = Field(default=None, ge=1, le=1_000_000)  # None: the contact policy's
    exempt: bool = False  # from the contact policy and the cooldowns, and from nothing else
    when_not_allowed: WhenNotAllowed = WhenNotAllowed.SKIP
    quiet_hours: QuietHours | None = QuietHours()  # None: every time is allowed
    incentive: str | None = Field(default=None, min_length=1, max_length=100)  # what an answer is thanked with
    enabled: bool = True


class Trigger(Version, TriggerContent):
    """One version of a trigger."""

    trigger: str
