"""`/v1/metrics`: every figure is recomputed here from the answers, in several zones, with what it is compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from statistics import fmean
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.response import Response
from survey_service.parts import Parts
from survey_service.store import histograms
from survey_service.store.store import Store
from tests.support.answered_history import (
    COUNTING,
    DAY,
    HISTORY,
    HOUR,
    PATH,
    Z,
    ask,
    expected,
    nps,
    period_start,
)
from tests.support.figures import answered, count_answers, load
from tests.support.problems import assert_problem, pointers
from tests.support.public_links import a_survey
from tests.support.service import ApiClient, api_client


@pytest.mark.parametrize("granularity", ["hour", "day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize(
    ("name", "source"),
    [("UTC", "rollup"), ("Europe/Berlin", "rollup"), ("America/New_York", "rollup"), ("Asia/Kathmandu", "responses")],
)
async def test_scores_by_period_are_those_of_the_zone(
    figures: ApiClient, granularity: str, name: str, source: str
) -> None:
    rows = await ask(figures, metric="nps", granularity=granularity, timezone=name, limit="1000")
    values = expected("nps", COUNTING, lambda row: period_start(row.started_at, granularity, name))
    assert [row["period_start"] for row in rows] == sorted(values)
    for row in rows:
        given = values[row["period_start"]]
        assert (row["n"], row["scale"], row["source"]) == (len(given), "0-10", source)
        assert row["score"] == pytest.approx(nps(given))
        assert row["distribution"] == {str(value): given.count(value) for value in range(11)}
        assert sum(row["counts"].values()) == len(given)
        assert row["period_complete"]


async def test_a_row_has_the_shape_of_the_design(figures: ApiClient) -> None:
    (row, *_) = await ask(figures, metric="nps", granularity="week", group_by="touchpoint", timezone="Europe/Berlin")
    assert list(row) == [
        "metric",
        "scale",
        "touchpoint",
        "period_start",
        "period_end",
        "period_complete",
        "score",
        "n",
        "counts",
        "distribution",
        "ci_low",
        "ci_high",
        "ci_level",
        "withheld",
        "source",
    ]
    assert (row["period_start"], row["period_end"]) == ("2025-10-19T22:00:00Z", "2025-10-26T23:00:00Z")
    promoters, detractors, n = row["counts"]["promoters"], row["counts"]["detractors"], row["n"]
    high, low = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    reach = Z * math.sqrt((high + low - (high - low) ** 2) / (n + 3))
    assert row["ci_low"] == pytest.approx(max(-100, 100 * (high - low - reach)))
    assert row["ci_high"] == pytest.approx(min(100, 100 * (high - low + reach)))
    assert row["ci_level"] == 0.95


async def test_scales_are_never_pooled(figures: ApiClient) -> None:
    rows = await ask(figures, metric="csat")
    assert [(row["scale"], row["n"]) for row in rows] == [("1-10", len(COUNTING)), ("yes-no", len(COUNTING))]
    stars = [row.scores["stars"] for row in COUNTING]
    assert rows[0]["score"] == pytest.approx(100 * sum(value >= 9 for value in stars) / len(stars))
    (only,) = await ask(figures, metric="csat", question="solved")
    assert only["scale"] == "yes-no"


async def test_an_effort_score_has_its_share_too(figures: ApiClient) -> None:
    (row,) = await ask(figures, metric="ces")
    given = [response.scores["ces"] for response in COUNTING if "ces" in response.scores]
    assert row["score"] == pytest.approx(fmean(given))
    share = sum(value >= 5 for value in given) / len(given)
    assert row["share"] == pytest.approx(100 * share)
    centre = (share + Z * Z / (2 * len(given))) / (1 + Z * Z / len(given))
    assert (row["share_ci_low"] + row["share_ci_high"]) / 2 == pytest.approx(100 * centre)


FIELDS: dict[str, Callable[[Response], Any]] = {
    "touchpoint": lambda row: row.touchpoint,
    "channel": lambda row: row.channel,
    "language": lambda row: row.language,
    "survey": lambda row: row.survey,
    "region": lambda row: row.region,
    "agent": lambda row: row.dimensions["agent"],
    "tier": lambda row: {1: "true" if row.dimensions["tier"] is True else "1", 2.5: "2.5", None: None}[
        row.dimensions["tier"]
    ],
    "question": lambda _: "nps",
    "brand": lambda row: row.brand,
}


@pytest.mark.parametrize(
    ("group_by", "filters", "source"),
    [
        ("touchpoint", {}, "rollup"),
        ("tier", {}, "rollup"),
        ("survey", {}, "rollup"),
        ("question,brand", {}, "rollup"),
        ("touchpoint,channel", {}, "rollup"),
        ("agent,touchpoint", {}, "rollup"),
        ("touchpoint,survey", {}, "rollup"),
        ("channel", {"touchpoint": "berlin"}, "rollup"),
        ("channel", {"touchpoint": ""}, "rollup"),
        ("touchpoint", {"survey": "after-call"}, "rollup"),
        ("touchpoint,language", {}, "responses"),
        ("language,tier", {}, "responses"),
        ("touchpoint", {"channel": "sms", "language": "de"}, "responses"),
        ("region,touchpoint", {"survey": "after-call"}, "rollup"),
        ("region,channel", {"survey": "after-call"}, "responses"),
    ],
)
async def test_scores_by_group_are_those_of_its_answers(
    figures: ApiClient, group_by: str, filters: dict[str, str], source: str
) -> None:
    names = group_by.split(",")
    rows = await ask(figures, metric="nps", group_by=group_by, **filters)
    matching = [row for row in COUNTING if all(FIELDS[name](row) == (value or None) for name, value in filters.items())]
    values = expected("nps", matching, lambda row: tuple(FIELDS[name](row) for name in names))
    assert {tuple(row[name] for name in names): row["n"] for row in rows} == {
        key: len(given) for key, given in values.items()
    }
    for row in rows:
        assert row["score"] == pytest.approx(nps(values[tuple(row[name] for name in names)]))
        assert row["source"] == source


async def test_a_filter_may_have_several_values_and_any_dimension(figures: ApiClient) -> None:
    rows = await ask(figures, metric="nps", group_by="touchpoint", touchpoint=["berlin", "munich"])
    assert {row["touchpoint"] for row in rows} == {"berlin", "munich"}
    (row,) = await ask(figures, metric="nps", where=["tier:2.5", "tier:true"])
    assert row["n"] == sum(FIELDS["tier"](response) in {"2.5", "true"} for response in COUNTING)


async def test_a_value_that_looks_like_an_expression_is_a_value(figures: ApiClient) -> None:
    assert await ask(figures, metric="nps", touchpoint="$survey") == []
    assert await ask(figures, metric="nps", where="tier:$cells.v", group_by="touchpoint") == []


async def test_without_a_granularity_the_time_itself_is_the_period(figures: ApiClient) -> None:
    whole = {"from": "2025-11-01T00:00:00Z", "to": "2025-11-08T12:00:00Z"}
    (row,) = await ask(figures, metric="nps", **whole)
    start, end = (datetime.fromisoformat(at) for at in whole.values())
    assert row["n"] == sum(start <= response.started_at < end for response in COUNTING)
    assert (row["period_start"], row["period_end"], row["source"]) == (*whole.values(), "rollup")
    # Half an hour lies in no cell.
    half = whole | {"to": "2025-11-08T12:30:00Z"}
    (row,) = await ask(figures, metric="nps", **half)
    assert row["n"] == sum(start <= response.started_at < end + HOUR / 2 for response in COUNTING)
    assert row["source"] == "responses"


async def test_a_time_is_widened_to_whole_periods(figures: ApiClient) -> None:
    part = {"from": "2025-11-05T07:00:00Z", "to": "2025-11-06T00:00:00Z"}
    (row,) = await ask(figures, metric="nps", granularity="week", timezone="Europe/Berlin", **part)
    assert (row["period_start"], row["period_end"]) == ("2025-11-02T23:00:00Z", "2025-11-09T23:00:00Z")
    (whole,) = [
        one
        for one in await ask(figures, metric="nps", granularity="week", timezone="Europe/Berlin")
        if one["period_start"] == row["period_start"]
    ]
    assert row == whole


async def test_the_present_period_is_not_complete(api: ApiClient, store: Store) -> None:
    now = store.clock.now()
    await load(store, [answered(1, now - DAY), answered(2, now)])
    await count_answers(store)
    rows = await ask(api, metric="nps", granularity="day")
    assert [row["period_complete"] for row in rows] == [True, False]


async def test_every_page_together_is_the_whole(figures: ApiClient) -> None:
    query: dict[str, str | list[str]] = {"metric": "nps", "granularity": "day", "group_by": "touchpoint,channel"}
    whole = await ask(figures, **query, limit="1000")
    assert await ask(figures, **query, limit="37") == whole
    assert len(whole) > 200


# --- comparisons


# --- people


async def test_figures_of_agents_with_few_answers_are_withheld(api: ApiClient, store: Store) -> None:
    agents = [("a-1", 5), ("a-2", 4)]
    responses = [
        answered(100 * number + n, dimensions={"agent": agent})
        for number, (agent, count) in enumerate(agents)
        for n in range(count)
    ]
    await load(store, responses)
    await count_answers(store)
    for query in ({"group_by": "agent"}, {"group_by": "agent,language"}, {"group_by": "channel", "agent": "a-2"}):
        for row in await ask(api, metric="nps", **query):
            if row.get("agent") == "a-1":
                assert (row["n"], row["withheld"]) == (5, False)
            else:
                assert row["withheld"]
                assert {row[name] for name in ("score", "n", "counts", "distribution", "ci_low", "ci_high")} == {None}
    (row, _) = await ask(api, metric="nps", group_by="agent", min_n="6")
    assert row["withheld"]
    answer = await api.get(PATH, params={"metric": "nps", "group_by": "agent", "min_n": "4"})
    assert pointers(await assert_problem(answer, 422, "invalid")) == {"/min_n"}
    (volume, few) = await ask(api, f"{PATH}/volume", group_by="agent")
    assert (volume["started"], few["started"], few["withheld"]) == (5, None, True)


async def test_agents_are_protected_under_every_name_that_a_survey_gave_them(api: ApiClient, store: Store) -> None:
    for dimensions in ({"employee": "event.data.agent"}, {"tier": "event.data.tier"}):
        await store.configuration.surveys.put("visit", a_survey(dimensions=dimensions))
    await load(store, [answered(1, survey="visit", dimensions={"employee": "ann", "tier": "gold"})])
    await count_answers(store)
    for query in ({"group_by": "employee"}, {"where": "employee:ann"}):
        (row,) = await ask(api, metric="nps", **query)
        assert (row["withheld"], row["n"]) == (True, None)
    (row,) = await ask(api, metric="nps", group_by="tier")
    assert (row["withheld"], row["n"]) == (False, 1)


# --- volume


async def test_volume_counts_what_began_by_how_far_it_came(figures: ApiClient) -> None:
    rows = await ask(figures, f"{PATH}/volume", group_by="channel", granularity="month", timezone="Asia/Kathmandu")
    counts = Counter(
        (row.channel, period_start(row.started_at, "month", "Asia/Kathmandu"), row.suspect is None) for row in HISTORY
    )
    for row in rows:
        key = (row["channel"], row["period_start"])
        assert (row["started"], row["suspect"]) == (counts[*key, True], counts[*key, False])
        assert (row["finished"], row["completion_rate"]) == (row["started"], 100.0)
        assert row["completion_rate_ci_low"] < row["completion_rate_ci_high"] == 100.0
    assert sum(row["started"] for row in rows) == len(COUNTING)


# --- refusals


NOVEMBER = {"metric": "nps", "from": "2025-11-01T00:00:00Z", "to": "2025-12-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"metric": "volume"}, "/metric"),
        ({}, "/metric"),
        ({"metric": "nps", "group_by": "touchpoint,channel,language"}, "/group_by"),
        ({"metric": "nps", "group_by": "channel,channel"}, "/group_by"),
        ({"metric": "nps", "group_by": "touchpiont"}, "/group_by"),
        ({"metric": "nps", "group_by": "score"}, "/group_by"),
        ({"metric": "nps", "group_by": "$where"}, "/group_by"),
        ({"metric": "nps", "where": "gold"}, "/where"),
        ({"metric": "nps", "where": "colour:red"}, "/where"),
        ({"metric": "nps", "colour": "red"}, "/colour"),
        ({"metric": "nps", "granularity": "minute"}, "/granularity"),
        ({"metric": "nps", "timezone": "Berlin"}, "/timezone"),
        ({"metric": "nps", "from": "2025-11-02T00:00:00Z", "to": "2025-11-01T00:00:00Z"}, "/from"),
        ({"metric": "nps", "from": "1990-11-02T00:00:00Z"}, "/from"),
        ({"metric": "nps", "from": "2025-11-02"}, "/from"),
        ({"metric": "nps", "compare": "previous"}, "/compare"),
        ({"metric": "nps", "compare_from": "2025-11-01T00:00:00Z"}, "/compare_from"),
        ({**NOVEMBER, "compare": "previous", "compare_from": "2025-10-30T00:00:00Z"}, "/compare_from"),  # they overlap
        ({"metric": "nps", "compare": "baseline", "group_by": "channel"}, "/baseline"),
        ({"metric": "nps", "baseline": "sms", "group_by": "channel"}, "/baseline"),
        ({"metric": "nps", "compare": "baseline", "baseline": "sms", "group_by": "channel,touchpoint"}, "/baseline"),
        ({"metric": "nps", "rank": "true"}, "/group_by"),
        ({"metric": "nps", "rank": "true", "compare": "previous", "group_by": "channel"}, "/compare"),
        ({"metric": "nps", "cursor": "bm9uZQ"}, "/cursor"),
        ({"metric": "nps", "limit": "0"}, "/limit"),
    ],
)
async def test_a_question_that_cannot_be_asked_is_refused(api: ApiClient, query: dict[str, str], pointer: str) -> None:
    answer = await api.get(PATH, params=query)
    assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}


async def test_more_answers_than_may_be_read_are_refused_clearly(
    figures: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histograms, "MOST_ANSWERS", 100)
    answer = await figures.get(PATH, params={"metric": "nps", "group_by": "touchpoint,language"})
    assert pointers(await assert_problem(answer, 422, "invalid")) == {"/from"}
    shorter = {"from": "2025-11-01T00:00:00Z", "to": "2025-11-04T00:00:00Z"}
    assert await ask(figures, metric="nps", group_by="touchpoint,language", **shorter)


async def test_an_empty_service_has_no_figures(api: ApiClient) -> None:
    for path in (PATH, f"{PATH}/volume"):
        query = {"metric": "nps"} if path == PATH else {}
        assert await ask(api, path, granularity="week", timezone="Asia/Kathmandu", **query) == []


async def test_figures_need_their_scope(parts: Parts) -> None:
    async with api_client(parts, Scope.RESPONSES_READ) as stranger:
        await assert_problem(await stranger.get(PATH, params={"metric": "nps"}), 403, "forbidden")
    async with api_client(parts, Scope.METRICS_READ) as reader:
        assert (await reader.get(PATH, params={"metric": "nps"})).status == 200
