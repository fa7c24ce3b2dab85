"""What is shown of incentives, their codes and rewards; a code is money, so that none is ever shown whole."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from survey_service.api.shapes.fields import Line
from survey_service.api.shapes.rows import Row
from survey_service.models.incentive import (
    Incentive,
    IncentiveContent,
    IncentiveKind,
    IncentiveState,
    Reward,
    RewardReason,
    RewardState,
)

_SHOWN = 3  # characters of a code: enough to tell two apart beside a customer who reads theirs out


class IncentiveView(IncentiveContent):
    """An incentive, and what became of it so far."""

    id: str
    revision: int
    updated_at: AwareDatetime | None
    granted: int = Field(description="Rewards that were granted")
    held: int = Field(description="Rewards that wait for somebody's word")
    spent: float = Field(description="Sum of the value of what was granted")
    codes_left: int | None = Field(description="Of a unique_code: codes in the pool; null before any were added")

    @classmethod
    def of(cls, row: Incentive, state: IncentiveState | None, held: int) -> Self:
        """The stored incentive as it is shown."""
        given = state or IncentiveState(id=row.id)
        left = max(given.left, 0) if given.left is not None and row.kind is IncentiveKind.UNIQUE_CODE else None
        counts = {"granted": given.granted, "held": held, "spent": given.mills / 1000, "codes_left": left}
        return cls.model_validate({**row.model_dump(), **counts})


class IncentiveStateRow(BaseModel):
    """What is told when few codes are left."""

    id: str
    codes_left: int | None
    granted: int
    spent: float

    @classmethod
    def show(cls, source: IncentiveState) -> dict[str, object]:
        """The state as plain values."""
        left = None if source.left is None else max(source.left, 0)
        row = cls(id=source.id, codes_left=left, granted=source.granted, spent=source.mills / 1000)
        return row.model_dump()


class CodeCounts(BaseModel):
    """How many codes a pool has."""

    left: int
    used: int


class CodesDeleted(BaseModel):
    """How many codes were left, and are no more."""

    deleted: int


class RefusedLine(BaseModel):
    """`line` is the number in the file, the first line being 1; the message repeats nothing of what stood there."""

    line: int
    message: str


class CodesAdded(BaseModel):
    """What became of the lines so far."""

    added: int = 0
    present: int = Field(default=0, description="Were in the pool already, used or not")
    refused: int = 0
    problems: list[RefusedLine] = Field(default=[], description="The first of the refused lines")


class RewardRow(Row):
    """What one customer was given, or why nothing; only the last signs of a code are shown."""

    id: str
    incentive: str
    name: str
    state: RewardState
    reason: RewardReason | None = Field(description="Why it was not granted at once")
    response: str
    invitation: str | None
    customer: str | None = Field(validation_alias="customer_ref")
    customer_id: str | None = Field(validation_alias="customer")
    brand: str
    survey: str
    touchpoint: str | None
    code: str | None = Field(examples=["•••7QX"])
    value: float
    currency: str | None
    by: str | None = Field(description="The API key of the person who decided")
    created_at: AwareDatetime
    granted_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    updated_at: AwareDatetime | None

    @classmethod
    def of(cls, source: Reward) -> Self:
        """The row of a reward."""
        return cls.model_validate(source).model_copy(update={"code": mask_code(source.code)})


class RewardIn(BaseModel):
    """A reward that a person gives by hand."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    incentive: Line
    response: Line


def mask_code(code: str | None) -> str | None:
    """The last signs of a code; a short one is not shown at all."""
    if code is None:
        return None
    return f"•••{code[-_SHOWN:]}" if len(code) > 2 * _SHOWN else "•••"
