"""A response: the answers to one invitation or public link."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable, Erasable, Noun
from survey_service.models.invitation import EventFacts
from survey_service.models.outbox import Telling


class ResponseStatus(StrEnum):
    """How complete a response is; it only moves forward."""

    PARTIAL = "partial"  # at least one confirmed answer, questions remain
    FINISHED = "finished"  # every visible question was shown and confirmed; final


class FinishedBy(StrEnum):
    """Who ended it."""

    CUSTOMER = "customer"  # a person confirmed the last page
    TIMEOUT = "timeout"  # nothing more came in time


class CallWish(Noun):
    """A call that the customer asked for: when it begins (UTC), how long, what about, and another number to call."""

    at: datetime
    minutes: int
    about: str | None = None
    phone: str | None = None  # None: the one we know


# A metric's number, a box, an option or words, options, a call.
AnswerValue = bool | int | str | tuple[str, ...] | CallWish


class Measure(Noun):
    """On which metric and scale a number was given; on all of them higher is better."""

    metric: str
    scale: str

    @property
    def name(self) -> str:
        """Both as one: `nps.0-10`."""
        return f"{self.metric}.{self.scale}"


class Reading(Noun):
    """The claim of the stage that reads comments, as on a claimable row; `due_at` is None once it was read."""

    due_at: datetime | None = None
    lease: str | None = None
    claim: int = 0
    deaths: int = 0


class Response(Claimable, Telling, Erasable):
    """Raw values and the scale they were given on; scores of a period are always computed, never stored.

    `due_at` is when a partial one is taken for the whole.
    """

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
    link: str | None = None
    customer: str | None = None
    customer_ref: str | None = None
    touchpoint: str | None = None
    incentive: str | None = None  # what the invitation offered
    region: str | None = None  # of the touchpoint, as it was registered at the first answer
    journey_stage: str | None = None
    dimensions: dict[str, Any] = Field(default_factory=dict)
    channel: str
    language: str
    metric: str
    scale: str
    score: int | None = None
    scores: dict[str, int] = Field(default_factory=dict)  # every metric question that was answered
    measures: dict[str, Measure] = Field(default_factory=dict)  # of each of them
    asked: tuple[str, ...] = ()  # questions that were on a confirmed page, answered or not
    answers: dict[str, AnswerValue] = Field(default_factory=dict)
    comment: str | None = None
    comment_language: str | None = None  # found by reading it, as are the topics
    topics: tuple[str, ...] = ()
    # Written by those who change the comment and by the stage alone (see `store/comments.py`).
    reading: Reading | None = Field(default=None, exclude=True)
    texts: tuple[str, ...] = ()  # the incoming texts that are in it: none of them is read as a second answer
    submissions: tuple[str, ...] = ()  # the page's own ids of what is in it: sent again, they change nothing
    network: str | None = None  # keyed hash of the network that the first answer came from
    suspect: str | None = None  # why it is left out of metrics
    suspect_by: str | None = None  # `service`, or `api` once a person judged it
    started_at: datetime
    finished_at: datetime | None = None

    def to_document(self) -> dict[str, Any]:
        """With the names of what it measured: which question did may be any, so only these can be looked up."""
        return {**super().to_document(), "measured": sorted({measure.name for measure in self.measures.values()})}
