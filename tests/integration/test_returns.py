"""Who came back: figures by score band and by what became of the case, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from survey_service.models.case import CaseState
from survey_service.models.decision import Reason
from survey_service.models.event import EventState
from survey_service.parts import Parts
from survey_service.reporting.journeys import band_of
from survey_service.store.store import Store
from tests.support.factories import make_customer, make_event
from tests.support.figures import START, answered, load
from tests.support.outcomes import DAY, HOUR, a_case, ask, figures, insert
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client


async def test_returns_tell_whether_those_who_were_helped_come_back(api: ApiClient, store: Store) -> None:
    people = [(1, 2, True), (2, 2, False), (3, 3, True), (4, 10, True), (5, 10, False), (6, 10, True)]
    await load(
        store, [answered(number, scores={"nps": score}, customer=f"cus_{number}") for number, score, _ in people]
    )
    of_customers = {1: CaseState.RESOLVED, 2: CaseState.OPEN}
    await insert(
        store, "cases", [a_case(number, state, customer=f"cus_{number}") for number, state in of_customers.items()]
    )
    later = [
        make_event(f"new-{number}", customer=f"cus_{number}", time=START + 5 * DAY)
        for number, _, returned in people
        if returned
    ]
    others = [
        make_event("before", customer="cus_2", time=START - DAY),
        make_event("late", customer="cus_2", time=START + 40 * DAY),
        make_event("other", customer="cus_5", time=START + DAY, type="order.returned"),
    ]
    await insert(store, "events", [*later, *others])
    rows = await ask(api, "returns", event_type="order.delivered", within="P30D")
    assert [figures(row, "metric", "band", "case", "answers", "returned", "return_rate") for row in rows] == [
        ("nps", "detractors", "none", 1, 1, 100.0),
        ("nps", "detractors", "open", 1, 0, 0.0),
        ("nps", "detractors", "resolved", 1, 1, 100.0),
        ("nps", "promoters", "none", 3, 2, pytest.approx(200 / 3)),
    ]
    assert all(row["ci_low"] <= row["return_rate"] <= row["ci_high"] for row in rows)
    assert all(row["period_complete"] for row in rows)


@pytest.mark.parametrize(
    ("keys", "returned"),
    [
        (["id:c-1"], 1),
        (["id:c-1", "email:family@example.com"], 1),
        (["email:family@example.com"], 1),
        (["id:c-2", "email:family@example.com"], 0),  # another person with the same mailbox
        (["phone:+4915100000000"], 0),
        ([], 0),
    ],
)
async def test_who_came_back_by_an_imported_event_came_back(
    api: ApiClient, store: Store, keys: list[str], returned: int
) -> None:
    await load(store, [answered(1, customer="cus_1"), answered(2, customer="cus_gone")])
    await insert(store, "customers", [make_customer("c-1", id="cus_1", keys=("id:c-1", "email:family@example.com"))])
    known = make_event("new-1", time=START + DAY, state=EventState.DECIDED, reason=Reason.IMPORTED, keys=keys)
    await insert(store, "events", [known])
    (row,) = await ask(api, "returns", event_type="order.delivered", within="P30D")
    assert figures(row, "answers", "returned") == (2, returned)


async def test_answers_that_are_too_young_say_nothing_of_returns(api: ApiClient, store: Store) -> None:
    now = store.clock.now()
    ages = {1: 2, 2: 8, 3: 36, 4: 38}
    await load(store, [answered(number, now - days * DAY, customer=f"cus_{number}") for number, days in ages.items()])
    query = {"event_type": "order.delivered", "within": "P7D"}
    answer = await api.get("/v1/metrics/returns", params=query)
    assert [figures(row, "answers", "period_complete") for row in (await answer.json())["data"]] == [(2, False)]
    to = (now - 8 * DAY + HOUR).isoformat()
    answer = await api.get("/v1/metrics/returns", params={**query, "to": to, "granularity": "hour"})
    rows = (await answer.json())["data"]
    assert [figures(row, "answers", "period_complete") for row in rows] == [(1, True), (1, True)]


@pytest.mark.parametrize(
    ("days", "pointer"),
    [
        ({"retain_events_days": 80}, "/within"),
        ({"retain_answers_days": 100, "retain_events_days": 500}, "/from"),
        ({"retain_events_days": 121}, None),
    ],
)
async def test_returns_are_not_told_of_rows_that_do_not_say_any_more_whose_they_are(
    parts: Parts, days: dict[str, int], pointer: str | None
) -> None:
    forgetful = replace(parts, settings=parts.settings.model_copy(update=days))
    async with api_client(forgetful) as client:
        answer = await client.get("/v1/metrics/returns", params={"event_type": "order.delivered"})
        if pointer is None:
            assert answer.status == 200
        else:
            assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}


@pytest.mark.parametrize(
    ("metric", "scale", "score", "band"),
    [
        ("nps", "0-10", 7, "passives"),
        ("csat", "1-5", 4, "satisfied"),
        ("csat", "yes-no", 0, "others"),
        ("ces", "1-7", 5, "easy"),
        ("mood", "1-3", 1, None),
    ],
)
def test_a_score_lies_in_the_band_that_its_metric_counts(metric: str, scale: str, score: int, band: str | None) -> None:
    assert band_of(metric, scale, score) == band
