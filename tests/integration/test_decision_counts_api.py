"""Counting decisions over time: by trigger, outcome and reason, in the caller's zone, and for Prometheus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import Event, EventState
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.telemetry import REGISTRY
from tests.support.factories import make_event
from tests.support.pipeline import NAME, Pipeline, a_customer, an_event
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client

PATH = "/v1/decisions/counts"
START = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin; the next day there has 25 hours
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIOD = {"from": "2026-10-24T22:00:00Z", "to": "2026-10-27T00:00:00Z"}


def decided(number: int, at: datetime, *said: tuple[str, Reason | None]) -> Event:
    """An event on which each named trigger said yes (None) or gave a reason; without any, that no trigger asks."""
    decisions = tuple(
        Decision(trigger=name, trigger_version=1, outcome=Outcome.SKIPPED if reason else Outcome.INVITED, reason=reason)
        for name, reason in said
    )
    return make_event(
        f"ord-{number}",
        state=EventState.DECIDED,
        decided_at=at,
        decisions=decisions,
        reason=None if said else Reason.NO_TRIGGER,
    )


HISTORY = [
    decided(1, START, ("a", None), ("b", Reason.COOLDOWN)),
    decided(2, START + 24 * HOUR, ("a", None), ("b", Reason.COOLDOWN)),  # 23:00 of the same long day
    decided(3, START + 25 * HOUR, ("a", Reason.COOLDOWN)),
    decided(4, START + 25 * HOUR + timedelta(minutes=59), ("a", Reason.COOLDOWN)),
    decided(5, START + 26 * HOUR),
    decided(6, START - timedelta(milliseconds=1), ("a", None)),
    decided(7, datetime(2026, 10, 27, tzinfo=UTC), ("a", None)),
    make_event("ord-8", state=EventState.PENDING),
]


@pytest.fixture
async def counted(api: ApiClient, store: Store) -> ApiClient:
    """A client of a service that has decided those events."""
    await store.events.insert([event.to_document() for event in HISTORY])
    return api


async def counts(api: ApiClient, **query: str) -> list[tuple[Any, ...]]:
    answer = await api.get(PATH, params=PERIOD | query)
    body = await answer.json()
    assert answer.status == 200, body
    assert body["next"] is None
    names = ("period_start", "trigger", "outcome", "reason", "count")
    return [tuple(row[name] for name in names) for row in body["data"]]


async def test_decisions_are_counted_by_the_days_of_a_zone(counted: ApiClient) -> None:
    assert await counts(counted, timezone="Europe/Berlin") == [
        ("2026-10-24T22:00:00Z", "a", "invited", None, 2),
        ("2026-10-24T22:00:00Z", "b", "skipped", "cooldown", 2),
        ("2026-10-25T23:00:00Z", None, "skipped", "no_trigger", 1),
        ("2026-10-25T23:00:00Z", "a", "skipped", "cooldown", 2),
    ]


async def test_the_day_is_that_of_utc_unless_a_zone_is_named(counted: ApiClient) -> None:
    assert [row[0] for row in await counts(counted, trigger="a", outcome="invited")] == [
        "2026-10-24T00:00:00Z",
        "2026-10-25T00:00:00Z",
    ]


async def test_decisions_are_counted_by_the_hour(counted: ApiClient) -> None:
    assert await counts(counted, granularity="hour", reason="cooldown", trigger="a") == [
        ("2026-10-25T23:00:00Z", "a", "skipped", "cooldown", 2)
    ]
    # A zone whose hours begin at half past.
    assert [row[0] for row in await counts(counted, granularity="hour", trigger="b", timezone="Asia/Kolkata")] == [
        "2026-10-24T21:30:00Z",
        "2026-10-25T21:30:00Z",
    ]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({}, 7),
        ({"outcome": "invited"}, 2),
        ({"outcome": "skipped"}, 5),
        ({"outcome": "deferred"}, 0),
        ({"reason": "no_trigger"}, 1),
        ({"reason": "cooldown", "trigger": "b"}, 2),
        ({"trigger": "c"}, 0),
    ],
)
async def test_only_what_matches_every_filter_counts(counted: ApiClient, query: dict[str, str], total: int) -> None:
    assert sum(row[-1] for row in await counts(counted, **query)) == total


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"to": PERIOD["from"]}, "/to"),
        ({"from": "2027-01-01T00:00:00Z"}, "/to"),
        ({"to": "2028-01-01T00:00:00Z"}, "/to"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-10-24T22:00:00"}, "/from"),
        ({"granularity": "week"}, "/granularity"),
        ({"timezone": "Mars/Base"}, "/timezone"),
        ({"outcome": "asked"}, "/outcome"),
        ({"reason": "because"}, "/reason"),
        ({"group_by": "reason"}, "/group_by"),
    ],
)
async def test_a_count_that_cannot_be_made_is_refused(api: ApiClient, query: dict[str, str], pointer: str) -> None:
    answer = await api.get(PATH, params=PERIOD | query)
    assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}


async def test_a_count_needs_a_period_and_the_scope_to_read_events(api: ApiClient, parts: Parts) -> None:
    assert pointers(await assert_problem(await api.get(PATH), 422, "invalid")) == {"/from", "/to"}
    async with api_client(parts, Scope.CONFIG_READ) as stranger:
        await assert_problem(await stranger.get(PATH, params=PERIOD), 403, "forbidden")


# --- of events that were decided in earnest


@pytest.fixture
async def asking(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """A client of a service that can decide."""
    await pipeline.configure()
    async with api_client(pipeline.service.parts) as client:
        yield client


def counter(trigger: str, outcome: str, reason: str) -> float:
    labels = {"trigger": trigger, "outcome": outcome, "reason": reason}
    return REGISTRY.get_sample_value("survey_decisions_total", labels) or 0.0


async def test_what_is_decided_is_counted_in_the_api_and_for_prometheus(asking: ApiClient, pipeline: Pipeline) -> None:
    kinds = [(NAME, "invited", ""), (NAME, "skipped", "no_consent"), ("", "skipped", "no_trigger")]
    before = [counter(*kind) for kind in kinds]
    refusing = a_customer("bob", consent={"email": False})
    await pipeline.handle(an_event("ord-1"), an_event("ord-2", refusing), an_event("ord-3", type="order.lost"))
    now = pipeline.clock.now()
    query = {"from": (now - HOUR).isoformat(), "to": (now + HOUR).isoformat()}
    body = await (await asking.get(PATH, params=query)).json()
    assert {(row["trigger"] or "", row["outcome"], row["reason"] or "", row["count"]) for row in body["data"]} == {
        (*kind, 1) for kind in kinds
    }
    assert [counter(*kind) for kind in kinds] == [count + 1 for count in before]


async def test_the_event_and_the_list_show_the_values_that_made_a_decision(
    asking: ApiClient, pipeline: Pipeline
) -> None:
    await pipeline.configure(max_event_age="P2D")
    await pipeline.handle(an_event("ord-1", time=pipeline.clock.now() - 3 * DAY))
    (row,) = (await (await asking.get("/v1/decisions", params={"reason": "stale"})).json())["data"]
    assert row["values"]["max_event_age"] == "P2D"
    event = await (await asking.get(f"/v1/events/{row['event']}")).json()
    (decision,) = event["decisions"]
    assert decision["values"] == row["values"]
    assert decision["reason"] == "stale"
