"""Six weeks of answers, and what is expected of them, recomputed plainly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any
from zoneinfo import ZoneInfo

from survey_service.models.response import Response
from tests.support.figures import answered
from tests.support.service import ApiClient

PATH = "/v1/metrics"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2025, 10, 20, tzinfo=UTC)  # six weeks, in which Berlin's clocks go back
DAYS = 42
Z = NormalDist().inv_cdf(0.975)

Row = dict[str, Any]


def history() -> list[Response]:
    chance = random.Random(7)  # noqa: S311 -- the same chances in each run
    return [
        answered(
            number,
            FIRST + timedelta(minutes=chance.randrange(DAYS * 24 * 60)),
            {"nps": chance.randrange(11), "solved": chance.randrange(2), "stars": chance.randint(1, 10)}
            | ({"ces": chance.randint(1, 7)} if chance.random() < 0.5 else {}),
            touchpoint=chance.choice(["berlin", "hamburg", "munich", None]),
            channel=chance.choice(["email", "sms", "web"]),
            language=chance.choice(["de", "en"]),
            survey=chance.choice(["after-delivery", "after-call"]),
            dimensions={"agent": chance.choice(["a-1", "a-2"]), "tier": chance.choice([1, 2.5, True, None])},
            suspect=chance.choice([None] * 9 + ["burst"]),
            region=chance.choice(["north", "south"]),
        )
        for number in range(600)
    ]


HISTORY = history()
COUNTING = [row for row in HISTORY if row.suspect is None]


async def ask(api: ApiClient, path: str = PATH, **query: str | list[str]) -> list[Row]:
    """Every row of an answer, page by page."""
    found: list[Row] = []
    page = await (await api.get(path, params=query)).json()
    assert "data" in page, page
    found += page["data"]
    while page["next"]:
        page = await (await api.get(page["next"].removeprefix("http://service.test"))).json()
        found += page["data"]
    return found


def period_start(at: datetime, granularity: str, name: str) -> str:
    """The first instant of the period, by walking back hour by hour: slow and plain."""
    local = at.astimezone(ZoneInfo(name))
    day = local.date()
    if granularity == "hour":
        first = at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return text(first)
    if granularity == "week":
        day -= timedelta(days=day.weekday())
    if granularity in {"month", "year"}:
        day = day.replace(day=1, month=day.month if granularity == "month" else 1)
    if granularity == "quarter":
        day = day.replace(day=1, month={0: 1, 1: 4, 2: 7, 3: 10}[(day.month - 1) // 3])
    return text(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name)))


def text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def expected(question: str, rows: Iterable[Response], key: Callable[[Response], Any]) -> dict[Any, list[int]]:
    found: defaultdict[Any, list[int]] = defaultdict(list)
    for row in rows:
        if question in row.scores:
            found[key(row)].append(row.scores[question])
    return found


def nps(values: list[int]) -> float:
    return 100 * (sum(value >= 9 for value in values) - sum(value <= 6 for value in values)) / len(values)
