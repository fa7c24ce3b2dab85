"""`POST /v1/events`: one event, an array, NDJSON or binary mode in; one result an event out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web
from pydantic import BaseModel

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.problems import CONTENT_TYPE, problem_body
from survey_service.api.reading import read_body
from survey_service.api.shapes.event import EventIn, read_event
from survey_service.api.strict_json import JsonValue, parse_batch, parse_json, parse_ndjson
from survey_service.errors import Conflict, FieldProblem, InvalidInput, MalformedInput, TooLarge
from survey_service.intake.receiving import Fate, PostedEvent
from survey_service.models.api_key import Scope

MAX_EVENTS = 1_000
MAX_EVENT_BYTES = 64 * 1024
NDJSON = "application/x-ndjson"
BATCH = "application/cloudevents-batch+json"
TYPES = ("application/cloudevents+json", "application/json", BATCH, NDJSON)


class EventsQuery(BaseModel):
    """`decide=false` imports history: stored, never asked about."""

    decide: bool = True


class EventResult(BaseModel):
    """What became of one event; `key` is how the service names it from now on."""

    key: str | None
    source: str | None
    id: str | None
    status: Fate
    errors: list[dict[str, str]] | None = None


class EventsAccepted(BaseModel):
    """Counts, and one result an event in the order they came."""

    accepted: int
    duplicate: int
    conflict: int
    rejected: int
    results: list[EventResult]


Read = PostedEvent | InvalidInput | MalformedInput | TooLarge


@endpoint(
    "POST",
    "/v1/events",
    tag="events",
    scope=Scope.EVENTS_WRITE,
    answers={202: EventsAccepted},
    accepts={
        "application/cloudevents+json": EventIn,
        "application/json": EventIn,
        BATCH: EventIn,
        NDJSON: "One JSON value a line",
    },
)
async def post_events(call: Call, query: EventsQuery) -> Reply | web.StreamResponse:
    """Post what happened: one event, or up to 1,000 of them."""
    values, single = await _read_values(call.request)
    if len(values) > MAX_EVENTS:
        raise TooLarge(f"a request may carry {MAX_EVENTS} events")
    read = [_read_one(value) for value in values]
    if single and not isinstance(read[0], PostedEvent):
        raise read[0]
    posted = [event for event in read if isinstance(event, PostedEvent)]
    fates = iter(await call.parts.receiving.receive(posted, decide=query.decide))
    if single:
        fate = next(fates)
        if fate is Fate.CONFLICT:
            raise Conflict("another content is stored under this source and id")
        return Reply(_summary([_result(values[0], read[0], fate)]), status=202)
    results = [
        _result(value, event, next(fates) if isinstance(event, PostedEvent) else Fate.REJECTED)
        for value, event in zip(values, read, strict=True)
    ]
    summary = _summary(results)
    if summary["accepted"] or summary["duplicate"]:
        return Reply(summary, status=202)
    return _nothing_taken(summary)


async def _read_values(request: web.Request) -> tuple[Sequence[JsonValue | MalformedInput], bool]:
    """The posted values, and whether it is a single event."""
    if "ce-id" in request.headers or "ce-specversion" in request.headers:
        return [await _read_binary(request)], True
    body = await read_body(request, TYPES)
    if request.content_type == NDJSON:
        return [value for _, value in parse_ndjson(body, MAX_EVENTS)], False
    if body.lstrip()[:1] == b"[":
        values = parse_batch(body)
        if not values:
            raise MalformedInput("the array holds no event")
        return values, False
    return [parse_json(body)], True


async def _read_binary(request: web.Request) -> JsonValue:
    """CloudEvents HTTP binding 3.1: attributes in `ce-*` headers, percent-encoded; the body is the data."""
    data = parse_json(await read_body(request, ("application/json",)))
    event: dict[str, Any] = {"data": data}
    for name, value in request.headers.items():
        if name.lower().startswith("ce-"):
            attribute = name.lower().removeprefix("ce-")
            if attribute in event:
                raise InvalidInput.at(f"/{attribute}", "repeated", "the header comes twice")
            event[attribute] = unquote(value, errors="strict") if "%" in value else value
    return event


def _read_one(value: JsonValue | MalformedInput) -> Read:
    if isinstance(value, MalformedInput):
        return value
    try:
        if len(orjson.dumps(value)) > MAX_EVENT_BYTES:
            return TooLarge(f"an event may have {MAX_EVENT_BYTES} bytes")
    except TypeError:
        # Integers beyond 64 bit, which orjson cannot write; read_event names the field.
        pass
    try:
        event = read_event(value)
    except InvalidInput as error:
        return error
    assert isinstance(value, dict)  # noqa: S101 -- read_event refused everything else
    return PostedEvent(event.source, event.id, event.type, event.subject, event.time, value["data"], event.extensions)


def _result(value: JsonValue | MalformedInput, event: Read, fate: Fate) -> dict[str, Any]:
    if isinstance(event, PostedEvent):
        return {
            "key": event.key,
            "source": event.source,
            "id": event.id,
            "status": fate.value,
        }
    named: dict[str, Any] = value if isinstance(value, dict) else {}
    source, own_id = named.get("source"), named.get("id")
    fields = event.problems if isinstance(event, InvalidInput) else (FieldProblem("", event.code, event.detail),)
    return {
        "key": None,
        "source": source if isinstance(source, str) else None,
        "id": own_id if isinstance(own_id, str) else None,
        "status": Fate.REJECTED.value,
        "errors": [{"pointer": field.pointer, "rule": field.rule, "message": field.message} for field in fields],
    }


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    counts = dict.fromkeys((fate.value for fate in Fate), 0)
    for result in results:
        counts[result["status"]] += 1
    return {**counts, "results": results}


def _nothing_taken(summary: dict[str, Any]) -> web.Response:
    fields = [
        FieldProblem(f"/{number}{error['pointer']}", error["rule"], error["message"])
        for number, result in enumerate(summary["results"])
        for error in result.get("errors", ())
    ] or [
        FieldProblem(f"/{number}", "conflict", "another content is stored under this source and id")
        for number, _ in enumerate(summary["results"])
    ]
    body = problem_body(422, "invalid", "No event was taken", "every event was rejected or is in conflict", fields)
    return web.Response(status=422, body=orjson.dumps({**body, **summary}), content_type=CONTENT_TYPE)


ENDPOINTS = (post_events,)
