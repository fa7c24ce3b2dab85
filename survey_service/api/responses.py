"""`/v1/responses`: flat rows for BI tools go out, newest first or by what changed; a word on a suspect comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from survey_service.api.customer_refs import customer_filter
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import Changes, ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.fields import Line
from survey_service.api.shapes.rows import ErasedRow, ResponseRow
from survey_service.errors import NotFound
from survey_service.models.api_key import Scope
from survey_service.models.response import ResponseStatus
from survey_service.reporting.rows import response_row
from survey_service.store.suspects import set_suspect


class ResponseFilters(Changes):
    """Partial and suspect rows are included and marked, unless a filter leaves them out."""

    may_leave: ClassVar[Mapping[str, object]] = {
        "status": ResponseStatus.FINISHED,
        "suspect": None,
        "language": None,
        "customer": None,
    }

    survey: str | None = Field(default=None, max_length=100)
    trigger: str | None = Field(default=None, max_length=100)
    touchpoint: str | None = Field(default=None, max_length=200)
    channel: str | None = Field(default=None, max_length=20)
    language: str | None = Field(default=None, max_length=35)
    metric: str | None = Field(default=None, max_length=20)
    status: ResponseStatus | None = None
    customer: str | None = Field(default=None, max_length=200, description="The caller's own id of the person, or ours")
    suspect: bool | None = Field(default=None, description="`false` leaves suspects out, `true` shows them alone")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        given = super().filters()
        if self.customer is not None:
            del given["customer"]
            given |= customer_filter(self.customer)
        if self.suspect is not None:
            given["suspect"] = {"$ne": None} if self.suspect else None
        return given


class ResponsesQuery(ResponseFilters, ChangesQuery):
    """A page of responses."""


class SuspectIn(BaseModel):
    """Somebody's word on a response."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    suspect: Line | None = Field(description="Why it is to be left out of metrics; null: it counts")


@endpoint(
    "GET", "/v1/responses", tag="responses", scope=Scope.RESPONSES_READ, answers={200: ListOf[ResponseRow | ErasedRow]}
)
async def list_responses(call: Call, query: ResponsesQuery) -> Reply:
    """List responses as flat rows, newest first."""
    page = await call.parts.store.responses.page(query.filters(), page_request(query))
    return page_reply(call, page, response_row)


@endpoint("GET", "/v1/responses/{id}", tag="responses", scope=Scope.RESPONSES_READ, answers={200: ResponseRow})
async def get_response(call: Call) -> Reply:
    """Read one response as a flat row."""
    response = await call.parts.store.responses.get(call.path("id"))
    if response is None or response.erased_at is not None:
        raise NotFound("there is no such response")
    return Reply(response_row(response))


@endpoint("PUT", "/v1/responses/{id}/suspect", tag="responses", scope=Scope.RESPONSES_WRITE, answers={200: ResponseRow})
async def put_suspect(call: Call, body: SuspectIn) -> Reply:
    """Leave a response out of metrics, with the reason, or let it count; no later answer changes that."""
    response = await set_suspect(call.parts.store.database, call.path("id"), body.suspect)
    if response is None:
        raise NotFound("there is no such response")
    return Reply(response_row(response))


ENDPOINTS = (list_responses, get_response, put_suspect)
