"""Ingest: `POST /v1/events` of a real API process against a bare handler and a bare `insert_many`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.http_load import KEY, Load
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.processes import HOST, Bench, child, free_port, output_of
from survey_service.store.indexes import INDEXES

CONNECTIONS = 64
BATCH = 1_000
IMPORTERS = 4  # how many callers post batches at the same time
_DATABASE = "bench_ingest"


@asynccontextmanager
async def single(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """One event a request."""
    bare, naive, ours = free_port(), free_port(), free_port()
    async with (
        child("benchmarks.bare_handler", str(bare), port=bare),
        child("benchmarks.bare_handler", str(naive), bench.uri, port=naive),
        child("survey_service", "api", port=ours, env=_service(bench.uri, ours)),
    ):
        yield [
            Comparison(
                f"one event a request, {CONNECTIONS} connections",
                Unit.EVENTS,
                Contestant("ours", _load(bench, ours, CONNECTIONS, bench.count(4_000, 200))),
                (
                    Contestant("bare handler", _load(bench, bare, CONNECTIONS, bench.count(12_000, 200))),
                    Contestant("handler with insert_one", _load(bench, naive, CONNECTIONS, bench.count(3_000, 200))),
                ),
            ),
            Comparison(
                "one event a request, one caller, p50",
                Unit.MILLISECONDS,
                Contestant("ours", _p50(ours, bench.count(400, 20))),
                (
                    Contestant("bare handler", _p50(bare, bench.count(1_000, 20))),
                    Contestant("handler with insert_one", _p50(naive, bench.count(400, 20))),
                ),
            ),
        ]


@asynccontextmanager
async def batch(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """A thousand events a request, as NDJSON; the floor inserts the documents that the service made of them."""
    port = free_port()
    requests = bench.count(20, IMPORTERS)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(bench.uri, w="majority", journal=True)
    try:
        async with child("survey_service", "api", port=port, env=_service(bench.uri, port)):
            await _post(port, 1, 1, BATCH)
            documents = await client[_DATABASE]["events"].find().limit(BATCH).to_list(BATCH)
            floor = client["bench_floor"]
            await floor["indexed"].create_indexes(INDEXES["events"])
            yield [
                Comparison(
                    f"{BATCH:,} events a request, {IMPORTERS} callers",
                    Unit.EVENTS,
                    Contestant("ours", _load(bench, port, IMPORTERS, requests, BATCH)),
                    (
                        Contestant("bare insert_many", _inserts(floor["bare"], documents, requests)),
                        Contestant("insert_many, same indexes", _inserts(floor["indexed"], documents, requests)),
                    ),
                )
            ]
    finally:
        client.close()


def _service(uri: str, port: int) -> Mapping[str, str]:
    """Nothing but what must be set: the limits that a benchmark would run into are lifted."""
    return {
        "SURVEY_MONGODB_URI": uri.replace("/?", f"/{_DATABASE}?"),
        "SURVEY_SECRET": uuid.uuid4().hex,
        "SURVEY_API_KEY": KEY,
        "SURVEY_HOST": HOST,
        "SURVEY_PORT": str(port),
        "SURVEY_RATE_LIMIT": "100000000/minute",
        "SURVEY_LOG_LEVEL": "WARNING",
    }


def _load(bench: Bench, port: int, connections: int, requests: int, events: int = 1) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        load = await _post(port, connections, requests, events)
        bench.client_busy.append(load.busy)
        return load.events_per_second

    return measure


def _p50(port: int, requests: int) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        return (await _post(port, 1, requests, 1)).p50_ms

    return measure


async def _post(port: int, connections: int, requests: int, events: int) -> Load:
    arguments = map(str, (port, connections, requests, events))
    return Load(**orjson.loads(await output_of("benchmarks.http_load", *arguments)))


def _inserts(collection: Any, documents: list[dict[str, Any]], times: int) -> Callable[[], Awaitable[float]]:
    async def insert(copies: list[list[dict[str, Any]]]) -> None:
        while copies:
            await collection.insert_many(copies.pop(), ordered=False)

    async def measure() -> float:
        copies = [[{**document, "_id": f"evt_{uuid.uuid4().hex[:22]}"} for document in documents] for _ in range(times)]
        started = time.perf_counter()
        await asyncio.gather(*(insert(copies) for _ in range(IMPORTERS)))
        return times * len(documents) / (time.perf_counter() - started)

    return measure
