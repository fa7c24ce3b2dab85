"""Our people hear of answers: at once, once a day, or as praise; each of them once, whatever is told twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.digest import MAX_ITEMS, Digest, DigestItem, digest_id
from survey_service.models.follow_up import FollowUpContent
from survey_service.models.outbox import NewsType, news_of, outbox_change
from survey_service.tokens import OptOutSubject
from tests.support.cases import PLACE, answer, invite, put_people, put_rule, unhappy
from tests.support.inbox import Letter
from tests.support.pipeline import BASE_URL, Pipeline
from tests.support.texting import Texting

BERLIN = ZoneInfo("Europe/Berlin")
DIGEST = {"alert": {"people": ("mia",), "digest": True}}


@pytest.fixture(autouse=True)
async def configured(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await put_people(pipeline, mia={}, tom={"role": "agent", "language": "de"})


async def put_alert(pipeline: Pipeline, **changes: Any) -> None:
    """A rule that opens no case."""
    fields = {"name": "Unhappy customers", "on": "scored", "condition": "response.score <= 6.0"}
    await pipeline.store.configuration.follow_ups.put("tell", FollowUpContent.model_validate(fields | changes))


async def alerts(pipeline: Pipeline) -> list[Delivery]:
    return [row for row in reversed(await pipeline.deliveries()) if row.kind is DeliveryKind.ALERT]


def to(pipeline: Pipeline, name: str) -> list[Letter]:
    return [letter for letter in pipeline.letters() if letter.to == f"{name}@acme.example"]


async def tell_again(pipeline: Pipeline) -> None:
    """The news of every response once more, as after a crash."""
    for response in await pipeline.responses():
        for kind in (NewsType.RESPONSE_SCORED, NewsType.RESPONSE_FINISHED):
            change = outbox_change(news_of(response.id, kind, response.started_at))
            await pipeline.store.database["responses"].update_one({"_id": response.id}, change)
    await pipeline.run()


async def test_people_and_the_owner_of_the_case_hear_of_a_low_score_at_once(pipeline: Pipeline) -> None:
    await put_rule(pipeline, alert={"people": ("tom", "tom", "gone")})
    case = await unhappy(pipeline)
    assert case.owner == "mia"
    (hers,), (his,) = to(pipeline, "mia"), to(pipeline, "tom")
    assert hers.subject == f"Unhappy customers: NPS 2 (0-10), {PLACE}"
    assert f"NPS 2 (0-10), {PLACE}\n“It was broken.”\nCase: {case.id}" in hers.text
    assert f"Fall: {case.id}" in his.text
    assert "ada@example.com" not in hers.text + hers.html
    assert f"{BASE_URL}/dashboard/customers/{case.customer}" in hers.links
    rows = await alerts(pipeline)
    assert {(row.person, row.case, row.customer, row.invitation) for row in rows} == {
        ("mia", case.id, None, None),
        ("tom", case.id, None, None),
    }


async def test_the_owner_is_left_alone_where_the_rule_says_so(pipeline: Pipeline) -> None:
    await put_rule(pipeline, alert={"people": ("tom",), "owner": False})
    await unhappy(pipeline)
    assert [row.person for row in await alerts(pipeline)] == ["tom"]


async def test_news_that_are_told_twice_are_heard_once(pipeline: Pipeline) -> None:
    await put_rule(pipeline, alert={"people": ("tom",)}, praise={"copy_to": ("tom",)})
    await unhappy(pipeline)
    before = await alerts(pipeline)
    await tell_again(pipeline)
    assert await alerts(pipeline) == before
    assert len(before) == 3


async def test_who_left_and_whom_nothing_reaches_is_not_written_to(pipeline: Pipeline) -> None:
    await put_people(pipeline, old={"active": False}, mute={"email": None})
    await put_alert(pipeline, alert={"people": ("old", "mute", "tom")})
    await answer(pipeline, await invite(pipeline), nps="2")
    assert [row.person for row in await alerts(pipeline)] == ["tom"]


async def test_an_opt_out_of_the_customer_cancels_no_alert(pipeline: Pipeline) -> None:
    hours = {"allow": {"mon-sun": ("00:00-00:01",)}}
    await put_people(pipeline, mia={"quiet_hours": hours})
    await put_rule(pipeline, alert={})
    case = await unhappy(pipeline)
    await pipeline.service.parts.opting_out.opt_out(OptOutSubject("acme", case.customer or ""))
    (row,) = await alerts(pipeline)
    assert row.state is not DeliveryState.CANCELLED


async def test_an_alert_by_text_message_keeps_the_comment_short(texting: Texting) -> None:
    pipeline = texting.pipeline
    await pipeline.configure()
    await put_people(pipeline, mia={"alerts_by": "sms", "phone": "+4915123456799"})
    await put_alert(pipeline, alert={"people": ("mia",)})
    await answer(pipeline, await invite(pipeline), nps="2", why="broken " * 200)
    (heard,) = texting.heard("+4915123456799")
    assert heard.startswith(f"Unhappy customers: NPS 2 (0-10), {PLACE}\n")
    assert len(heard) < 300


async def test_a_digest_leaves_once_on_the_morning_of_the_persons_zone(pipeline: Pipeline) -> None:
    await put_people(pipeline, mia={"timezone": "Europe/Berlin"})
    await put_alert(pipeline, **DIGEST)
    for number, customer in enumerate(("ada", "bob")):
        await answer(pipeline, await invite(pipeline, f"ord-{number}", customer), nps="2", why=f"reason {customer}")
    await tell_again(pipeline)
    assert await alerts(pipeline) == []
    now = pipeline.clock.now()
    morning = datetime.combine(now.astimezone(BERLIN).date(), datetime.min.time().replace(hour=8), BERLIN)
    while morning <= now:
        morning += timedelta(days=1)
    pipeline.pass_time(morning - now - timedelta(minutes=1))
    await pipeline.run()
    assert to(pipeline, "mia") == []
    pipeline.pass_time(timedelta(minutes=2))
    await pipeline.run()
    (letter,) = to(pipeline, "mia")
    assert letter.subject == "2 answers to look at"
    assert all(f"NPS 2 (0-10), {PLACE}\n“reason {name}”" in letter.text for name in ("ada", "bob"))
    await tell_again(pipeline)
    pipeline.pass_time(timedelta(days=2))
    await pipeline.run()
    assert len(await alerts(pipeline)) == 1


async def test_what_comes_after_the_morning_waits_for_the_next_one(pipeline: Pipeline) -> None:
    store = pipeline.store
    await put_people(pipeline, mia={"timezone": "UTC"})
    await put_alert(pipeline, **DIGEST)
    await answer(pipeline, await invite(pipeline), nps="2", why="first")
    pipeline.pass_time(timedelta(days=1))
    await pipeline.run()
    (document,) = [row async for row in store.database["digests"].find()]
    closed = Digest.from_document(document)
    late = closed.model_copy(update={"items": (DigestItem(id="late", text="late"),)})
    assert not await store.digests.add(late)
    assert await store.digests.add(closed.model_copy(update={"items": closed.items[:1]}))
    await answer(pipeline, await invite(pipeline, "ord-2", "bob"), nps="1", why="second")
    pipeline.pass_time(timedelta(days=1))
    await pipeline.run()
    first, second = to(pipeline, "mia")
    assert "first" in first.text
    assert "second" in second.text
    assert "first" not in second.text


async def test_a_full_digest_takes_no_more_and_says_so(pipeline: Pipeline) -> None:
    now = pipeline.clock.now()
    digest = Digest(id=digest_id("mia", "acme", now), person="mia", brand="acme", items=(), due_at=now, created_at=now)
    for number in range(MAX_ITEMS + 2):
        item = DigestItem(id=f"item-{number}", text=f"answer {number}.")
        assert await pipeline.store.digests.add(digest.model_copy(update={"items": (item,)}))
    await pipeline.run()
    (letter,) = to(pipeline, "mia")
    assert f"answer {MAX_ITEMS - 1}." in letter.text
    assert f"answer {MAX_ITEMS}." not in letter.text
    assert "There are more" in letter.text


PRAISE = {"name": "Praise", "on": "finished", "condition": "response.score >= 9.0", "alert": None}


async def test_praise_goes_to_whom_the_event_names_with_copies_and_without_addresses(pipeline: Pipeline) -> None:
    await put_alert(pipeline, **PRAISE, praise={"copy_to": ("mia",)})
    token = await invite(pipeline, agent="tom")
    await answer(pipeline, token, nps="10", why="So kind! Call me: +49 151 23456789 or ada@example.com")
    (his,), (copy,) = to(pipeline, "tom"), to(pipeline, "mia")
    assert his.subject == "Ein Lob von einer Kundin oder einem Kunden"
    assert "Jemand war mit Ihnen sehr zufrieden" in his.text
    assert "“So kind! Call me: […] or […]”\n\nNPS 10 (0-10), berlin-mitte" in copy.text
    assert "A customer was happy with Tom and wrote:" in copy.text
    assert "ada@example.com" not in his.text + his.html + copy.text + copy.html


async def test_praise_goes_to_the_one_whom_the_comment_names(pipeline: Pipeline) -> None:
    await put_alert(pipeline, **PRAISE, praise={})
    await answer(pipeline, await invite(pipeline), nps="9", why="Thanks to MIA, it was a pleasure.")
    assert len(to(pipeline, "mia")) == 1
    assert to(pipeline, "tom") == []


async def test_praise_of_nobody_is_left_to_those_who_get_copies(pipeline: Pipeline) -> None:
    await put_alert(pipeline, **PRAISE, praise={"copy_to": ("mia",)})
    await answer(pipeline, await invite(pipeline), nps="9", why="It was a pleasure.")
    (letter,) = to(pipeline, "mia")
    assert "Please pass it on" in letter.text


async def test_without_a_comment_there_is_nothing_to_hand_on(pipeline: Pipeline) -> None:
    await put_alert(pipeline, **PRAISE, praise={"copy_to": ("mia",)})
    await answer(pipeline, await invite(pipeline, agent="tom"), nps="10")
    assert await alerts(pipeline) == []
