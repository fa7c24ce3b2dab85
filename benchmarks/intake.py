"""Intake: event → decided and invited, by the real stage on a real database, against parsing and CEL alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.events import make_events, make_lines
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import CONDITION, TRIGGER, own_service, post, time_stage
from benchmarks.processes import Bench
from survey_service.api.strict_json import parse_json
from survey_service.rules import RuleScope, cel_value, compile_rule


@asynccontextmanager
async def deciding(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """Every event has a trigger whose condition holds, so each becomes an invitation."""
    count = bench.count(2_000, 100)
    labels = {"trigger": TRIGGER, "outcome": "invited", "reason": ""}
    async with own_service(bench.uri, "bench_intake") as service:

        async def decide() -> float:
            await post(service, make_events(count))
            return count / await time_stage(service, "intake", "survey_decisions_total", labels, count)

        yield [
            Comparison(
                "event → decided, invited",
                Unit.EVENTS,
                Contestant("ours", decide),
                (Contestant("parsing and CEL alone", _parse_and_judge),),
            )
        ]


async def _parse_and_judge() -> float:
    lines = make_lines(2_000)
    rule = compile_rule(CONDITION, RuleScope.TRIGGER)
    started = time.perf_counter()
    for line in lines:
        event = parse_json(line)
        assert isinstance(event, dict)
        assert rule.holds({"event": cel_value(event), "customer": cel_value(event["data"]["customer"])})
    return len(lines) / (time.perf_counter() - started)
