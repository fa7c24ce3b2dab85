"""What rewards cost an answer, and how cases stand: figures counted by hand."""

from __future__ import annotations

import pytest

from survey_service.models.case import CaseState
from survey_service.models.incentive import RewardState
from survey_service.store.store import Store
from tests.support.figures import START, answered, count_answers, load
from tests.support.outcomes import DAY, HOUR, Row, a_case, ask, figures, insert, reward
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient


async def test_incentives_cost_so_much_an_answer(api: ApiClient, store: Store) -> None:
    await load(store, [answered(number, touchpoint="berlin") for number in range(4)] + [answered(5, touchpoint=None)])
    await count_answers(store)
    rewards = [
        reward(1, 5.0, "EUR"),
        reward(2, 5.0, "EUR"),
        reward(3, 8.0, "GBP"),
        reward(4, 5.0, "EUR", state=RewardState.HELD, granted_at=None),
    ]
    await insert(store, "rewards", rewards)
    names = ("touchpoint", "currency", "rewards", "cost", "answers", "cost_per_answer")
    assert [figures(row, *names) for row in await ask(api, "incentives", group_by="touchpoint")] == [
        (None, None, 0, 0.0, 1, 0.0),
        ("berlin", "EUR", 2, 10.0, 4, 2.5),
        ("berlin", "GBP", 1, 8.0, 4, 2.0),
    ]
    few = await ask(api, "incentives", group_by="touchpoint", min_n="2")
    assert [figures(row, "withheld", "rewards") for row in few] == [(True, None), (False, 2), (False, 1)]


async def test_cases_are_counted_with_the_time_they_took(api: ApiClient, store: Store) -> None:
    cases = [
        a_case(1, CaseState.OPEN, overdue=True),
        a_case(2, CaseState.WAITING, due_by=store.clock.now() + DAY),
        a_case(3, CaseState.RESOLVED, START + HOUR),
        a_case(4, CaseState.CLOSED, START + 3 * HOUR),
    ]
    await insert(store, "cases", cases)
    (row,) = await ask(api, "cases", group_by="touchpoint")
    assert figures(row, "touchpoint", "opened", "active", "overdue", "closed") == ("berlin", 4, 2, 1, 2)
    assert figures(row, "p25_seconds", "median_seconds", "p75_seconds") == (5400.0, 7200.0, 9000.0)
    (row,) = await ask(api, "cases", min_n="5")
    assert figures(row, "withheld", "opened", "median_seconds") == (True, None, None)


async def test_open_cases_are_counted_at_the_end_of_each_period_however_old_they_are(
    api: ApiClient, store: Store
) -> None:
    long_ago, late = START - 400 * DAY, {"due_by": START + 30 * DAY}
    cases = [
        a_case(1, CaseState.OPEN, opened_at=long_ago, due_by=long_ago + DAY, touchpoint="hamburg"),
        a_case(2, CaseState.CLOSED, START + DAY, opened_at=long_ago, **late),
        a_case(3, CaseState.RESOLVED, START + 8 * DAY, due_by=START + DAY),
        a_case(4, CaseState.OPEN, opened_at=START + 7 * DAY, **late),
        a_case(5, CaseState.CLOSED, START - 30 * DAY, opened_at=long_ago),
        a_case(6, CaseState.OPEN, opened_at=START + 22 * DAY),
    ]
    await insert(store, "cases", cases)
    names = ("period_start", "opened", "active", "overdue", "closed")
    time = {"from": START.isoformat(), "to": (START + 15 * DAY).isoformat(), "granularity": "week"}
    assert [figures(row, *names) for row in await ask(api, "cases", **time)] == [
        ("2025-11-03T00:00:00Z", 1, 2, 2, 1),
        ("2025-11-10T00:00:00Z", 1, 2, 1, 0),
        ("2025-11-17T00:00:00Z", 0, 2, 1, 0),
    ]
    (row,) = await ask(api, "cases", touchpoint="hamburg")
    assert figures(row, "opened", "active", "overdue", "closed") == (0, 1, 1, 0)
    answer = await api.get("/v1/metrics/cases")
    assert [row["active"] for row in (await answer.json())["data"]] == [3]


WHENCE: Row = {
    "trigger": "t",
    "variant": "B",
    "channel": "sms",
    "language": "en",
    "dimensions": {"agent": "a-1", "tier": 5},
}


@pytest.mark.parametrize(
    ("query", "group"),
    [
        ({"group_by": "agent,variant"}, ("a-1", "B")),
        ({"group_by": "tier,channel"}, ("5", "sms")),
        ({"group_by": "trigger,language", "agent": "a-1"}, ("t", "en")),
        ({"group_by": "variant", "where": "tier:5", "channel": "sms"}, ("B",)),
    ],
)
async def test_what_follows_answers_is_told_apart_as_they_are(
    api: ApiClient, store: Store, query: dict[str, str], group: tuple[str, ...]
) -> None:
    numbers = range(5)
    others = [answered(9, variant="A", dimensions={"agent": "a-2", "tier": "gold"}), answered(8)]
    await load(store, [*(answered(number, **WHENCE) for number in numbers), *others])
    await count_answers(store)
    await insert(store, "rewards", [reward(number, 2.0, "EUR", **WHENCE) for number in numbers])
    await insert(store, "cases", [a_case(number, CaseState.OPEN, **WHENCE) for number in numbers])
    (costs,) = [row for row in await ask(api, "incentives", **query) if row["cost"]]
    cases = await ask(api, "cases", **query)
    names = query["group_by"].split(",")
    assert figures(costs, *names, "cost", "cost_per_answer") == (*group, 10.0, 2.0)
    assert [figures(row, *names, "opened", "active", "withheld") for row in cases] == [(*group, 5, 5, False)]


async def test_cases_and_costs_of_agents_with_few_answers_are_withheld(api: ApiClient, store: Store) -> None:
    await load(store, [answered(1, **WHENCE)])
    await count_answers(store)
    await insert(store, "rewards", [reward(1, 2.0, "EUR", **WHENCE)])
    await insert(store, "cases", [a_case(1, CaseState.OPEN, **WHENCE)])
    for name, figure in (("incentives", "cost"), ("cases", "opened")):
        (row,) = await ask(api, name, group_by="agent")
        assert figures(row, "agent", "withheld", figure) == ("a-1", True, None)
        answer = await api.get(f"/v1/metrics/{name}", params={"group_by": "agent", "min_n": "1"})
        assert pointers(await assert_problem(answer, 422, "invalid")) == {"/min_n"}
