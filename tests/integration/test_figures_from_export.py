"""Every score and interval of /v1/metrics is made anew with pandas, from the export alone, and is the same.

The shops are in Berlin, whose clocks change twice in the data; whoever asks sits in Kathmandu (+05:45), which has no
summer time, or in Berlin. The formulas are written here once more, from their sources, in another way than the service
computes them: Wilson's limits are the roots of his equation, Student's quantiles come from integrating his density.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from survey_service.models.response import Response
from tests.support.figures import answered
from tests.support.service import ApiClient

Row = dict[str, Any]
Limits = tuple[float, float] | None

Z = 1.959963984540054  # the normal quantile of 0.975
CHANGES = (datetime(2025, 10, 26, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC))  # of Berlin's clocks
ASKED = (
    ("nps", "0-10", 0, 10),
    ("csat", "1-5", 1, 5),
    ("csat", "1-10", 1, 10),
    ("csat", "yes-no", 0, 1),
    ("ces", "1-7", 1, 7),
)
SATISFIED = {"1-5": 4, "1-10": 9, "yes-no": 1}


def history() -> Iterator[Response]:
    """Answers of five weeks around each change, on every scale, many of them close to the change or to a midnight."""
    chance = random.Random(11)  # noqa: S311 -- the same chances in each run
    for number in range(900):
        change = chance.choice(CHANGES)
        at = change + timedelta(minutes=chance.randint(-17 * 24 * 60, 17 * 24 * 60))
        if number % 5 == 0:
            at = change + timedelta(minutes=chance.randint(-180, 180))
        if number % 5 == 1:  # Kathmandu's midnight is 18:15 UTC, Berlin's 22:00 or 23:00
            at = at.replace(hour=chance.choice([18, 22, 23]), minute=chance.choice([14, 15, 59, 0]), second=59)
        metric, scale, low, high = chance.choice(ASKED)
        value = chance.choice([high, chance.randint(low, high)])
        name = {"1-10": "stars", "yes-no": "solved"}.get(scale, metric)
        yield answered(
            number,
            at,
            {name: value},
            survey=f"after-{name}",
            metric=metric,
            scale=scale,
            score=value,
            touchpoint=chance.choice(["berlin-mitte", "berlin-wedding"]),
            suspect="burst" if chance.random() < 0.05 else None,
            status="partial" if chance.random() < 0.1 else "finished",
        )


@pytest.fixture(scope="module")
def past() -> list[Response]:
    return list(history())


# The formulas


@cache
def student(degrees: float) -> float:
    """t of 0.95, two-sided: Student's density with t = sqrt(v) tan(angle) is cos(angle)^(v-1), up to a factor."""
    places, weights = np.polynomial.legendre.leggauss(400)

    def integral(angle: float) -> float:
        return float(np.sum(weights * np.cos((places + 1) * angle / 2) ** (degrees - 1)) * angle / 2)

    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2))
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if integral(middle) < 0.95 * whole else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The shares p for which (share - p)² = z² p (1 - p) / n."""
    low, high = sorted(np.roots([1 + Z**2 / n, -(2 * share + Z**2 / n), share**2]).real)
    return float(low), float(high)


def nps(values: pd.Series[int]) -> float:
    return 100 * float((values >= 9).mean() - (values <= 6).mean())


def nps_moments(values: pd.Series[int]) -> tuple[float, float]:
    """Mean and its variance of +1, 0 and -1 with three made-up answers: ¾, 1½ and ¾ of them."""
    signs = pd.Series([1.0, 0.0, -1.0])
    weights = pd.Series([(values >= 9).sum() + 0.75, values.between(7, 8).sum() + 1.5, (values <= 6).sum() + 0.75])
    mean = float((signs * weights).sum() / weights.sum())
    return mean, float(((signs - mean) ** 2 * weights).sum() / weights.sum() ** 2)


def nps_limits(values: pd.Series[int]) -> Limits:
    mean, variance = nps_moments(values)
    reach = Z * math.sqrt(variance)
    return max(-100.0, 100 * (mean - reach)), min(100.0, 100 * (mean + reach))


def share_limits(good: pd.Series[bool]) -> Limits:
    low, high = wilson(float(good.mean()), len(good))
    return 100 * low, 100 * high


def mean_limits(values: pd.Series[int]) -> Limits:
    if len(values) < 2:
        return None
    reach = student(len(values) - 1) * float(values.sem())
    return max(1.0, float(values.mean()) - reach), min(7.0, float(values.mean()) + reach)


def nps_change(values: pd.Series[int], before: pd.Series[int]) -> Limits:
    (mean, variance), (earlier, its_variance) = nps_moments(values), nps_moments(before)
    reach = Z * math.sqrt(variance + its_variance)
    return max(-200.0, 100 * (mean - earlier - reach)), min(200.0, 100 * (mean - earlier + reach))


def share_change(good: pd.Series[bool], before: pd.Series[bool]) -> Limits:
    """Newcombe's square-and-add limits."""
    one, other = float(good.mean()), float(before.mean())
    (low, high), (its_low, its_high) = wilson(one, len(good)), wilson(other, len(before))
    down = math.sqrt((one - low) ** 2 + (its_high - other) ** 2)
    up = math.sqrt((high - one) ** 2 + (other - its_low) ** 2)
    return 100 * (one - other - down), 100 * (one - other + up)


def mean_change(values: pd.Series[int], before: pd.Series[int]) -> Limits:
    """Welch's limits, with the degrees of freedom of Satterthwaite."""
    if len(values) < 2 or len(before) < 2:
        return None
    squares = np.array([values.sem() ** 2, before.sem() ** 2])
    difference = float(values.mean() - before.mean())
    if not squares.sum():
        return difference, difference
    degrees = squares.sum() ** 2 / (squares**2 / [len(values) - 1, len(before) - 1]).sum()
    reach = student(float(degrees)) * math.sqrt(squares.sum())
    return difference - reach, difference + reach


