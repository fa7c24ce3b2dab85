"""A trigger: when a survey is asked; every change makes a new version."""

from __future__ import annotations

from pydantic import Field

from survey_service.models.base import Noun, Version
from survey_service.models.delivery import ChannelName


class TriggerContent(Noun):
    """What a caller PUTs. Periods are ISO 8601 (`PT2H`) and count from the event's own time."""

    survey: str = Field(min_length=1, max_length=100)
    event_type: str = Field(min_length=1, max_length=200)
    condition: str | None = Field(default=None, max_length=2000)
    delay: str = "PT0S"
    max_event_age: str | None = None
    cancel_on: tuple[str, ...] = Field(default=(), max_length=20)
    channels: tuple[ChannelName, ...] = Field(min_length=1, max_length=3)
    expires_after: str = "P14D"
    enabled: bool = True


class Trigger(Version, TriggerContent):
    """One version of a trigger."""

    trigger: str
