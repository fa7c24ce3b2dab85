"""Conditions: a compiled CEL rule over flight events, against the same condition written in Python."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.events import make_events
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.processes import Bench
from survey_service.rules import RuleScope, cel_value, compile_rule

RULE = "event.data.distance_miles > 500.0 && event.data.carrier != 'XX' && customer.invitations_90d < 3.0"


@asynccontextmanager
async def evaluating(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """The issue of the decision asks for 50,000 evaluations a second and core."""
    count = bench.count(50_000, 500)
    customer = {"invitations_90d": 1.0}
    seen: list[dict[str, Any]] = [
        {"event": cel_value(event), "customer": customer} for event in make_events(bench.count(1_000, 50))
    ]
    rule = compile_rule(RULE, RuleScope.TRIGGER)

    def plain(variables: dict[str, Any]) -> bool:
        data = variables["event"]["data"]
        asked = variables["customer"]["invitations_90d"]
        return bool(data["distance_miles"] > 500.0 and data["carrier"] != "XX" and asked < 3.0)

    assert [rule.holds(variables) for variables in seen] == [plain(variables) for variables in seen]

    def measured(holds: Callable[[dict[str, Any]], bool]) -> Callable[[], Any]:
        async def measure() -> float:
            started = time.perf_counter()
            for number in range(count):
                holds(seen[number % len(seen)])
            return count / (time.perf_counter() - started)

        return measure

    yield [
        Comparison(
            "condition → true or false",
            Unit.EVALUATIONS,
            Contestant("ours", measured(rule.holds)),
            (Contestant("the same in Python", measured(plain)),),
        )
    ]
