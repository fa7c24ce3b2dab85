"""Exports: `GET /v1/responses/export` of a real API process against a bare loop from the cursor to orjson."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import SECRET, own_service
from benchmarks.processes import HOST, Bench, child, free_port, output_of
from survey_service.models.ids import hashed_id
from survey_service.models.invitation import EventFacts
from survey_service.models.response import FinishedBy, Measure, Response, ResponseStatus
from survey_service.store.store import Store

_DATABASE = "bench_exports"
_KEY = "bench-key-bench-key-bench-key"
_WORDS = "It came a day early and the box was in one piece, so I am happy"
BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
_AT_ONCE = 5_000


@asynccontextmanager
async def streaming(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """The floor reads the same fields in the same order and writes them nowhere; ours shapes, writes and serves."""
    rows, port = bench.count(200_000, 2_000), free_port()
    async with own_service(bench.uri, _DATABASE) as service:
        await load_responses(service.parts.store, rows)
    settings = {
        "SURVEY_MONGODB_URI": bench.uri.replace("/?", f"/{_DATABASE}?"),
        "SURVEY_SECRET": SECRET,
        "SURVEY_API_KEY": _KEY,
        "SURVEY_HOST": HOST,
        "SURVEY_PORT": str(port),
        "SURVEY_LOG_LEVEL": "WARNING",
    }
    async with child("survey_service", "api", port=port, env=settings):
        floor = Contestant("cursor to orjson", _run(rows, "benchmarks.bare_export", bench.uri, _DATABASE))
        yield [
            Comparison(f"export, {name}", Unit.ROWS, Contestant("ours", _run(rows, *_load(port, name))), (floor,))
            for name in ("ndjson", "csv")
        ]


async def load_responses(store: Store, count: int) -> None:
    """Put finished answers into the collection, one a second."""
    for start in range(0, count, _AT_ONCE):
        documents = [_document(number) for number in range(start, min(start + _AT_ONCE, count))]
        await store.database["responses"].insert_many(documents, ordered=False)


def _document(number: int) -> dict[str, Any]:
    at = BEGIN + timedelta(seconds=number)
    key = hashed_id("evt", str(number))
    response = Response(
        id=hashed_id("rsp", str(number)),
        status=ResponseStatus.FINISHED,
        finished_by=FinishedBy.CUSTOMER,
        survey="after-landing",
        survey_version=1,
        brand="gull-air",
        trigger="after-landing",
        trigger_version=1,
        event=EventFacts(key=key, id=f"flight-{number}", source="/ops", type="flight.landed", time=at),
        invitation=hashed_id("inv", str(number)),
        customer=hashed_id("cus", str(number)),
        customer_ref=f"c-{number}",
        touchpoint=f"airport-{number % 50}",
        dimensions={"carrier": "GU", "cabin": "economy"},
        channel="email",
        language="en",
        metric="nps",
        scale="0-10",
        score=number % 11,
        scores={"nps": number % 11},
        measures={"nps": Measure(metric="nps", scale="0-10")},
        asked=("nps", "why"),
        answers={"nps": number % 11, "why": _WORDS},
        comment=_WORDS,
        started_at=at,
        finished_at=at + timedelta(seconds=40),
    )
    return {**response.to_document(), "updated_at": at}


def _load(port: int, name: str) -> tuple[str, ...]:
    return "benchmarks.export_load", str(port), f"/v1/responses/export?format={name}", _KEY


def _run(rows: int, *module: str) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        done = orjson.loads(await output_of(*module))
        assert done["rows"] in {rows, rows + 1}, done  # CSV has a header
        return rows / float(done["seconds"])

    return measure
