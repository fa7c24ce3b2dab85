"""Giving an anonymous answer: two tabs, twice, late, offline, on a public link, dying half way, and by mail."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.failpoints import failing
from tests.support.helpdesk import COLLEAGUES, DAY, PROMISE, SURVEY, TEAM, Helpdesk, says


async def test_one_of_two_tabs_answers_and_the_other_finds_it_answered(helpdesk: Helpdesk) -> None:
    (path,) = await helpdesk.ask("ada")
    one, other = await helpdesk.open(path), await helpdesk.open(path)
    assert one.fields["_sheet"] != other.fields["_sheet"]
    replies = await asyncio.gather(helpdesk.send(one, easy="6"), helpdesk.send(other, easy="1"))
    assert sorted(["already" in await reply.text() for reply in replies]) == [False, True]
    assert len((await helpdesk.documents())["ballots"]) == 1


async def test_sending_twice_or_late_is_one_answer(helpdesk: Helpdesk) -> None:
    (path, *_) = await helpdesk.ask(*COLLEAGUES)
    page = await helpdesk.open(path)
    replies = await asyncio.gather(*(helpdesk.send(page, easy="6", _submission="7-7-7-7") for _ in range(5)))
    assert {reply.status for reply in replies} == {200}
    assert ["Thank you" in await reply.text() for reply in replies] == [True] * 5
    assert len((await helpdesk.documents())["ballots"]) == 1
    for name in COLLEAGUES[1:]:
        await helpdesk.answer(await helpdesk.path_of(name), easy="5")
    await helpdesk.count()
    # What a browser had kept without a network comes when the answer has left its box.
    assert (await helpdesk.send(page, easy="6", _submission="7-7-7-7")).status == 200
    assert (await helpdesk.documents())["ballots"] == []
    assert len(await helpdesk.pipeline.responses()) == 5


async def test_a_form_that_was_written_without_a_network_is_taken_when_it_is_sent_later(helpdesk: Helpdesk) -> None:
    (path,) = await helpdesk.ask("ada")
    page = await helpdesk.open(path)
    helpdesk.pipeline.pass_time(DAY * 2)
    await helpdesk.open(path)
    assert "Thank you" in await (await helpdesk.send(page, easy="6", _submission="1-2-3-4")).text()


async def test_the_same_tab_goes_on_and_whoever_opens_the_link_anew_has_answered(helpdesk: Helpdesk) -> None:
    (path,) = await helpdesk.ask("ada")
    second = await helpdesk.answer(path, easy="2")
    assert (second.questions, second.text.count(PROMISE)) == ({"fix"}, 1)
    anew = await helpdesk.open(path)
    assert (anew.questions, "already" in anew.text) == (set(), True)
    assert "Thank you" in await (await helpdesk.send(second, fix="the queue")).text()
    (ballot,) = (await helpdesk.documents())["ballots"]
    assert ballot["answers"] == {"easy": 2, "fix": "the queue"}


async def test_what_nothing_more_came_to_counts_as_it_is(helpdesk: Helpdesk) -> None:
    for path in await helpdesk.ask(*COLLEAGUES):
        await helpdesk.answer(path, easy="2")
    await helpdesk.count()
    assert (await helpdesk.read_as_the_recipe_does())[1] == []
    helpdesk.pipeline.pass_time(DAY * 2)
    await helpdesk.pipeline.run()
    rows = (await helpdesk.read_as_the_recipe_does())[1]
    assert [(row["status"], row["finished_by"]) for row in rows] == [("finished", "timeout")] * 5


async def test_a_form_without_our_sheet_comes_again_as_it_was_typed(helpdesk: Helpdesk) -> None:
    ada, bob = await helpdesk.ask("ada", "bob")
    theirs = (await helpdesk.open(bob)).fields["_sheet"]
    page = await helpdesk.open(ada)
    for sheet in ("", "x", theirs):
        reply = await helpdesk.client.post(page.action, data={"easy": "6", "why": "typed", "_sheet": sheet})
        assert reply.status == 422
        assert "please tap “Send” once more" in (text := await reply.text())
        assert "typed" in text
    assert (await helpdesk.documents())["ballots"] == []


@pytest.mark.parametrize(("collection", "command"), [("ballots", "insert"), ("invitations", "update")])
async def test_an_answer_that_dies_half_way_is_there_once_or_not_at_all(
    helpdesk: Helpdesk, collection: str, command: str, mongodb_uri: str, database_name: str
) -> None:
    (path,) = await helpdesk.ask("ada")
    page = await helpdesk.open(path)
    async with failing(mongodb_uri, f"{database_name}.{collection}", [command], {"times": 1}, errorCode=2):
        assert (await helpdesk.send(page, easy="6", _submission="1-2-3-4")).status >= 500
    documents = await helpdesk.documents()
    assert ([row["state"] for row in documents["invitations"]], documents["ballots"]) == (["sent"], [])
    reply = await helpdesk.send(page, easy="6", _submission="1-2-3-4")
    assert "Thank you" in await reply.text()
    documents = await helpdesk.documents()
    assert [row["state"] for row in documents["invitations"]] == ["finished"]
    assert len(documents["ballots"]) == 1


async def test_a_mail_that_answers_is_dropped_but_for_a_stop(helpdesk: Helpdesk) -> None:
    await helpdesk.ask("ada")
    (letter,) = helpdesk.pipeline.letters()
    for text, taken in (("7, the purple violin", "signed"), ("stop", "stored")):
        mail = (
            f"From: ada@acme.example\r\nTo: helpdesk@acme.example\r\nIn-Reply-To: {letter.message_id}\r\n\r\n{text}\r\n"
        )
        reply = await helpdesk.client.post(
            "/callbacks/email/inbound", data=mail.encode(), headers={"Content-Type": "message/rfc822"}
        )
        assert (await reply.json())["taken"] == taken
    await helpdesk.pipeline.run()
    documents = await helpdesk.documents()
    assert not says(documents, ("violin",))
    assert documents["responses"] + documents["ballots"] == []
    assert documents["suppressions"]


async def test_a_public_link_keeps_no_network_and_waits_for_others_too(helpdesk: Helpdesk) -> None:
    assert (await helpdesk.put("links/desk", {"survey": SURVEY, "touchpoint": TEAM})).ok
    await helpdesk.pipeline.store.configuration.current()  # pages look at it once a second
    for _ in range(5):
        await helpdesk.answer("/l/desk", easy="4", why="at the desk")
    assert [row["network"] for row in (await helpdesk.documents())["ballots"]] == [None] * 5
    await helpdesk.count()
    rows = await helpdesk.pipeline.responses()
    assert [(row.link, row.network, row.suspect) for row in rows] == [("desk", None, None)] * 5


async def test_a_preview_promises_and_stores_nothing(helpdesk: Helpdesk) -> None:
    shown = await (await helpdesk.client.get(f"/v1/surveys/{SURVEY}/preview?language=en")).json()
    (english,) = shown["previews"]
    page = await helpdesk.open("/preview/" + english["page"].rpartition("/")[2])
    assert PROMISE in page.text
    assert "Thank you" in await (await helpdesk.send(page, easy="6")).text()
    documents = await helpdesk.documents()
    assert documents["ballots"] + documents["responses"] == []
