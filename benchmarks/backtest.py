"""Backtest: a trigger with every rule is tried on a month of stored events, against reading those events alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.events import EVENT_TYPE, make_events
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import CONDITION, own_service, post
from benchmarks.processes import Bench
from survey_service.intake.rehearsing import Rehearsal
from survey_service.models.trigger import Trigger
from survey_service.wiring import Service

_START = datetime(2026, 10, 1, tzinfo=UTC)
_MONTH = timedelta(days=30)
_EVENTS_A_PERSON = 4


@asynccontextmanager
async def rehearsing(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """A hundred thousand events in a minute are 1,667 a second."""
    count = bench.count(20_000, 300)
    async with own_service(bench.uri, "bench_backtest") as service:
        await post(service, _month(count), decide=False)

        async def rehearse() -> float:
            rehearsal = Rehearsal(service.parts.store, service.parts.keyring, _trigger())
            started = time.perf_counter()
            outlook = None
            async for step in rehearsal.run(_START, _START + _MONTH):
                outlook = step.outlook
            assert outlook is not None
            assert outlook.events == count
            return count / (time.perf_counter() - started)

        async def read() -> float:
            return count / await _time_reading(service, count)

        yield [
            Comparison(
                "event → outlook of a period",
                Unit.EVENTS,
                Contestant("ours", rehearse),
                (Contestant("reading the events alone", read),),
            )
        ]


async def _time_reading(service: Service, count: int) -> float:
    started = time.perf_counter()
    found = [event.id async for event in service.parts.store.events.in_period(EVENT_TYPE, _START, _START + _MONTH)]
    assert len(found) == count
    return time.perf_counter() - started


def _month(count: int) -> list[dict[str, Any]]:
    """Landings spread evenly over a month, of people who landed several times in it."""
    return [_moved(event, number, count) for number, event in enumerate(make_events(count))]


def _moved(event: dict[str, Any], number: int, count: int) -> dict[str, Any]:
    person = number * 7919 % max(1, count // _EVENTS_A_PERSON)  # a prime, so that everybody's flights lie apart
    who = {"id": f"pax-{person}", "email": f"pax{person}@example.com"}
    customer = {**event["data"]["customer"], **who}
    at = _START + _MONTH * number / count
    return {**event, "time": at.isoformat(), "data": {**event["data"], "customer": customer}}


def _trigger() -> Trigger:
    fields = {
        "id": "backtest:1",
        "trigger": "backtest",
        "version": 1,
        "created_at": _START,
        "survey": "flight-nps",
        "event_type": EVENT_TYPE,
        "condition": CONDITION,
        "channels": ("email",),
        "cooldown": "P7D",
        "when_not_allowed": "defer",
    }
    return Trigger.model_validate(fields)
