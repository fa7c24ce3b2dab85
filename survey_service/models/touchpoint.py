"""A touchpoint: where it happened (a shop, an airport, a hotline)."""

from __future__ import annotations

from pydantic import Field

from survey_service.models.base import Noun, Revised


class TouchpointContent(Noun):
    """What a caller PUTs."""

    name: str = Field(min_length=1, max_length=200)
    timezone: str | None = None
    journey_stage: str | None = Field(default=None, max_length=100)
    region: str | None = Field(default=None, max_length=100)
    keyword: str | None = Field(default=None, max_length=20)  # a text to our number that begins with it asks to answer
    keyword_survey: str | None = Field(default=None, max_length=100)  # what it answers


class Touchpoint(Revised, TouchpointContent):
    """The registered touchpoint; `id` is what events name in `data.touchpoint`."""
