"""The shapes of webhooks: how they are shown, their calls, and what is asked of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from survey_service.api.shapes.fields import Instant
from survey_service.api.shapes.rows import Row
from survey_service.models.outbox import NewsType
from survey_service.models.webhook import (
    CallError,
    CallState,
    OffReason,
    Webhook,
    WebhookCall,
    WebhookContent,
    WebhookHealth,
)


class WebhookView(WebhookContent):
    """A webhook, without its secrets."""

    id: str
    revision: int
    updated_at: datetime | None
    secrets: int = Field(description="How many secrets sign: two while they are changed")
    disabled_reason: OffReason | None = Field(description="Why the service switched it off")
    failing_since: datetime | None = Field(description="Since when nothing has passed; null: the last call did")
    held_until: datetime | None = Field(description="It is not called before, since it failed or asked for that")

    @classmethod
    def of(cls, row: Webhook, health: WebhookHealth | None = None, **more: str) -> Self:
        """The stored webhook as it is shown."""
        shown = {
            "secrets": len(row.secrets),
            "failing_since": health.failing_since if health else None,
            "held_until": health.held_until if health else None,
        }
        return cls.model_validate({**row.model_dump(), **shown, **more})


class WebhookWithSecret(WebhookView):
    """A webhook whose secret was just made; it is shown this once."""

    secret: str = Field(
        description="Signs every call, as Standard Webhooks has it",
        examples=["whsec_ZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXM="],
    )


class Keep(StrEnum):
    """Which of two secrets goes on signing."""

    NEW = "new"  # the receivers know it by now
    OLD = "old"  # the new one was lost, or is not wanted


class RetireIn(BaseModel):
    """How a rotation ends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    keep: Keep


class AttemptRow(Row):
    """One try of a call."""

    at: AwareDatetime
    status: int | None = Field(description="What the receiver answered; null: nothing")
    milliseconds: int
    error: CallError | None


class WebhookCallRow(Row):
    """One message for one webhook, and every try to hand it over."""

    message: str = Field(description="The `webhook-id` of every try")
    type: str = Field(description="What it tells; `webhook.test` was asked for by hand")
    state: CallState
    attempts: list[AttemptRow] = Field(description="The last 30 tries, the oldest first")
    next_at: AwareDatetime | None = Field(default=None, description="When it is tried next")
    created_at: AwareDatetime
    updated_at: AwareDatetime | None

    @classmethod
    def of(cls, source: WebhookCall) -> Self:
        """The row of a call."""
        return cls.model_validate(source).model_copy(update={"next_at": None if source.lease else source.due_at})


class ReplayIn(BaseModel):
    """Which messages are posted again, under the ids that they had."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    start: Instant = Field(alias="from", description="The first instant, of when the service took the news up")
    end: Instant = Field(alias="to", description="The instant after the last one")
    types: tuple[NewsType, ...] = Field(default=(), max_length=len(NewsType), description="Empty: all")
    only_dead: bool = Field(default=False, description="Leave out what was delivered or still waits")


class ReplayView(BaseModel):
    """What a replay found."""

    replayed: int
    rest_from: AwareDatetime | None = Field(description="Where the next replay of the period begins; null: it is whole")


class WebhookTestView(BaseModel):
    """The message that was asked for."""

    message: str = Field(description="Its `webhook-id`")
