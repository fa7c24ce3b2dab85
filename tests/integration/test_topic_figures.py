"""Figures by topic: an answer counts in each of its topics, from rollups and responses alike, and once in a sum."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from survey_service.models.response import Response
from tests.support.answered_history import ask, nps
from tests.support.figures import answered
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient

FIRST = datetime(2025, 10, 20, tzinfo=UTC)
TOPICS = ("app", "price", "staff", "waiting")


def history() -> list[Response]:
    chance = random.Random(11)  # noqa: S311 -- the same chances in each run
    return [
        answered(
            number,
            FIRST + timedelta(minutes=chance.randrange(14 * 24 * 60)),
            {"nps": chance.randrange(11)},
            touchpoint=chance.choice(["berlin", "hamburg", None]),
            region=chance.choice(["north", "south"]),
            channel=chance.choice(["email", "sms"]),
            topics=tuple(sorted(chance.sample(TOPICS, chance.choice([0, 0, 1, 2, 3])))),
            suspect=chance.choice([None] * 9 + ["burst"]),
        )
        for number in range(300)
    ]


HISTORY = history()
COUNTING = [row for row in HISTORY if row.suspect is None]


@pytest.fixture(scope="module")
def past() -> list[Response]:
    return HISTORY


def values_of(row: Response, name: str) -> tuple[str | None, ...]:
    return (row.topics or (None,)) if name == "topic" else (getattr(row, name),)


@pytest.mark.parametrize(
    ("group_by", "filters", "source"),
    [
        ("topic", {}, "rollup"),
        ("topic", {"topic": ["app", "price"]}, "rollup"),
        ("topic", {"touchpoint": ["berlin"]}, "rollup"),
        ("topic,touchpoint", {}, "rollup"),
        ("touchpoint,topic", {"topic": [""]}, "rollup"),
        ("touchpoint", {"topic": ["waiting"]}, "rollup"),
        ("touchpoint", {"topic": ["waiting", "app"]}, "responses"),
        ("touchpoint", {"topic": ["waiting", ""]}, "responses"),
        ("", {"topic": ["waiting"]}, "rollup"),
        ("", {"topic": ["waiting", "app"]}, "responses"),
        ("topic", {"channel": ["sms"]}, "responses"),
        ("topic,channel", {"topic": ["app", ""], "touchpoint": ["berlin", ""]}, "responses"),
        ("topic", {"topic": ["weather"]}, "rollup"),
        ("region", {"touchpoint": ["berlin"]}, "rollup"),
        ("topic,region", {}, "responses"),
    ],
)
async def test_figures_are_those_of_a_straight_count(
    figures: ApiClient, group_by: str, filters: dict[str, list[str]], source: str
) -> None:
    names = group_by.split(",") if group_by else []
    expected: defaultdict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for row in COUNTING:
        wanted = {name: {value or None for value in values} for name, values in filters.items()}
        if all(wanted[name] & set(values_of(row, name)) for name in wanted):
            among = [[value for value in values_of(row, name) if value in wanted.get(name, {value})] for name in names]
            for keys in product(*among):
                expected[keys].append(row.scores["nps"])
    query: dict[str, Any] = {"metric": "nps", **filters} | ({"group_by": group_by} if names else {})
    rows = await ask(figures, **query)
    assert {tuple(row[name] for name in names): row["n"] for row in rows} == {
        key: len(given) for key, given in expected.items()
    }
    for row in rows:
        assert row["score"] == pytest.approx(nps(expected[tuple(row[name] for name in names)]))
        assert row["source"] == source


@pytest.mark.parametrize("filters", [{}, {"touchpoint": "berlin"}, {"channel": "sms"}])
async def test_each_topic_is_ranked_against_the_answers_without_it(figures: ApiClient, filters: dict[str, str]) -> None:
    rows = await ask(figures, metric="nps", group_by="topic", rank="true", **filters)
    matching = [row for row in COUNTING if all(getattr(row, name) == value for name, value in filters.items())]
    assert {row["topic"] for row in rows} == {*TOPICS, None}
    for row in rows:
        rest = [one.scores["nps"] for one in matching if row["topic"] not in values_of(one, "topic")]
        assert row["rest"] == {"score": pytest.approx(nps(rest)), "n": len(rest)}
        assert row["n"] + row["rest"]["n"] == len(matching)
        assert row["change_ci_level"] == pytest.approx(1 - 0.05 / len(rows))


async def test_volume_counts_by_topic_and_rows_that_know_no_topic_say_so(figures: ApiClient) -> None:
    rows = await ask(figures, "/v1/metrics/volume", group_by="topic")
    assert {row["topic"]: row["started"] + row["suspect"] for row in rows} == {
        topic: sum(topic in values_of(row, "topic") for row in HISTORY) for topic in (*TOPICS, None)
    }
    answer = await figures.get("/v1/metrics/funnel", params={"group_by": "topic"})
    assert pointers(await assert_problem(answer, 422, "invalid")) == {"/group_by"}
