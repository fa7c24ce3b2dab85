"""A dry run as callers ask for one, and what they are answered."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.shapes.fields import Instant
from survey_service.intake.rehearsing import Outlook
from survey_service.models.decision import Decision
from survey_service.models.delivery import ChannelName, DeliveryKind
from survey_service.models.trigger import TriggerContent


class PeriodIn(BaseModel):
    """Stored events with a time in [from, to)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    start: Instant = Field(alias="from")
    end: Instant = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("period", "to must be later than from")
        return self


def _by_id_or_inline(value: object, _: ValidatorFunctionWrapHandler) -> str | TriggerContent:
    """Each by itself, so that a fault inside has the pointer of its field, without the name of a branch."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return TriggerContent.model_validate_json(orjson.dumps(value), strict=True, extra="forbid")
    raise PydanticCustomError("trigger", "is neither the id of a trigger nor a trigger")


class DryRunIn(BaseModel):
    """A stored trigger by its id, or one inline; and one event as it would be posted, or a period."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    trigger: Annotated[str | TriggerContent, WrapValidator(_by_id_or_inline)]
    event: dict[str, Any] | None = Field(
        default=None,
        description="What is stored of its customer counts for keys that have the scope `customers:read` as well",
    )
    period: PeriodIn | None = Field(default=None, description="Needs a key that has the scope `events:read` as well")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.event is None) == (self.period is None):
            raise PydanticCustomError("one_of", "give either an event or a period")
        return self


class PlannedSend(BaseModel):
    """One message that would leave, if no answer came before it."""

    kind: DeliveryKind
    channel: ChannelName
    at: datetime
    local_time: str = Field(description="The same by the customer's wall clock")
    timezone: str


class RenderedMessage(BaseModel):
    """The first message of a channel, as the customer would see it."""

    channel: ChannelName
    subject: str | None
    text: str
    html: str | None
    segments: int | None = Field(default=None, description="Of a text message, as they are billed")
    warning: str | None = Field(default=None, description="What it costs more than it has to")


class TrialOut(BaseModel):
    """What would happen with one event."""

    decision: Decision
    customer_known: bool = Field(
        description="Whether what is stored of the customer counted, or the event alone: the key lacks `customers:read`"
    )
    sends: list[PlannedSend]
    messages: list[RenderedMessage]


class DayOut(BaseModel):
    """One day (of the events, UTC): how many by outcome or reason."""

    day: date
    counts: dict[str, int]


class OutlookOut(BaseModel):
    """What would have happened with the events of a period."""

    events: int
    invited: int
    deferred: int
    skipped: dict[str, int] = Field(description="By reason")
    channels: dict[str, int] = Field(description="First messages by channel")
    days: list[DayOut]

    @classmethod
    def of(cls, outlook: Outlook) -> Self:
        """The counts as they are shown."""
        return cls(
            events=outlook.events,
            invited=outlook.invited,
            deferred=outlook.deferred,
            skipped={reason.value: count for reason, count in outlook.skipped.most_common()},
            channels=dict(outlook.channels),
            days=[DayOut(day=day, counts=_plain(counts)) for day, counts in sorted(outlook.days.items())],
        )


class DryRunOut(BaseModel):
    """The answer to what was asked: one event, or a period."""

    event: TrialOut | None = None
    period: OutlookOut | None = None


def _plain(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common())
