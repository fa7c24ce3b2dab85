"""`GET /v1/decisions`: each trigger's word about each event goes out, silence and its reason included."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ListOf, ListQuery, list_reply
from survey_service.api.shapes.fields import Instant, Zone
from survey_service.api.shapes.rows import DecisionRow, ErasedRow
from survey_service.api.shapes.stored_rows import show_decision
from survey_service.errors import InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.decision import Outcome, Reason
from survey_service.store.events import DECISION_SEPARATOR
from survey_service.store.paging import Cursor

_LONGEST = timedelta(days=400)


class DecisionFilters(BaseModel):
    """Filters; all that are given must hold."""

    trigger: str | None = Field(default=None, max_length=100)
    outcome: Outcome | None = None
    reason: Reason | None = None
    event_type: str | None = Field(default=None, max_length=200)

    def filters(self) -> dict[str, Any]:
        """What the rows must match."""
        return self.model_dump(exclude_none=True, include=set(DecisionFilters.model_fields))


class DecisionsQuery(DecisionFilters, ListQuery):
    """A page of decisions."""


@endpoint("GET", "/v1/decisions", tag="events", scope=Scope.EVENTS_READ, answers={200: ListOf[DecisionRow | ErasedRow]})
async def list_decisions(call: Call, query: DecisionsQuery) -> Reply:
    """List decisions, newest first."""
    after = _decode(query.cursor) if query.cursor else None
    rows = await call.parts.store.events.decisions(query.filters(), query.limit + 1, after)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return list_reply(call, [show_decision(row) for row in shown], _encode(shown[-1]) if more else None)


class CountsQuery(BaseModel):
    """Which decisions are counted, and by what period."""

    start: Instant = Field(alias="from")
    end: Instant = Field(alias="to")
    granularity: Literal["hour", "day"] = "day"
    timezone: Zone = "UTC"
    trigger: str | None = Field(default=None, max_length=100)
    outcome: Outcome | None = None
    reason: Reason | None = None


class DecisionCount(BaseModel):
    """How many decisions of one kind fell into one period; `trigger` is null where no trigger matched."""

    period_start: AwareDatetime
    trigger: str | None = None
    outcome: Outcome
    reason: Reason | None = None
    count: int


@endpoint("GET", "/v1/decisions/counts", tag="events", scope=Scope.EVENTS_READ, answers={200: ListOf[DecisionCount]})
async def count_decisions(call: Call, query: CountsQuery) -> Reply:
    """Count decisions by trigger, outcome and reason over time."""
    if query.end <= query.start or query.end - query.start > _LONGEST:
        raise InvalidInput.at("/to", "period", f"must be later than from, by at most {_LONGEST.days} days")
    filters = query.model_dump(include={"trigger", "outcome", "reason"}, exclude_none=True)
    rows = await call.parts.store.events.count_decisions(
        query.start, query.end, query.granularity, query.timezone, filters
    )
    return Reply({"data": [DecisionCount.model_validate(row).model_dump() for row in rows], "next": None})


def _encode(row: dict[str, Any]) -> str:
    return Cursor(row["decided_at"], row["_id"]).encode()


def _decode(text: str) -> tuple[datetime, str, int]:
    cursor = Cursor.decode(text)
    key, _, number = cursor.id.rpartition(DECISION_SEPARATOR)
    if not key or not number.isdecimal() or len(number) > 6:
        raise InvalidInput.at("/cursor", "cursor", "is not a cursor of this service")
    return cursor.at, key, int(number)


ENDPOINTS = (list_decisions, count_decisions)
