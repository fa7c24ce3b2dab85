"""`GET /v1/events`: what was posted and what became of it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import Changes, ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.rows import ErasedRow, EventRow
from survey_service.errors import NotFound
from survey_service.models.api_key import Scope
from survey_service.models.decision import Reason
from survey_service.models.event import EventState
from survey_service.models.ids import event_key


class EventFilters(Changes):
    """`source` and `id` together name one event."""

    may_leave: ClassVar[Mapping[str, object]] = {"state": EventState.DECIDED, "id": None}

    source: str | None = Field(default=None, max_length=500)
    id: str | None = Field(default=None, max_length=200)
    type: str | None = Field(default=None, max_length=200)
    state: EventState | None = None
    reason: Reason | None = Field(default=None, description="`no_trigger` or `imported`")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        given = super().filters()
        if self.source is not None and self.id is not None:
            del given["source"], given["id"]
            given["_id"] = event_key(self.source, self.id)
        elif self.id is not None:
            given["event_id"] = given.pop("id")
        return given


class EventsListQuery(EventFilters, ChangesQuery):
    """A page of events."""


@endpoint("GET", "/v1/events", tag="events", scope=Scope.EVENTS_READ, answers={200: ListOf[EventRow | ErasedRow]})
async def list_events(call: Call, query: EventsListQuery) -> Reply:
    """List events, newest received first."""
    page = await call.parts.store.events.page(query.filters(), page_request(query))
    return page_reply(call, page, EventRow.show)


@endpoint("GET", "/v1/events/{key}", tag="events", scope=Scope.EVENTS_READ, answers={200: EventRow})
async def get_event(call: Call) -> EventRow:
    """Read one event with its decisions."""
    event = await call.parts.store.events.get(call.path("key"))
    if event is None or event.erased_at is not None:
        raise NotFound("there is no such event")
    return EventRow.of(event)


ENDPOINTS = (list_events, get_event)
