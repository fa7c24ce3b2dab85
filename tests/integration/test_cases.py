"""Answers open cases, each exactly once and with an owner; owners are reminded, customers asked whether it helped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.followup.changing import change_case
from survey_service.models.case import Case, CaseState
from survey_service.models.delivery import Delivery, DeliveryKind
from survey_service.models.outbox import NewsType, Outbox, news_of
from survey_service.models.response import Response
from survey_service.telemetry import REGISTRY
from tests.support.cases import (
    PLACE,
    RULE,
    all_cases,
    answer,
    invite,
    put_people,
    put_rule,
    the_case,
    unhappy,
)
from tests.support.inbox import Letter
from tests.support.pipeline import Pipeline

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
async def configured(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await put_people(pipeline, mia={})


async def alerts(pipeline: Pipeline) -> list[Delivery]:
    return [row for row in reversed(await pipeline.deliveries()) if row.kind is DeliveryKind.ALERT]


async def change(pipeline: Pipeline, case: Case, **wanted: Any) -> Case:
    changed = change_case(case, wanted, "mia", pipeline.clock.now())
    assert await pipeline.store.cases.change(case, changed.case, changed.told, held=False)
    await pipeline.run()
    return await the_case(pipeline)


def to_ada(pipeline: Pipeline) -> list[Letter]:
    return [letter for letter in pipeline.letters() if letter.to == "ada@example.com"]


async def test_a_low_score_opens_a_case_that_tells_what_was_said(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    case = await unhappy(pipeline)
    (response,) = await pipeline.responses()
    assert (case.response, case.rule, case.state, case.owner) == (response.id, RULE, CaseState.OPEN, "mia")
    assert (case.score, case.scale, case.comment) == (2, "0-10", "It was broken.")
    assert (case.customer_ref, case.touchpoint, case.brand, case.channel) == ("c-ada", PLACE, "acme", "email")
    assert case.due_by - case.opened_at == 2 * DAY
    whence = ("survey", "survey_version", "trigger", "variant", "dimensions", "language")
    assert all(getattr(case, name) == getattr(response, name) for name in whence)


async def test_a_high_score_opens_none(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    await answer(pipeline, await invite(pipeline), nps="9")
    assert await all_cases(pipeline) == ()


@pytest.mark.parametrize(
    ("condition", "opens"),
    [
        ("response.comment.contains('broken')", True),
        ("response.answers.why.contains('broken') && response.scores.nps < 3.0", True),
        ("response.touchpoint == 'berlin-mitte' && response.channel == 'email'", True),
        ("response.language == 'en' && response.event_type == 'order.delivered'", True),
        ("event.data.amount > 50.0 && customer.id == 'c-ada'", True),
        ("event.data.amount > 90.0", False),
        ("response.touchpoint == 'rome'", False),
    ],
)
async def test_a_condition_sees_the_answer_the_event_and_the_customer(
    pipeline: Pipeline, condition: str, opens: bool
) -> None:
    await put_rule(pipeline, condition=condition)
    await answer(pipeline, await invite(pipeline, amount=79.9), nps="2", why="It was broken.")
    assert len(await all_cases(pipeline)) == opens


async def test_a_condition_that_fails_opens_nothing_and_is_counted(pipeline: Pipeline) -> None:
    await put_rule(pipeline, "failing", condition="event.data.missing == 1.0")
    await put_rule(pipeline)
    await unhappy(pipeline)
    assert [case.rule for case in await all_cases(pipeline)] == [RULE]
    assert REGISTRY.get_sample_value("survey_follow_up_errors_total", {"rule": "failing"})


async def test_a_rule_looks_when_it_was_told_to(pipeline: Pipeline) -> None:
    await put_rule(pipeline, "at-once")
    await put_rule(pipeline, "at-the-end", on="finished")
    token = await invite(pipeline)
    await answer(pipeline, token, nps="2")
    assert [case.rule for case in await all_cases(pipeline)] == ["at-once"]
    await answer(pipeline, token, fix="everything")
    assert {case.rule for case in await all_cases(pipeline)} == {"at-once", "at-the-end"}


@pytest.mark.parametrize("changes", [{"enabled": False}, {"survey": "another"}, {"case": None, "alert": {}}])
async def test_a_rule_that_is_off_of_another_survey_or_without_a_case_opens_none(
    pipeline: Pipeline, changes: dict[str, Any]
) -> None:
    await put_rule(pipeline, **{name: value for name, value in changes.items() if value is not None})
    if "case" in changes:
        present = await pipeline.store.configuration.follow_ups.get(RULE)
        assert present is not None
        await pipeline.store.configuration.follow_ups.put(RULE, present.model_copy(update={"case": None}))
    await answer(pipeline, await invite(pipeline), nps="2")
    assert await all_cases(pipeline) == ()


async def test_a_suspect_opens_none(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    token = await invite(pipeline)
    await pipeline.service.parts.recording.submit_token(token, {"nps": "2"})
    await pipeline.store.database["responses"].update_one({}, {"$set": {"suspect": "too_fast"}})
    await pipeline.run()
    assert await all_cases(pipeline) == ()


async def test_the_same_news_told_again_open_no_second_case_and_change_no_owner(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    before = await unhappy(pipeline)
    await put_people(pipeline, bo={}, mia={"active": False})
    (response,) = await pipeline.responses()
    news = [news_of(response.id, NewsType.RESPONSE_SCORED, pipeline.clock.now())]
    outbox = Outbox(due_at=pipeline.clock.now(), entries=tuple(news))
    await pipeline.store.database["responses"].update_one({}, {"$set": {"outbox": outbox.model_dump()}})
    await pipeline.run()
    assert (await the_case(pipeline)).model_dump() == before.model_dump()


async def test_two_rules_open_two_cases_of_one_answer(pipeline: Pipeline) -> None:
    await put_rule(pipeline, "a")
    await put_rule(pipeline, "b")
    await answer(pipeline, await invite(pipeline), nps="2")
    assert sorted(case.rule for case in await all_cases(pipeline)) == ["a", "b"]


async def test_a_batch_of_answers_is_spread_over_the_people(pipeline: Pipeline) -> None:
    await put_people(pipeline, bo={}, cy={})
    await put_rule(pipeline, case={"assign": {"by": "round_robin", "people": ("mia", "bo", "cy")}})
    tokens = [await invite(pipeline, f"ord-{name}", name) for name in ("ann", "ben", "cem", "dan", "eva", "fay")]
    for token in tokens:
        await pipeline.service.parts.recording.submit_token(token, {"nps": "1"})
    await pipeline.run()
    owners = [case.owner for case in await all_cases(pipeline)]
    assert sorted(owners, key=str) == ["bo", "bo", "cy", "cy", "mia", "mia"]


async def test_the_rota_begins_anew_each_month(pipeline: Pipeline) -> None:
    await put_people(pipeline, sue={"role": "senior_manager"})
    await put_rule(pipeline, case={"assign": {"by": "rota", "monthly": 1}})
    owners = [(await unhappy(pipeline, f"ord-{name}", name)).owner for name in ("ann", "ben")]
    assert owners == ["sue", "mia"]
    pipeline.pass_time(32 * DAY)
    assert (await unhappy(pipeline, "ord-cem", "cem")).owner == "sue"


async def test_a_case_that_nobody_can_take_is_there_without_an_owner(pipeline: Pipeline) -> None:
    await put_people(pipeline, mia={"touchpoints": ("rome",)})
    await put_rule(pipeline)
    assert (await unhappy(pipeline)).owner is None


async def test_the_owner_is_reminded_once_and_only_the_end_of_its_time_is_told_once_more(pipeline: Pipeline) -> None:
    await put_people(pipeline, sue={"role": "senior_manager"})
    await put_rule(pipeline, case={"remind_before": "PT4H", "escalate_to": "sue"})
    case = await unhappy(pipeline)
    pipeline.pass_time(2 * DAY - 4 * HOUR - timedelta(minutes=1))
    await pipeline.run()
    assert await alerts(pipeline) == []
    pipeline.pass_time(2 * timedelta(minutes=1))
    await pipeline.run()
    await pipeline.run()
    (reminder,) = await alerts(pipeline)
    assert (reminder.person, reminder.to, reminder.case) == ("mia", "mia@acme.example", case.id)
    assert (await the_case(pipeline)).overdue is False
    pipeline.pass_time(4 * HOUR)
    await pipeline.run()
    pipeline.pass_time(30 * DAY)
    await pipeline.run()
    _, *later = await alerts(pipeline)
    assert sorted(letter.person or "" for letter in later) == ["mia", "sue"]
    after = await the_case(pipeline)
    assert (after.overdue, after.due_at) == (True, None)
    (line,) = after.history
    assert (line.by, line.field, line.after) == ("service", "overdue", "yes")


async def test_a_message_to_a_person_waits_for_the_end_of_their_quiet_hours(pipeline: Pipeline) -> None:
    tomorrow = (pipeline.clock.now() + 3 * DAY).strftime("%a").lower()
    await put_people(pipeline, mia={"quiet_hours": {"allow": {tomorrow: ("09:00-10:00",)}}})
    await put_rule(pipeline, case={"due_within": "PT2H", "remind_before": None})
    await unhappy(pipeline)
    pipeline.pass_time(3 * HOUR)
    await pipeline.run()
    (alert,) = await alerts(pipeline)
    assert (alert.planned_at.hour, alert.planned_at.strftime("%a").lower()) == (9, tomorrow)
    assert "mia@acme.example" not in pipeline.recipients()


async def test_a_case_that_is_done_in_time_reminds_nobody(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    await change(pipeline, await unhappy(pipeline), state=CaseState.CLOSED)
    pipeline.pass_time(10 * DAY)
    await pipeline.run()
    assert await alerts(pipeline) == []


async def test_more_time_means_another_reminder(pipeline: Pipeline) -> None:
    await put_rule(pipeline, case={"remind_before": "PT4H"})
    case = await unhappy(pipeline)
    pipeline.pass_time(3 * DAY)
    await pipeline.run()
    assert (await the_case(pipeline)).overdue
    later = await change(pipeline, await the_case(pipeline), due_by=pipeline.clock.now() + 5 * DAY)
    assert (later.overdue, later.reminded) == (False, False)
    pipeline.pass_time(5 * DAY - HOUR)
    await pipeline.run()
    assert len(await alerts(pipeline)) == 2
    assert case.due_by < later.due_by


async def question(pipeline: Pipeline) -> tuple[str, Letter]:
    """Resolve the case; the token of the link in the mail that asks whether it helped, and the mail."""
    await change(pipeline, await the_case(pipeline), state=CaseState.RESOLVED, public_note="We sent a new one.")
    *_, letter = to_ada(pipeline)
    (url,) = [link for link in letter.links if "/r/" in link]
    return url.rpartition("/")[2], letter


@pytest.fixture
async def asking(pipeline: Pipeline) -> Case:
    """A case whose customer is asked once it is resolved."""
    await put_rule(pipeline, case={"ask_resolved": True})
    return await unhappy(pipeline)


async def test_once_it_is_resolved_the_customer_is_asked(pipeline: Pipeline, asking: Case) -> None:
    _, letter = await question(pipeline)
    assert letter.subject == "Is it resolved for you?"
    assert "We sent a new one." in letter.text
    assert len(to_ada(pipeline)) == 2


async def test_a_customer_for_whom_it_is_not_resolved_opens_it_again(pipeline: Pipeline, asking: Case) -> None:
    token, _ = await question(pipeline)
    pipeline.pass_time(DAY)
    resolving = pipeline.service.parts.resolving
    case = await resolving.look(token)
    assert case is not None
    await resolving.answer(case, resolved=False)
    await pipeline.run()
    after = await the_case(pipeline)
    assert (after.state, after.resolved_for_customer, after.owner) == (CaseState.OPEN, False, "mia")
    assert after.due_by - pipeline.clock.now() > DAY
    assert {line.field for line in after.history if line.by == "customer"} >= {"state", "resolved_for_customer"}
    (alert,) = await alerts(pipeline)
    assert alert.person == "mia"


async def test_the_first_word_of_the_customer_stands(pipeline: Pipeline, asking: Case) -> None:
    token, _ = await question(pipeline)
    resolving = pipeline.service.parts.resolving
    for resolved in (True, False):
        case = await resolving.look(token)
        assert case is not None
        await resolving.answer(case, resolved=resolved)
    after = await the_case(pipeline)
    assert (after.state, after.resolved_for_customer) == (CaseState.RESOLVED, True)


async def test_what_is_resolved_a_second_time_is_asked_about_a_second_time(pipeline: Pipeline, asking: Case) -> None:
    await question(pipeline)
    await change(pipeline, await the_case(pipeline), state=CaseState.OPEN)
    pipeline.pass_time(HOUR)
    await change(pipeline, await the_case(pipeline), state=CaseState.RESOLVED)
    assert [letter.subject for letter in to_ada(pipeline)].count("Is it resolved for you?") == 2


async def test_without_the_wish_nobody_is_asked(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    await change(pipeline, await unhappy(pipeline), state=CaseState.RESOLVED)
    assert len(to_ada(pipeline)) == 1


async def test_every_change_stands_in_the_history_and_is_told(pipeline: Pipeline) -> None:
    await put_rule(pipeline)
    case = await unhappy(pipeline)
    changed = change_case(case, {"state": CaseState.WAITING}, "mia", pipeline.clock.now())
    assert changed.news is not None
    assert changed.news.type is NewsType.CASE_UPDATED
    assert await pipeline.store.cases.change(case, changed.case, changed.told, held=False)
    assert not await pipeline.store.cases.change(case, changed.case, changed.told, held=False)
    stored = await the_case(pipeline)
    assert [entry.id for entry in stored.outbox.entries] == [changed.news.id]
    (line,) = stored.history
    assert (line.by, line.field, line.before, line.after) == ("mia", "state", "open", "waiting")
    await pipeline.run()
    assert (await the_case(pipeline)).outbox.entries == ()


async def test_an_answer_on_a_public_link_opens_a_case_without_a_customer(pipeline: Pipeline) -> None:
    await put_rule(pipeline, condition="response.score <= 6.0 && !has(event.data)")
    response = Response.model_validate(
        {
            "id": "rsp_link",
            "status": "partial",
            "survey": "after-delivery",
            "survey_version": 1,
            "brand": "acme",
            "link": "table-4",
            "touchpoint": PLACE,
            "channel": "web",
            "language": "en",
            "metric": "nps",
            "scale": "0-10",
            "score": 1,
            "started_at": pipeline.clock.now(),
            "outbox": {
                "due_at": pipeline.clock.now(),
                "entries": [news_of("rsp_link", NewsType.RESPONSE_SCORED, pipeline.clock.now())],
            },
        }
    )
    await pipeline.store.responses.save(response)
    await pipeline.run()
    assert (await the_case(pipeline)).customer is None
