"""A response: the answers to one invitation."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable
from survey_service.models.invitation import EventFacts


class ResponseStatus(StrEnum):
    """How complete a response is; it only moves forward."""

    PARTIAL = "partial"  # at least one confirmed answer, questions remain
    FINISHED = "finished"  # every visible question was shown and confirmed; final


class FinishedBy(StrEnum):
    """Who ended it."""

    CUSTOMER = "customer"  # a person confirmed the last page
    TIMEOUT = "timeout"  # nothing more came in time


class Response(Claimable):
    """Raw values and the scale they were given on; scores of a period are always computed, never stored."""

    revision: int = 1  # raised by each change; a writer that read an older one writes nothing
    status: ResponseStatus
    finished_by: FinishedBy | None = None
    survey: str
    survey_version: int
    brand: str
    trigger: str | None = None
    trigger_version: int | None = None
    variant: str | None = None
    event: EventFacts | None = None
    invitation: str | None = None
    customer: str | None = None
    customer_ref: str | None = None
    touchpoint: str | None = None
    dimensions: dict[str, Any] = Field(default_factory=dict)
    channel: str
    language: str
    metric: str
    scale: str
    score: int | None = None
    scores: dict[str, int] = Field(default_factory=dict)  # every metric question that was answered
    asked: tuple[str, ...] = ()  # questions that were on a confirmed page, answered or not
    answers: dict[str, int | str] = Field(default_factory=dict)
    comment: str | None = None
    texts: tuple[str, ...] = ()  # the incoming texts that are in it: none of them is read as a second answer
    suspect: str | None = None
    started_at: datetime
    finished_at: datetime | None = None
