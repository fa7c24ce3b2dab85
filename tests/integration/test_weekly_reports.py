"""Weekly reports through the whole service: whom they reach, when, with which figures, and that each comes once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.models.case import Case
from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.person import Person
from survey_service.models.response import Response
from survey_service.models.touchpoint import TouchpointContent
from survey_service.reporting.weekly import AskForReports, PlanClaims, letters_of_week
from survey_service.reporting.weekly_schedule import due_at
from survey_service.work.bells import Bells
from tests.support.cases import PLACE, a_person, put_people
from tests.support.deciding import hold_everything, let_everything_go, set_time
from tests.support.figures import answered, count_answers, load
from tests.support.inbox import Letter
from tests.support.pipeline import BASE_URL, NAME, Pipeline, a_brand, a_survey

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)
READER = {"weekly_report": True, "timezone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
async def configured(pipeline: Pipeline) -> None:
    await pipeline.configure()


@pytest.fixture
def monday(pipeline: Pipeline) -> datetime:
    """The label of the next Monday but one, so that nothing is due yet."""
    today = pipeline.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - today.weekday() * DAY + 2 * WEEK).astimezone(UTC)


def answers(
    at: datetime, scores: Iterable[int], place: str | None = PLACE, first: int = 0, **changes: Any
) -> list[Response]:
    """An answer an hour from `at` on, with these scores."""
    return [
        answered(first + number, at + timedelta(minutes=number), {"nps": score}, touchpoint=place, **changes)
        for number, score in enumerate(scores)
    ]


async def give(pipeline: Pipeline, monday: datetime) -> None:
    """Berlin was bad the week before and is good now; Kiel is bad."""
    this, before = monday - 5 * DAY, monday - 12 * DAY
    rows = answers(this, [10] * 30 + [3] * 10) + answers(before, [10] * 5 + [3] * 35, first=100)
    rows += answers(this, [2] * 8, "kiel", first=200) + answers(this - 4 * WEEK, [0] * 9, first=300)
    await load(pipeline.store, rows)
    await count_answers(pipeline.store)


async def read(pipeline: Pipeline, name: str = "mia") -> list[Letter]:
    return [letter for letter in pipeline.letters() if letter.to == f"{name}@acme.example"]


async def reports(pipeline: Pipeline) -> list[Delivery]:
    return [row for row in reversed(await pipeline.deliveries()) if row.kind is DeliveryKind.REPORT]


def morning(monday: datetime, **changes: Any) -> datetime:
    return due_at(monday, Person(id="mia", **a_person("mia", **{**READER, **changes}).model_dump()))


async def until_morning(pipeline: Pipeline, monday: datetime, late: timedelta = MINUTE, **changes: Any) -> None:
    """Let plans be made, then let it be a little later than Monday morning, and do what is due."""
    await pipeline.run()
    set_time(pipeline, morning(monday, **changes) + late)
    await pipeline.run()


async def test_a_person_reads_the_week_on_monday_morning_once(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER, tom={"timezone": "Europe/Berlin"})
    await pipeline.store.configuration.touchpoints.put(PLACE, TouchpointContent(name="Berlin Mitte"))
    await give(pipeline, monday)
    await until_morning(pipeline, monday, -MINUTE)
    assert await reports(pipeline) == []
    await until_morning(pipeline, monday)
    (letter,) = await read(pipeline)
    first, last = monday - WEEK, monday - DAY
    assert letter.subject.startswith("Your week at Acme, ")
    assert str(last.year) in letter.text
    assert "Biggest changes, by more than chance: Berlin Mitte +125.0" in letter.text
    assert f"from={first:%Y-%m-%d}&to={last:%Y-%m-%d}&zone=Europe%2FBerlin" in letter.text
    assert "kiel" in letter.html
    assert await read(pipeline, "tom") == []
    for later in (timedelta(hours=1), DAY, 5 * DAY):
        await until_morning(pipeline, monday, later)
    (row,) = await reports(pipeline)
    assert (row.state, row.person, row.customer) == (DeliveryState.SENT, "mia", None)


async def test_the_figures_are_those_of_the_metrics(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday)
    (row,) = await reports(pipeline)
    assert row.report is not None
    (table,) = row.report.tables
    found = {each.name: (each.score, each.n, each.change) for each in (table.total, *table.rows)}
    # 30 promoters and 18 detractors of 48 against 5 and 35 of 40; Berlin alone; Kiel alone.
    assert found == {
        "All touchpoints": ("25.0", "48", "+100.0"),
        PLACE: ("50.0", "40", "+125.0"),
        "kiel": ("−100.0", "8", ""),
    }


async def test_people_read_of_their_own_touchpoints_alone(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia={**READER, "touchpoints": ("kiel",)}, tom={**READER, "touchpoints": ("bonn",)})
    await give(pipeline, monday)
    await until_morning(pipeline, monday)
    (letter,) = await read(pipeline)
    assert "NPS · kiel" in letter.html
    assert PLACE not in letter.html + letter.text
    assert await read(pipeline, "tom") == []


async def test_each_brand_with_answers_has_a_mail_of_its_own(pipeline: Pipeline, monday: datetime) -> None:
    configuration = pipeline.store.configuration
    for name in ("beta", "silent", "gone"):
        await configuration.brands.put(name, a_brand(name=name.title()))
        await configuration.surveys.put(f"of-{name}", a_survey(brand=name))
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    rows = answers(monday - 2 * DAY, [9, 9, 9], survey="of-beta", brand="beta", first=500)
    rows += answers(monday - 2 * DAY, [9], survey="of-gone", brand="gone", first=600)
    await load(pipeline.store, rows)
    await configuration.brands.delete("gone")
    await until_morning(pipeline, monday)
    letters = sorted(await read(pipeline), key=lambda letter: letter.subject)
    assert [letter.subject.partition(",")[0] for letter in letters] == ["Your week at Acme", "Your week at Beta"]
    assert "brand=beta" in letters[1].text
    assert "3 answers" in letters[1].html


async def test_that_nobody_answers_any_more_is_told_once(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    for number in range(4):
        await until_morning(pipeline, monday + number * WEEK)
    full, empty = await read(pipeline)
    assert "Nobody answered" not in full.text
    assert "Nobody answered in this week (the week before: 48 answers)." in empty.text


async def test_who_switches_it_on_is_not_told_of_the_past(pipeline: Pipeline, monday: datetime) -> None:
    await give(pipeline, monday)
    set_time(pipeline, morning(monday) + timedelta(hours=7))
    await put_people(pipeline, mia=READER)
    await pipeline.run()
    assert await reports(pipeline) == []
    await until_morning(pipeline, monday + WEEK)
    assert len(await reports(pipeline)) == 1


async def test_switching_it_off_and_on_again_sends_nothing_twice(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday)
    await put_people(pipeline, mia={**READER, "weekly_report": False})
    await until_morning(pipeline, monday, DAY)
    await put_people(pipeline, mia=READER)
    await until_morning(pipeline, monday, DAY + MINUTE)
    assert len(await reports(pipeline)) == 1


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "Asia/Kathmandu", "UTC"])
async def test_who_moves_is_told_of_each_week_once(pipeline: Pipeline, monday: datetime, zone: str) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday)
    await put_people(pipeline, mia={**READER, "timezone": zone})
    for hours in range(1, 48, 8):
        await until_morning(pipeline, monday, timedelta(hours=hours))
    assert len(await reports(pipeline)) == 1


async def test_who_moves_before_the_morning_reads_on_the_morning_of_the_new_zone(
    pipeline: Pipeline, monday: datetime
) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    set_time(pipeline, morning(monday) - MINUTE)
    await pipeline.run()
    await put_people(pipeline, mia={**READER, "timezone": "America/Los_Angeles"})
    await until_morning(pipeline, monday, timedelta(hours=8))
    assert await reports(pipeline) == []
    await until_morning(pipeline, monday, timezone="America/Los_Angeles")
    assert len(await reports(pipeline)) == 1


async def test_a_worker_that_was_down_on_monday_catches_up_but_not_weeks_later(
    pipeline: Pipeline, monday: datetime
) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await load(pipeline.store, answers(monday + DAY, [9] * 5, first=700))
    await count_answers(pipeline.store)
    await until_morning(pipeline, monday, timedelta(hours=30))
    assert len(await reports(pipeline)) == 1
    await until_morning(pipeline, monday + WEEK, 4 * DAY)
    assert len(await reports(pipeline)) == 1
    await until_morning(pipeline, monday + 2 * WEEK)
    assert len(await reports(pipeline)) == 2


@pytest.mark.parametrize("change", [{"active": False}, {"email": None}, {"weekly_report": False}])
async def test_who_left_reads_nothing(pipeline: Pipeline, monday: datetime, change: dict[str, Any]) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await pipeline.run()
    await put_people(pipeline, mia={**READER, **change})
    await until_morning(pipeline, monday)
    assert await reports(pipeline) == []
    assert await pipeline.store.report_plans.all() == {}


async def test_who_is_deleted_reads_nothing(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await pipeline.run()
    await pipeline.store.configuration.people.delete("mia")
    await until_morning(pipeline, monday)
    assert await reports(pipeline) == []


@pytest.mark.parametrize("change", [{"email": "other@acme.example"}, {"active": False}])
async def test_what_waits_goes_to_nobody_elses_address(
    pipeline: Pipeline, monday: datetime, change: dict[str, Any]
) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await hold_everything(pipeline)
    await until_morning(pipeline, monday)
    await put_people(pipeline, mia={**READER, **change})
    await let_everything_go(pipeline)
    await pipeline.run()
    (row,) = await reports(pipeline)
    assert (row.state, row.reason) == (DeliveryState.CANCELLED, Reason.PERSON_INACTIVE)
    assert pipeline.letters() == []


async def test_a_brand_that_is_deleted_meanwhile_writes_no_more(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await hold_everything(pipeline)
    await until_morning(pipeline, monday)
    await pipeline.store.configuration.brands.delete("acme")
    await let_everything_go(pipeline)
    await pipeline.run()
    (row,) = await reports(pipeline)
    assert (row.state, row.reason) == (DeliveryState.CANCELLED, Reason.SURVEY_GONE)


async def test_a_worker_that_dies_after_asking_asks_for_nothing_twice(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday, -MINUTE)
    set_time(pipeline, morning(monday) + MINUTE)
    claim = await pipeline.store.report_plans.claims.claim(10)
    assert claim is not None
    snapshot = await pipeline.store.configuration.current()
    # All that it did before it died; its lease then ends.
    letters = await letters_of_week(pipeline.store, snapshot, snapshot.people["mia"], monday, BASE_URL)
    await pipeline.store.deliveries.insert(letters)
    pipeline.pass_time(MINUTE)
    await pipeline.run()
    assert len(await reports(pipeline)) == 1
    assert len(await read(pipeline)) == 1
    (plan,) = (await pipeline.store.report_plans.all()).values()
    assert (plan.monday, plan.lease, plan.deaths) == (monday + WEEK, None, 0)


async def test_two_workers_with_the_same_plan_send_one_mail(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday, -MINUTE)
    set_time(pipeline, morning(monday) + MINUTE)
    claims = PlanClaims(pipeline.store)
    first = await claims.claim(10)
    pipeline.pass_time(MINUTE)  # the first one was frozen past its lease
    second = await claims.claim(10)
    assert first is not None
    assert second is not None
    ask = AskForReports(pipeline.store, Bells(), BASE_URL)
    await asyncio.gather(ask(first), ask(second))
    await pipeline.run()
    assert len(await reports(pipeline)) == 1
    assert len(await read(pipeline)) == 1


async def test_answers_that_are_not_counted_yet_are_waited_for(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await until_morning(pipeline, monday, -MINUTE)
    set_time(pipeline, morning(monday) + MINUTE)
    await load(pipeline.store, answers(monday - DAY, [9, 9, 2]))
    claims, ask = PlanClaims(pipeline.store), AskForReports(pipeline.store, Bells(), BASE_URL)
    claim = await claims.claim(10)
    assert claim is not None
    await ask(claim)
    assert await reports(pipeline) == []
    await count_answers(pipeline.store)
    pipeline.pass_time(MINUTE)
    await pipeline.run()
    (row,) = await reports(pipeline)
    assert row.report is not None
    assert row.report.tables[0].total.n == "3"


async def test_a_poisonous_report_is_given_up_for_that_week(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia=READER)
    await give(pipeline, monday)
    await pipeline.run()
    await pipeline.store.database["report_plans"].update_one({"_id": "mia"}, {"$set": {"deaths": 5}})
    await until_morning(pipeline, monday)
    assert await reports(pipeline) == []
    (plan,) = (await pipeline.store.report_plans.all()).values()
    assert (plan.monday, plan.deaths) == (monday + WEEK, 0)


async def test_a_person_whose_zone_nobody_knows_keeps_no_other_from_reading(
    pipeline: Pipeline, monday: datetime
) -> None:
    await put_people(pipeline, ann={**READER, "timezone": "Mars/Olympus"}, mia=READER)
    await give(pipeline, monday)
    await until_morning(pipeline, monday)
    assert [row.person for row in await reports(pipeline)] == ["mia"]


async def test_open_and_overdue_cases_stand_below(pipeline: Pipeline, monday: datetime) -> None:
    await put_people(pipeline, mia={**READER, "touchpoints": (PLACE,)})
    await give(pipeline, monday)
    for number, changes in enumerate(
        (
            {"owner": "mia"},
            {"owner": "tom", "due_by": monday + 9 * DAY},
            {"touchpoint": "kiel"},
            {"state": "closed"},
            {"brand": "other"},
        )
    ):
        fields = {"id": f"cas_{number}", "title": "Unhappy", "rule": "unhappy", "response": f"rsp_{number}"}
        fields |= {"survey": NAME, "brand": "acme", "channel": "email", "metric": "nps", "scale": "0-10"}
        fields |= {"touchpoint": PLACE, "due_within": "P2D", "due_by": monday - DAY, "opened_at": monday - 3 * DAY}
        await pipeline.store.cases.insert([Case.model_validate(fields | changes)])
    await until_morning(pipeline, monday)
    (letter,) = await read(pipeline)
    assert "2 open cases · overdue: 1 · yours: 1" in letter.text
    assert "2 open cases · overdue: 1 · yours: 1" in letter.html


async def test_a_zone_of_half_hours_has_its_own_week(pipeline: Pipeline, monday: datetime) -> None:
    zone = "Asia/Kathmandu"
    await put_people(pipeline, mia={**READER, "timezone": zone})
    midnight = monday - timedelta(hours=5, minutes=45)
    rows = answers(midnight - MINUTE, [9]) + answers(midnight, [1] * 5, first=10)
    await load(pipeline.store, rows)
    await until_morning(pipeline, monday, timezone=zone)
    (row,) = await reports(pipeline)
    assert row.report is not None
    assert (row.report.tables[0].total.n, row.report.tables[0].total.score) == ("1", "100.0")
