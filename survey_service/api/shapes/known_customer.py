"""A customer as callers look one up and read what is known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.shapes.fields import Email, Line, Phone
from survey_service.api.shapes.rows import Row, SuppressionRow
from survey_service.models.customer import Customer, NoteKind

MAX_NOTE = 2_000  # characters


class CustomerRow(Row):
    """What is known of a person; `customer` is the caller's own id where one is known."""

    id: str
    customer: str = Field(validation_alias="ref")
    name: str | None
    first_name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    account: str | None
    consent: dict[str, bool]
    attributes: dict[str, Any]
    created_at: AwareDatetime
    updated_at: AwareDatetime | None

    @classmethod
    def of(cls, source: Customer) -> Self:
        """The row of a customer."""
        own = {"id": source.id, "ref": source.ref, "created_at": source.created_at, "updated_at": source.updated_at}
        return cls.model_validate({**source.profile.model_dump(), **own})


class WhoIn(BaseModel):
    """Who is looked for: by one thing that they are known by."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Line | None = Field(default=None, description="The caller's own id of the person, or ours")
    email: Email | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise PydanticCustomError("who", "needs one of id, email and phone")
        return self


class MomentRow(BaseModel):
    """One thing that happened; `row` is what its own list shows of it, an event with its decisions."""

    at: AwareDatetime
    kind: Literal["event", "invitation", "delivery", "response", "case", "reward", "note"]
    id: str
    row: dict[str, Any]


class Timeline(BaseModel):
    """A customer, what stands against writing to them, and what happened, the newest first."""

    customer: CustomerRow
    suppressions: list[SuppressionRow]
    data: list[MomentRow]
    next: str | None


class CustomerNoteIn(BaseModel):
    """What is to be remembered of a customer: what they wish or need, or anything else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE)]
    kind: NoteKind | None = None


class CustomerNoteRow(Row):
    """A note on a customer; `source` says where it came in, such as `sms:SM…`, or who wrote it.

    `touchpoint` is that of the invitation which the customer's own words reply to.
    """

    id: str
    at: AwareDatetime
    text: str
    kind: NoteKind | None
    source: str
    touchpoint: str | None
