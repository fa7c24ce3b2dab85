"""Retention: what became too old loses whoever it was about, batch by batch, and what still goes on is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from survey_service.intake.drafting import MAX_DEATHS
from survey_service.intake.erasing import LOOK_AGAIN, ask_to_erase
from survey_service.intake.retaining import EVERY
from survey_service.models.contact import FORGOTTEN
from survey_service.models.decision import Reason
from survey_service.models.inbound import InboundText
from survey_service.models.invitation import InvitationState
from survey_service.store import forgetting
from survey_service.store.events import events_of
from tests.support.cases import answer, put_people, put_rule, the_case
from tests.support.deciding import at_most, holds, put_policy
from tests.support.factories import make_response
from tests.support.lives import write_back
from tests.support.pipeline import Pipeline, a_customer, an_event, open_pipeline
from tests.support.smtp_server import ScriptedSmtpServer

DAY = timedelta(days=1)


@pytest.fixture
async def forgetful(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Pipeline]:
    """Events are kept for ten days, answers for thirty."""
    days = {"SURVEY_RETAIN_EVENTS_DAYS": "10", "SURVEY_RETAIN_ANSWERS_DAYS": "30"}
    async with open_pipeline(mongodb_uri, database_name, smtp, **days) as opened:
        await opened.configure()
        yield opened


async def later(pipeline: Pipeline, period: timedelta) -> None:
    pipeline.pass_time(period)
    await pipeline.run()


async def test_events_and_messages_are_forgotten_first_and_answers_when_their_time_comes(forgetful: Pipeline) -> None:
    await forgetful.handle(an_event())
    await answer(forgetful, await forgetful.token(), nps="9", why="fast")
    await later(forgetful, 9 * DAY)
    assert (await forgetful.event()).erased_at is None
    await later(forgetful, 2 * DAY)
    event, delivery = await forgetful.event(), await forgetful.delivery()
    assert (event.data, event.event_id, delivery.to) == ({}, "", "")
    assert (await forgetful.invitation()).recipient.email is None
    (response,) = await forgetful.responses()
    assert (response.erased_at, response.comment) == (None, "fast")
    await later(forgetful, 20 * DAY)
    (response,) = await forgetful.responses()
    assert (response.comment, response.customer, response.score) == (None, None, 9)
    assert response.erased_at is not None


async def test_what_still_goes_on_is_left_alone_until_it_is_over(forgetful: Pipeline) -> None:
    await put_people(forgetful, mia={})
    await put_rule(forgetful)
    await forgetful.handle(an_event())
    await answer(forgetful, await forgetful.token(), nps="2")
    await forgetful.handle(an_event("ord-2"))
    await later(forgetful, 11 * DAY)
    states = {row.state: row.erased_at is None for row in await forgetful.invitations()}
    assert states == {InvitationState.FINISHED: False, InvitationState.SENT: True}
    await later(forgetful, 5 * DAY)
    await later(forgetful, EVERY)
    assert [row.erased_at is None for row in await forgetful.invitations()] == [False, False]
    assert Reason.ERASED not in {row.reason for row in await forgetful.invitations()}
    await later(forgetful, 60 * DAY)
    assert (await the_case(forgetful)).erased_at is None


async def test_an_event_that_was_put_aside_is_found_by_an_erasure(pipeline: Pipeline) -> None:
    """Nobody could read it, hence nobody wrote down whose it is."""
    await pipeline.configure()
    await pipeline.post(an_event("poison"), an_event("of another", a_customer("bob")))
    put_aside = {"deaths": MAX_DEATHS, "data.customer.attributes": "no object"}
    await pipeline.store.database["events"].update_many({}, {"$set": put_aside})
    await pipeline.handle(an_event("sound"))
    (ada,) = await pipeline.customers()
    assert (await pipeline.event("poison")).customer is None
    await ask_to_erase(pipeline.store, pipeline.service.parts.bells, ada.id, "key_1")
    for _ in range(3):
        await later(pipeline, timedelta(seconds=1))
    assert [(await pipeline.event(name)).data for name in ("poison", "sound")] == [{}, {}]
    assert (await pipeline.event("of another")).erased_at is None
    by_keys = events_of("cus_nobody", ["id:c-1", "email:a@example.com"])["$or"][1:]
    for clause in by_keys:
        plan = await pipeline.store.database["events"].find(clause).explain()
        assert "of_known_person" in str(plan["queryPlanner"]["winningPlan"])


async def test_mails_and_texts_that_came_in_go_with_the_answers_whoever_sent_them(forgetful: Pipeline) -> None:
    store, now = forgetful.store, forgetful.clock.now()
    came = {"received_at": now, "due_at": now, "text": "a grey parrot"}
    await forgetful.handle(an_event())
    asked = await forgetful.delivery()
    await write_back(forgetful, asked, "a grey parrot", customer=None)
    await store.inbound.insert(InboundText.model_validate({"_id": "SM1", "sender": "+4915", "recipient": "+1", **came}))
    await later(forgetful, 29 * DAY)
    counts = {"mails": 1, "inbound_texts": 1}
    assert {name: await store.database[name].count_documents({}) for name in counts} == counts
    unread = came | {"received_at": now - DAY, "due_at": forgetful.clock.now() + 9 * DAY}
    await store.inbound.insert(InboundText.model_validate({"_id": "SM2", "sender": "+49", "recipient": "+1", **unread}))
    await later(forgetful, 2 * DAY)
    assert {name: await store.database[name].distinct("_id") for name in counts} == {
        "mails": [],
        "inbound_texts": ["SM2"],
    }


async def test_many_rows_are_blanked_batch_by_batch_also_where_they_share_an_instant(
    forgetful: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 3)
    monkeypatch.setattr("survey_service.intake.retaining.BATCH", 3)
    for number in range(8):
        await forgetful.store.responses.save(make_response(f"ord-{number}"))  # of long ago
    await later(forgetful, EVERY)
    assert {row.comment for row in await forgetful.responses()} == {None}
    assert len(await forgetful.responses()) == 8


async def test_whoever_was_asked_is_remembered_by_the_budget_and_not_by_what_they_were_asked(
    forgetful: Pipeline,
) -> None:
    await forgetful.configure(exempt=False)
    await put_policy(forgetful, **at_most(1, "P90D"))
    await forgetful.handle(an_event())
    await later(forgetful, 15 * DAY)
    await later(forgetful, EVERY)
    assert (await forgetful.invitation()).erased_at is not None
    await forgetful.handle(an_event("ord-2"))
    assert (await forgetful.decision("ord-2")).reason is Reason.CONTACT_LIMIT
    assert await holds(forgetful) == {FORGOTTEN: 2}
    (person,) = await forgetful.customers()
    await ask_to_erase(forgetful.store, forgetful.service.parts.bells, person.id, "test")
    for _ in range(3):
        await later(forgetful, LOOK_AGAIN)
    assert await forgetful.store.database["contacts"].count_documents({}) == 0


async def test_without_a_setting_nothing_is_forgotten(pipeline: Pipeline) -> None:
    await pipeline.store.responses.save(make_response())
    await later(pipeline, 4_000 * DAY)
    (row,) = await pipeline.responses()
    assert (row.comment, row.erased_at) == ("fast", None)
