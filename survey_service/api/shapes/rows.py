"""What the lists answer: stored nouns come in, the rows that callers read go out; more fields may join them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import WAITING_STATES, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.event import EventState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.response import AnswerValue, FinishedBy, ResponseStatus
from survey_service.models.suppression import SuppressionReason, SuppressionScope
from survey_service.reporting.rows import erased_row
from survey_service.texts.addresses import mask_email, mask_phone


class Row(BaseModel):
    """A row is read off the attributes of a stored noun."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    named_by: ClassVar[str] = "id"  # the column of the service's own id

    @classmethod
    def of(cls, source: Any) -> Self:
        """The row of a stored noun."""
        return cls.model_validate(source)

    @classmethod
    def show(cls, source: Any) -> dict[str, Any]:
        """The row as plain values; of what was erased the tombstone."""
        if getattr(source, "erased_at", None) is not None:
            return erased_row(source.id, source.updated_at, cls.named_by)
        return cls.of(source).model_dump()


class ErasedRow(BaseModel):
    """What lists show of a row whose person asked to be forgotten; an event has its `key` in place of `id`."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    key: str = ""
    erased: Literal[True]
    updated_at: AwareDatetime | None


class EventDecision(Row):
    """What one trigger said about the event."""

    trigger: str
    trigger_version: int
    outcome: Outcome
    reason: Reason | None
    detail: str | None
    invitation: str | None
    values: dict[str, Any] = Field(description="What made the decision")
    next_eligible_at: AwareDatetime | None


class EventRow(Row):
    """One event as it was posted, and what was decided about it."""

    named_by = "key"

    key: str = Field(validation_alias="id", description="How the service names the event")
    id: str = Field(validation_alias="event_id", description="The id that the source gave it")
    source: str
    type: str
    subject: str | None
    time: AwareDatetime
    received_at: AwareDatetime
    state: EventState
    reason: Reason | None = Field(description="Why no trigger looked at it: `no_trigger` or `imported`")
    customer_id: str | None = Field(validation_alias="customer", description="Our id of the customer, once decided")
    touchpoint: str | None
    touchpoint_known: bool | None = Field(description="Whether the touchpoint was registered when it was decided")
    data: dict[str, Any]
    extensions: dict[str, Any]
    decisions: list[EventDecision]
    decided_at: AwareDatetime | None
    updated_at: AwareDatetime | None


class DecisionRow(Row):
    """One trigger's word about one event; `trigger` is null where no trigger matched."""

    id: str = Field(description="The event's key, and which of its decisions it is")
    event: str
    event_id: str
    event_source: str
    event_type: str
    decided_at: AwareDatetime
    customer_id: str | None = Field(default=None, validation_alias="customer")
    trigger: str | None = None
    trigger_version: int | None = None
    outcome: Outcome
    reason: Reason | None = None
    detail: str | None = None
    invitation: str | None = None
    values: dict[str, Any] = Field(default={}, description="What made the decision")
    next_eligible_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = Field(default=None, description="When its event last changed")


class DeliveryRow(Row):
    """One message on one channel; the address is masked."""

    id: str
    kind: DeliveryKind
    channel: ChannelName
    state: DeliveryState
    reason: Reason | None
    detail: str | None = Field(description="The provider's last words, without addresses")
    invitation: str | None
    brand: str
    survey: str | None
    survey_version: int | None
    trigger: str | None
    customer_id: str | None = Field(validation_alias="customer")
    touchpoint: str | None
    to: str = Field(examples=["a•••@example.com"])
    language: str
    held_by: str | None = Field(description="The pause that holds it back")
    attempts: int = Field(description="Calls to the provider")
    segments: int | None = Field(description="Of a text message, as they are billed")
    replaces: str | None = Field(description="The unknown delivery that was sent anew with this one")
    provider: str | None
    provider_id: str | None
    provider_status: str | None
    created_at: AwareDatetime
    planned_at: AwareDatetime
    next_at: AwareDatetime | None = Field(
        default=None, description="When it is tried next; none while a pause holds it"
    )
    expires_at: AwareDatetime
    sent_at: AwareDatetime | None
    updated_at: AwareDatetime | None

    @classmethod
    def of(cls, source: Delivery) -> Self:
        """The row of a delivery."""
        waits = source.state in WAITING_STATES and source.lease is None and source.held_by is None
        masked = mask_address(source.channel, source.to)
        return cls.model_validate(source).model_copy(update={"to": masked, "next_at": source.due_at if waits else None})


def mask_address(channel: str, address: str) -> str:
    """Where a message goes, as rows may show it."""
    return mask_email(address) if channel == ChannelName.EMAIL else mask_phone(address)


class InvitationRow(Row):
    """One survey offered to one customer; `customer` is the caller's own id of the person where one is known."""

    id: str
    state: InvitationState
    reason: Reason | None
    survey: str
    survey_version: int
    brand: str
    trigger: str | None
    trigger_version: int | None
    event: str | None
    event_id: str | None
    event_source: str | None
    event_type: str | None
    event_time: AwareDatetime | None
    customer: str = Field(validation_alias="customer_ref")
    customer_id: str = Field(validation_alias="customer")
    touchpoint: str | None
    incentive: str | None = Field(description="What an answer is thanked with")
    variant: str | None
    language: str
    channels: list[ChannelName]
    dimensions: dict[str, Any]
    send_at: AwareDatetime
    expires_at: AwareDatetime
    sent_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime | None

    @classmethod
    def of(cls, source: Invitation, **more: Any) -> Self:
        """The row of an invitation, with the facts of its event and `more` beside it."""
        event = source.event
        facts = {
            "event": event.key if event else None,
            "event_id": event.id if event else None,
            "event_source": event.source if event else None,
            "event_type": event.type if event else None,
            "event_time": event.time if event else None,
            "incentive": source.incentive.incentive if source.incentive else None,
        }
        return cls.model_validate({**dict(source), **facts, **more})


class ResponseRow(Row):
    """One response, flat; the survey's dimensions stand beside these columns."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: ResponseStatus
    finished_by: FinishedBy | None
    survey: str
    survey_version: int
    brand: str
    trigger: str | None
    trigger_version: int | None
    variant: str | None
    event: str | None
    event_id: str | None
    event_source: str | None
    event_type: str | None
    event_time: AwareDatetime | None
    invitation: str | None
    link: str | None = Field(description="The public link that it was given on")
    customer: str | None
    incentive: str | None = Field(description="What was offered for an answer; answers without an offer may differ")
    touchpoint: str | None
    region: str | None = Field(description="Of the touchpoint, as it was registered at the first answer")
    journey_stage: str | None = Field(description="Likewise")
    channel: str
    language: str
    metric: str
    scale: str
    score: int | None
    scores: dict[str, int]
    answers: dict[str, AnswerValue]
    comment: str | None
    comment_language: str | None = Field(description="What the comment is written in; null: not read yet, or none")
    topics: list[str] = Field(description="What the answers in words are about, by the topics that are configured now")
    suspect: str | None = Field(description="Why it is left out of metrics; null: it counts")
    suspect_by: str | None = Field(description="Who said so: `service`, or `api` once a caller judged it")
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    updated_at: AwareDatetime | None


class SuppressionRow(Row):
    """One standing suppression; whom it silences is stored as a keyed hash only."""

    id: str
    scope: SuppressionScope
    brand: str = Field(description="A brand's id, or `*` for all")
    reason: SuppressionReason
    note: str | None = Field(validation_alias="detail")
    created_at: AwareDatetime
    updated_at: AwareDatetime | None
