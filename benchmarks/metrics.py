"""Metrics: the same question to as many cells of the rollups, behind which ten thousand answers stand, or far more."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.processes import Bench
from survey_service.calendars.buckets import Granularity
from survey_service.clock import Clock
from survey_service.models.ids import hashed_id
from survey_service.reporting.metrics import MetricQuestion, Metrics, Source
from survey_service.reporting.rollups import CountAnswers
from survey_service.store.rollups import recount_mark
from survey_service.store.store import Store

_START = datetime(2026, 10, 5, tzinfo=UTC)
_HOURS, _TOUCHPOINTS = 10 * 24, 20  # 4,800 cells, each of them filled by the fewest answers already
_FEW = 10_000
_AT_ONCE = 5_000
_QUESTION = MetricQuestion(
    "nps", ("touchpoint",), {}, _START, _START + timedelta(hours=_HOURS), Granularity.DAY, ZoneInfo("Europe/Berlin")
)


@asynccontextmanager
async def asking(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """A hundred thousand answers against ten thousand."""
    async with _against_few(bench, bench.count(100_000, 20_000)) as comparisons:
        yield comparisons


@asynccontextmanager
async def asking_a_million(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """A million answers against ten thousand; to load and count them takes minutes."""
    async with _against_few(bench, bench.count(1_000_000, 20_000)) as comparisons:
        yield comparisons


@asynccontextmanager
async def _against_few(bench: Bench, many: int) -> AsyncIterator[list[Comparison]]:
    few_answers = await _loaded(bench, _FEW)
    many_answers = await _loaded(bench, many)
    try:
        yield [
            Comparison(
                f"NPS by touchpoint and day, {many:,} answers",
                Unit.MILLISECONDS,
                Contestant("ours", _ask(many_answers, bench)),
                (Contestant(f"{_FEW:,} answers", _ask(few_answers, bench)),),
            )
        ]
    finally:
        for store in (few_answers, many_answers):
            await store.database.drop()
            store.close()


async def _loaded(bench: Bench, answers: int) -> Store:
    """A store with so many answers, counted by the stage itself."""
    store = Store(bench.uri, Clock(), timedelta(seconds=60), f"bench_metrics_{answers}")
    await store.open()
    for first in range(0, answers, _AT_ONCE):
        rows = [_answer(number) for number in range(first, min(first + _AT_ONCE, answers))]
        await store.database["responses"].insert_many(rows, ordered=False)
    handle = CountAnswers(store.rollups)
    while claim := await store.rollups.claim(1):
        await handle(claim)
    return store


def _answer(number: int) -> dict[str, Any]:
    """They go through the cells in turns, so that each has as many."""
    touchpoint, hour = number % _TOUCHPOINTS, number // _TOUCHPOINTS % _HOURS
    at = _START + timedelta(hours=hour, seconds=number % 3_600)
    return {
        "_id": hashed_id("rsp", str(number)),
        "survey": "after-landing",
        "survey_version": 1,
        "brand": "gull-air",
        "trigger": "after-landing",
        "touchpoint": f"gate-{touchpoint}",
        "channel": "email",
        "language": "en",
        "status": "finished",
        "suspect": None,
        "dimensions": {},
        "scores": {"nps": number * 7 % 11},
        "measures": {"nps": {"metric": "nps", "scale": "0-10"}},
        "started_at": at,
        "updated_at": at,
        **recount_mark(),
    }


def _ask(store: Store, bench: Bench) -> Callable[[], Awaitable[float]]:
    metrics, times = Metrics(store), bench.count(20, 2)

    async def measure() -> float:
        started = time.perf_counter()
        for _ in range(times):
            answer = await metrics.scores(_QUESTION)
            assert answer.source is Source.ROLLUP
            assert len(answer.figures) == 11 * _TOUCHPOINTS
        return 1_000 * (time.perf_counter() - started) / times

    return measure
