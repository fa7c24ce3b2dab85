"""`/v1/metrics`: figures against the period before, against a group and in a league table, and which of it is noise."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from survey_service.models.response import Response
from survey_service.store.store import Store
from tests.support.answered_history import (
    COUNTING,
    DAY,
    Z,
    ask,
    expected,
    nps,
    period_start,
)
from tests.support.figures import answered, count_answers, load
from tests.support.service import ApiClient


def welch_free_nps_change(one: list[int], other: list[int]) -> tuple[float, float]:
    """The interval of a difference of two NPS, adjusted Wald."""
    parts = []
    for values in (one, other):
        n = len(values) + 3
        high = (sum(value >= 9 for value in values) + 0.75) / n
        low = (sum(value <= 6 for value in values) + 0.75) / n
        parts.append((high - low, (high + low - (high - low) ** 2) / n))
    (a, variance_a), (b, variance_b) = parts
    reach = Z * math.sqrt(variance_a + variance_b)
    return 100 * (a - b - reach), 100 * (a - b + reach)


async def test_each_period_is_compared_with_the_one_before(figures: ApiClient) -> None:
    query = {"metric": "nps", "granularity": "week", "group_by": "touchpoint", "timezone": "Europe/Berlin"}
    rows = await ask(figures, **query, compare="previous", **{"from": "2025-11-03T00:00:00Z"})
    values = expected(
        "nps", COUNTING, lambda row: (row.touchpoint, period_start(row.started_at, "week", "Europe/Berlin"))
    )
    assert {row["period_start"] for row in rows} == {start for _, start in values if start >= "2025-11-02T23:00:00Z"}
    for row in rows:
        start = datetime.fromisoformat(row["period_start"])
        earlier = period_start(start - DAY, "week", "Europe/Berlin")
        one, other = values[row["touchpoint"], row["period_start"]], values[row["touchpoint"], earlier]
        assert row["previous"] == {"score": pytest.approx(nps(other)), "n": len(other)}
        assert row["change"] == pytest.approx(nps(one) - nps(other))
        low, high = welch_free_nps_change(one, other)
        assert (row["change_ci_low"], row["change_ci_high"]) == (pytest.approx(low), pytest.approx(high))
        assert row["significant"] is not (low <= 0 <= high)


async def test_a_time_is_compared_with_as_long_a_time_before(figures: ApiClient) -> None:
    query = {"metric": "nps", "compare": "previous", "from": "2025-11-10T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    (row,) = await ask(figures, **query)
    start = datetime(2025, 11, 10, tzinfo=UTC)
    before = [one.scores["nps"] for one in COUNTING if start - 10 * DAY <= one.started_at < start]
    assert row["previous"] == {"score": pytest.approx(nps(before)), "n": len(before)}


async def test_a_time_is_compared_with_as_long_a_time_elsewhere(figures: ApiClient) -> None:
    query = {"metric": "nps", "compare": "previous", "from": "2025-11-17T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    (row,) = await ask(figures, **query, compare_from="2025-11-04T00:00:00Z")
    start = datetime(2025, 11, 4, tzinfo=UTC)
    there = [one.scores["nps"] for one in COUNTING if start <= one.started_at < start + 3 * DAY]
    assert row["previous"] == {"score": pytest.approx(nps(there)), "n": len(there)}


async def test_the_first_period_has_nothing_to_be_compared_with(figures: ApiClient) -> None:
    first, *_ = await ask(figures, metric="nps", granularity="month", compare="previous")
    assert (first["previous"], first["change"], first["significant"]) == (None, None, None)


async def test_groups_are_compared_with_one_of_them(figures: ApiClient) -> None:
    rows = await ask(figures, metric="nps", group_by="touchpoint", compare="baseline", baseline="berlin")
    values = expected("nps", COUNTING, lambda row: row.touchpoint)
    for row in rows:
        if row["touchpoint"] == "berlin":
            assert row["baseline"] is None
        else:
            assert row["baseline"]["n"] == len(values["berlin"])
            assert row["change"] == pytest.approx(nps(values[row["touchpoint"]]) - nps(values["berlin"]))


async def test_a_league_table_says_which_differences_are_noise(api: ApiClient, store: Store) -> None:
    def shop(name: str, promoters: int, detractors: int, first: int) -> list[Response]:
        scores = [10] * promoters + [2] * detractors
        return [answered(first + n, scores={"nps": score}, touchpoint=name) for n, score in enumerate(scores)]

    await load(store, [*shop("a", 90, 10, 0), *shop("b", 52, 48, 100), *shop("c", 50, 50, 200), *shop("d", 1, 0, 300)])
    await count_answers(store)
    rows = await ask(api, metric="nps", group_by="touchpoint", rank="true", min_n="5")
    table = [(row["rank"], row["touchpoint"], row["significant"], row["withheld"]) for row in rows]
    assert sorted(table, key=str) == [
        (1, "a", True, False),
        (2, "b", True, False),  # against a and c together
        (3, "c", True, False),
        (None, "d", None, True),
    ]
    best = next(row for row in rows if row["touchpoint"] == "a")
    assert best["rest"] == {"score": pytest.approx(2.0), "n": 200}
    assert best["change_ci_level"] == pytest.approx(1 - 0.05 / 3)
    assert best["change"] == pytest.approx(78.0)
