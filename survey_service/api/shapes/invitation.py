"""A direct invitation as callers ask for one, and what they are answered."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.history import HistoryEntry
from survey_service.api.shapes.customer import CustomerIn
from survey_service.api.shapes.fields import Line
from survey_service.api.shapes.rows import DeliveryRow, InvitationRow
from survey_service.calendars.periods import PeriodInvalid, parse_period
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import LanguageCode


def _read_period(value: object) -> timedelta:
    if not isinstance(value, str):
        raise PydanticCustomError("period", "is not an ISO 8601 period, such as PT2H")
    try:
        return parse_period(value)
    except PeriodInvalid as error:
        raise PydanticCustomError("period", "{why}", {"why": str(error)}) from None


Period = Annotated[timedelta, BeforeValidator(_read_period, json_schema_input_type=str)]


class InvitationIn(BaseModel):
    """Who is asked what, on which channels; `web` needs no message, since the answer holds the address."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    survey: Line
    customer: CustomerIn
    channels: tuple[ChannelName, ...] = Field(min_length=1, max_length=3, description="The first that reaches is used")
    touchpoint: Line | None = None
    data: dict[str, Any] = Field(default={}, description="What texts and `show_if` may use, as in an event")
    language: LanguageCode | None = None
    delay: Period = Field(default=timedelta(), description="ISO 8601, from now")
    expires_after: Period = Field(default=timedelta(days=14), description="ISO 8601, from now")
    incentive: Line | None = Field(default=None, description="What an answer is thanked with, if the customer may")
    ignore_rules: bool = Field(
        default=False, description="Skip the contact policy (needs invitations:ignore_rules); never consent or opt-outs"
    )

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if len(set(self.channels)) != len(self.channels):
            raise PydanticCustomError("channels", "names a channel twice")
        if self.expires_after <= self.delay:
            raise PydanticCustomError("expires_after", "expires_after must be longer than delay")
        return self

    def content_hash(self) -> str:
        """SHA-256 over every field but the key itself: what an Idempotency-Key stands for, in a batch or alone."""
        canonical = orjson.dumps(self.model_dump(mode="json", exclude={"idempotency_key"}), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()


class BatchItemIn(InvitationIn):
    """One invitation of a batch."""

    idempotency_key: Line | None = Field(default=None, max_length=100)


class InvitationMade(InvitationRow):
    """The invitation, with the address of its survey."""

    url: str


class BatchIn(BaseModel):
    """Up to 1,000 direct invitations; each may carry its own idempotency key."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    invitations: tuple[BatchItemIn, ...] = Field(min_length=1, max_length=1000)


class BatchResult(BaseModel):
    """What became of one of them, in order."""

    status: Literal["created", "repeated", "refused"]
    id: str | None = None
    url: str | None = None
    error: str | None = Field(default=None, description="The code of a problem: not_allowed, invalid, conflict")
    detail: str | None = None
    next_eligible_at: datetime | None = None


class BatchMade(BaseModel):
    """Counts, and one result an invitation."""

    created: int
    repeated: int
    refused: int
    results: list[BatchResult]


class CancelIn(BaseModel):
    """Whose invitations are taken back."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    trigger: Line


class Cancelled(BaseModel):
    """How many were taken back."""

    cancelled: int


class InvitationDetail(InvitationRow):
    """The invitation, its messages, and what happened in order."""

    deliveries: list[DeliveryRow]
    history: list[HistoryEntry]