# The comparison


async def exported(api: ApiClient, form: str) -> pd.DataFrame:
    """What counts, out of an export."""
    answer = await api.get("/v1/responses/export", params={"format": form})
    body = io.BytesIO(await answer.read())
    frame = pd.read_parquet(body) if form == "parquet" else pd.read_json(body, lines=True, dtype=False)
    frame = frame.assign(started_at=pd.to_datetime(frame.started_at, format="ISO8601"))
    return frame[frame.suspect.isna() & frame.score.notna()]


def period_start(started: pd.Series[pd.Timestamp], granularity: str, zone: str) -> pd.Series[pd.Timestamp]:
    """The midnight of the zone at which each one's period began, in UTC."""
    days = started.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    if granularity == "week":
        days -= pd.to_timedelta(days.dt.day_of_week, unit="D")
    return days.dt.tz_localize(zone).dt.tz_convert("UTC")


def one_earlier(start: pd.Timestamp, granularity: str, zone: str) -> pd.Timestamp:
    day = start.tz_convert(zone).tz_localize(None) - pd.Timedelta(days=7 if granularity == "week" else 1)
    return day.tz_localize(zone).tz_convert("UTC")


def equal(row: Row, name: str, limits: Limits) -> None:
    """The two limits of an interval in a row."""
    expected = (None, None) if limits is None else pytest.approx(limits, rel=1e-6, abs=1e-7)
    assert (row[f"{name}_low"], row[f"{name}_high"]) == expected, (name, row)


async def asked(api: ApiClient, **query: str) -> list[Row]:
    body = await (await api.get("/v1/metrics", params={"limit": "1000", **query})).json()
    assert body["next"] is None
    rows: list[Row] = body["data"]
    return rows


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
@pytest.mark.parametrize("granularity", ["week", "day"])
@pytest.mark.parametrize(("zone", "source"), [("Asia/Kathmandu", "responses"), ("Europe/Berlin", "rollup")])
async def test_every_score_and_interval_is_what_pandas_makes_of_the_export(
    form: str, granularity: str, zone: str, source: str, figures: ApiClient
) -> None:
    frame = await exported(figures, form)
    frame = frame.assign(start=period_start(frame.started_at, granularity, zone))
    groups = {key: rows.score.astype(int) for key, rows in frame.groupby(["metric", "scale", "start"])}
    seen = 0
    for metric in ("nps", "csat", "ces"):
        rows = await asked(figures, metric=metric, granularity=granularity, timezone=zone, compare="previous")
        for row in rows:
            start, seen = pd.Timestamp(row["period_start"]), seen + 1
            values = groups[metric, row["scale"], start]
            assert row["source"] == source
            assert one_earlier(pd.Timestamp(row["period_end"]), granularity, zone) == start
            assert row["n"] == len(values)
            assert {int(value): n for value, n in row["distribution"].items() if n} == values.value_counts().to_dict()
            before = groups.get((metric, row["scale"], one_earlier(start, granularity, zone)))
            HOLD[metric](row, values, before)
    assert seen == len(groups)
    lengths = {(row["period_end"], row["period_start"]) for row in rows}
    hours = {(pd.Timestamp(end) - pd.Timestamp(begin)) / pd.Timedelta(hours=1) for end, begin in lengths}
    usual = 7 * 24 if granularity == "week" else 24
    assert hours == ({usual} if zone == "Asia/Kathmandu" else {usual - 1, usual, usual + 1})


def hold_nps(row: Row, values: pd.Series[int], before: pd.Series[int] | None) -> None:
    assert row["score"] == pytest.approx(nps(values))
    assert row["counts"]["promoters"] == (values >= 9).sum()
    equal(row, "ci", nps_limits(values))
    hold_change(row, nps, nps_change, values, before)


def hold_csat(row: Row, values: pd.Series[int], before: pd.Series[int] | None) -> None:
    least = SATISFIED[row["scale"]]
    good, earlier = values >= least, None if before is None else before >= least
    assert row["score"] == pytest.approx(100 * good.mean())
    equal(row, "ci", share_limits(good))
    hold_change(row, lambda given: 100 * float(given.mean()), share_change, good, earlier)


def hold_ces(row: Row, values: pd.Series[int], before: pd.Series[int] | None) -> None:
    assert row["score"] == pytest.approx(values.mean())
    assert row["share"] == pytest.approx(100 * (values >= 5).mean())
    equal(row, "ci", mean_limits(values))
    equal(row, "share_ci", share_limits(values >= 5))
    hold_change(row, lambda given: float(given.mean()), mean_change, values, before)


def hold_change(
    row: Row,
    score: Callable[[Any], float],
    limits: Callable[[Any, Any], Limits],
    values: pd.Series[Any],
    before: pd.Series[Any] | None,
) -> None:
    """The change since the period before, where that has answers."""
    if before is None:
        assert row["change"] is None
        return
    assert row["change"] == pytest.approx(score(values) - score(before), abs=1e-9)
    assert row["previous"] == {"score": pytest.approx(score(before)), "n": len(before)}
    equal(row, "change_ci", limits(values, before))


HOLD: dict[str, Callable[..., None]] = {"nps": hold_nps, "csat": hold_csat, "ces": hold_ces}


@pytest.mark.parametrize(("degrees", "quantile"), [(1, 12.706), (4, 2.776), (30, 2.042), (100, 1.984)])
def test_the_quantiles_of_this_test_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2
    assert student(degrees) == pytest.approx(quantile, abs=0.0005)
