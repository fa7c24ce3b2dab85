"""`POST /v1/people/{id}/report`: an operator lets a person's weekly mail come now, to the person and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.wiring import create_app
from tests.support.cases import put_people
from tests.support.figures import answered, count_answers, load
from tests.support.pipeline import Pipeline
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, client_of

PATH = "/v1/people/mia/report"
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@pytest.fixture
async def api(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    await pipeline.configure()
    await put_people(pipeline, mia={"timezone": "UTC", "language": "de"})
    _, secret = await pipeline.store.api_keys.create("test", tuple(Scope))
    async with client_of(create_app(pipeline.service.parts), secret) as client:
        yield client


def this_monday(pipeline: Pipeline) -> datetime:
    today = pipeline.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - today.weekday() * DAY).astimezone(UTC)


async def give(pipeline: Pipeline, at: datetime, count: int, first: int = 0) -> None:
    await load(pipeline.store, [answered(first + number, at) for number in range(count)])
    await count_answers(pipeline.store)


async def test_it_comes_at_once_to_the_persons_own_address(api: ApiClient, pipeline: Pipeline) -> None:
    await give(pipeline, this_monday(pipeline) - DAY, 7)
    answer = await api.post(PATH, json={})
    body = await answer.json()
    assert (answer.status, body["person"]) == (202, "mia")
    (mail,) = body["data"]
    assert (mail["brand"], mail["text"]) == ("acme", "NPS 100,0, 7 Antworten.")
    await pipeline.run()
    (letter,) = pipeline.letters()
    assert (letter.to, letter.subject) == ("mia@acme.example", mail["subject"])
    assert letter.subject.startswith("Ihre Woche bei Acme, ")
    assert "7 Antworten" in letter.html
    delivery = await (await api.get(f"/v1/deliveries/{mail['delivery']}")).json()
    assert (delivery["kind"], delivery["state"]) == ("report", "sent")


async def test_each_call_sends_one_more_and_none_takes_mondays_place(api: ApiClient, pipeline: Pipeline) -> None:
    await give(pipeline, this_monday(pipeline) + timedelta(hours=1), 3)
    for _ in range(2):
        assert (await api.post(PATH, json={"week": f"{this_monday(pipeline):%Y-%m-%d}"})).status == 202
    await pipeline.run()
    assert len(pipeline.letters()) == 2
    await put_people(pipeline, mia={"timezone": "UTC", "weekly_report": True})
    await pipeline.run()
    pipeline.pass_time(this_monday(pipeline) + WEEK + timedelta(hours=9) - pipeline.clock.now())
    await pipeline.run()
    assert len(pipeline.letters()) == 3


async def test_any_day_names_its_week(api: ApiClient, pipeline: Pipeline) -> None:
    monday = this_monday(pipeline) - 5 * WEEK
    await give(pipeline, monday + 2 * DAY, 4)
    for day in (monday, monday + 6 * DAY):
        body = await (await api.post(PATH, json={"week": f"{day:%Y-%m-%d}"})).json()
        assert str((monday + 6 * DAY).day) in body["data"][0]["subject"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [({"active": False}, "not active"), ({"email": None}, "no email"), ({}, "nothing to report")],
)
async def test_where_there_is_nothing_to_send_it_says_why(
    api: ApiClient, pipeline: Pipeline, changes: dict[str, Any], detail: str
) -> None:
    await put_people(pipeline, mia=changes)
    body = await assert_problem(await api.post(PATH, json={}), 409, "conflict")
    assert detail in body["detail"]
    assert await pipeline.deliveries() == ()


async def test_a_week_to_come_an_unknown_person_and_an_address_are_refused(api: ApiClient, pipeline: Pipeline) -> None:
    await give(pipeline, this_monday(pipeline) - DAY, 1)
    for week in ("2999-01-01", "0001-01-01", f"{pipeline.clock.now() + 3 * DAY:%Y-%m-%d}", "monday"):
        body = await assert_problem(await api.post(PATH, json={"week": week}), 422, "invalid")
        assert pointers(body) == {"/week"}
    await assert_problem(await api.post("/v1/people/tom/report", json={}), 404, "not_found")
    for field in ("to", "email"):
        body = await assert_problem(await api.post(PATH, json={field: "eve@example.com"}), 422, "invalid")
        assert pointers(body) == {f"/{field}"}
    assert await pipeline.deliveries() == ()


async def test_it_waits_for_the_persons_quiet_hours(api: ApiClient, pipeline: Pipeline) -> None:
    await give(pipeline, this_monday(pipeline) - DAY, 1)
    later = pipeline.clock.now() + timedelta(hours=2)
    day, hour = later.strftime("%a").lower(), later.hour
    hours = {"allow": {day: (f"{hour:02}:00-24:00",)}}
    await put_people(pipeline, mia={"timezone": "UTC", "quiet_hours": hours})
    (mail,) = (await (await api.post(PATH, json={})).json())["data"]
    assert datetime.fromisoformat(mail["leaves_at"]) > pipeline.clock.now()
    await pipeline.run()
    assert pipeline.letters() == []
    pipeline.pass_time(timedelta(hours=2))
    await pipeline.run()
    assert len(pipeline.letters()) == 1
