"""Cases as callers read and change them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.shapes.fields import Instant, Line
from survey_service.api.shapes.rows import DeliveryRow, Row
from survey_service.models.case import MAX_PUBLIC_NOTE, MAX_TEXT, Case, CaseState
from survey_service.models.delivery import ChannelName
from survey_service.models.follow_up import Priority
from survey_service.models.incentive import RewardReason, RewardState

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]
PublicNote = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_PUBLIC_NOTE)]
By = Annotated[
    Line | None, Field(description="The person in whose name it is done; unset: the name of the API key stands there")
]


class CallRow(Row):
    """A call that the customer asked for."""

    at: AwareDatetime
    minutes: int
    about: str | None
    phone: str | None


class NoteRow(Row):
    """What somebody wrote down; customers never see it."""

    at: AwareDatetime
    by: str
    text: str


class ChangeRow(Row):
    """Who changed which field from what to what; `by` is a person, `api:` and a key's name, `customer` or `service`."""

    at: AwareDatetime
    by: str
    field: str
    before: str | None
    after: str | None


class CaseRow(Row):
    """One case; `customer` is the caller's own id of the person where one is known."""

    id: str
    revision: int
    state: CaseState
    priority: Priority
    title: str
    rule: str
    response: str
    invitation: str | None
    survey: str
    brand: str
    customer: str | None = Field(validation_alias="customer_ref")
    customer_id: str | None = Field(validation_alias="customer")
    touchpoint: str | None
    channel: str = Field(description="That the answer came by")
    language: str
    metric: str
    scale: str
    score: int | None
    comment: str | None
    call: CallRow | None
    owner: str | None = Field(description="A person; null: nobody could be found")
    due_by: AwareDatetime
    overdue: bool
    escalate_to: str | None
    resolved_for_customer: bool | None = Field(description="The customer's own word")
    public_note: str | None = Field(description="What was done, in words for the customer")
    replies: int
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = Field(description="When it was last resolved or closed; null while it is active")
    updated_at: AwareDatetime | None


class CaseDetail(CaseRow):
    """A case with what was written down, what happened, and the messages about it."""

    notes: list[NoteRow]
    history: list[ChangeRow]
    deliveries: list[DeliveryRow]

    @classmethod
    def of(cls, source: Case, **more: Any) -> Self:
        """The case, with `more` beside it."""
        return cls.model_validate({**dict(source), **more})


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CaseIn(_In):
    """What is to change; a field that is not there stays as it is (RFC 7396)."""

    state: CaseState = CaseState.OPEN
    owner: Line | None = Field(default=None, description="A person; null takes the case from its owner")
    priority: Priority = Priority.NORMAL
    due_by: Instant | None = None
    public_note: PublicNote | None = Field(default=None, description="What was done, in words for the customer")
    by: By = None

    def wanted(self) -> dict[str, Any]:
        """The fields that were given, by stored name."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"by"}}


class NoteIn(_In):
    """What is to be written down; customers never see it."""

    text: Text
    by: By = None


class ReplyIn(_In):
    """What the customer is written: paragraphs with an empty line between them."""

    text: Text
    subject: Line | None = Field(default=None, description="Of a mail; unset: the first line of the text")
    channel: ChannelName | None = Field(default=None, description="Unset: the one that the answer came by, if it can")
    by: By = None


class RewardIn(_In):
    """What the customer is given: one of the incentives, or a gesture in words, which they are written."""

    incentive: Line | None = None
    gesture: Text | None = Field(default=None, description="Such as an apology, and what you do to make up for it")
    by: By = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.incentive is None) == (self.gesture is None):
            raise PydanticCustomError("one_of", "give either an incentive or a gesture")
        return self


class RewardGiven(BaseModel):
    """What became of it; `reward` of an incentive, `delivery` of a gesture."""

    case: str
    revision: int
    reward: str | None = None
    state: RewardState = RewardState.GRANTED
    reason: RewardReason | None = Field(default=None, description="Why it was refused")
    delivery: str | None = None


class ReplyMade(BaseModel):
    """The message, which is on its way."""

    case: str
    delivery: str
    revision: int
