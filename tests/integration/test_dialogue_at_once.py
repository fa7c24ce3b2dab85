"""Texts that come at once or out of order, and workers that die with them: nothing is lost, nothing said twice."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest
from pymongo.errors import OperationFailure

from survey_service.models.inbound import InboundResult, InboundState
from tests.support.failpoints import failing
from tests.support.texting import Texting, a_long_survey

LEASE_OVER = timedelta(minutes=2)


async def test_two_texts_at_once_are_read_in_their_order(texting: Texting) -> None:
    await texting.ask()
    await asyncio.gather(texting.receive("9"), texting.receive("so quick"))
    now = texting.pipeline.clock.now()
    await texting.store.database["inbound_texts"].update_one({"text": "9"}, {"$set": {"received_at": now - LEASE_OVER}})
    await texting.pipeline.run()
    assert (await texting.response()).answers == {"nps": 9, "why": "so quick"}


async def test_a_later_text_waits_until_an_earlier_one_is_read(texting: Texting) -> None:
    await texting.ask()
    await texting.receive("9")
    held = await texting.store.inbound.claims.claim(1)  # by another worker, which then dies
    assert held is not None
    texting.pipeline.pass_time(timedelta(milliseconds=5))
    await texting.receive("so quick")
    await texting.pipeline.run()
    assert await texting.pipeline.responses() == ()
    texting.pipeline.pass_time(timedelta(minutes=2))
    await texting.pipeline.run()
    assert (await texting.response()).answers == {"nps": 9, "why": "so quick"}


async def test_many_texts_by_two_workers_are_each_read_once(texting: Texting) -> None:
    await texting.ask()
    for text in ("9", "one", "two", "three"):
        texting.pipeline.pass_time(timedelta(milliseconds=5))
        await texting.receive(text)
    (dialogue,) = [loop for loop in texting.pipeline.service.worker.loops if loop.stage.name == "dialogue"]
    stage = dialogue.stage
    for _ in range(8):
        claims = [claim for claim in [await stage.claims.claim(1) for _ in range(4)] if claim]
        await asyncio.gather(*(stage.handle(claim) for claim in claims))
        texting.pipeline.pass_time(timedelta(seconds=2))
    await texting.pipeline.run()
    assert (await texting.response()).answers == {"nps": 9, "why": "one"}
    assert await texting.notes() == ["two", "three"]


async def test_a_page_and_a_text_at_once_leave_one_response_with_both(texting: Texting) -> None:
    await texting.ask()
    token = await texting.pipeline.token()
    await texting.receive("3")
    recording = texting.pipeline.service.parts.recording
    _, submission = await asyncio.gather(
        texting.pipeline.run(), recording.submit_token(token, {"nps": "9", "why": "ok"})
    )
    found = await texting.response()
    assert found.revision == 1 + (len(found.texts) if submission.taken else 0)
    assert found.score in {3, 9}
    (row,) = await texting.texts()
    assert row.state is InboundState.HANDLED


# Crashes: a write of the stage fails for good while a text is read, and later it is read again

_FAILED = 11601  # Interrupted: the driver does not try again by itself
_WRITES: list[tuple[str, str, int]] = [
    *(("inbound_texts", "update", skip) for skip in range(5)),
    ("responses", "insert", 0),
    ("responses", "update", 0),
    ("invitations", "update", 0),
    ("customers", "update", 0),
    ("deliveries", "insert", 0),
    ("suppressions", "insert", 0),
    ("suppressions", "delete", 0),
    ("suppressions", "delete", 1),
]
_TALK = ("what?", "9", "quick", "late word", "STOP", "START", "HELP")


@pytest.mark.parametrize(("collection", "command", "skip"), _WRITES)
async def test_a_worker_that_dies_at_a_write_costs_no_word_and_says_none_twice(
    texting: Texting, mongodb_uri: str, database_name: str, collection: str, command: str, skip: int
) -> None:
    await texting.ask()
    for text in _TALK:
        await texting.receive(text)
        namespace = f"{database_name}.{collection}"
        async with failing(mongodb_uri, namespace, [command], {"skip": skip}, errorCode=_FAILED):
            with contextlib.suppress(OperationFailure):
                await texting.pipeline.run()
        texting.pipeline.pass_time(LEASE_OVER)
        await texting.pipeline.run()
    assert [text.split(".")[0].split(":")[0] for text in texting.heard()[1:]] == [
        "Sorry, we did not understand that",
        "Why?",
        "Thank you",
        "Acme",
        "Acme asks how it went",
    ]
    found = await texting.response()
    assert (found.answers, len(found.texts)) == ({"nps": 9, "why": "quick"}, 2)
    assert await texting.notes() == ["late word"]
    assert {row.state for row in await texting.texts()} == {InboundState.HANDLED}
    assert await texting.suppressions() == set()


async def test_an_answer_that_the_provider_took_for_a_command_gets_its_reply_after_a_crash_too(
    texting: Texting, mongodb_uri: str, database_name: str
) -> None:
    solved = {"id": "solved", "kind": "csat", "scale": "yes-no", "text": {"en": "Solved?"}}
    await texting.configure(a_long_survey(questions=(solved,), primary="solved"))
    await texting.ask()
    await texting.receive("YES", opt_out_type="START")
    async with failing(mongodb_uri, f"{database_name}.deliveries", ["insert"], {"skip": 0}, errorCode=_FAILED):
        with contextlib.suppress(OperationFailure):
            await texting.pipeline.run()
    assert (await texting.response()).answers == {"solved": 1}
    texting.pipeline.pass_time(LEASE_OVER)
    await texting.pipeline.run()
    assert texting.heard()[1:] == ["Thank you. We are glad that it went well."]


async def test_a_text_that_every_worker_dies_with_is_put_aside(texting: Texting) -> None:
    await texting.ask()
    await texting.receive("9", deaths=5)
    await texting.pipeline.run()
    assert await texting.results() == [InboundResult.POISON]
    assert await texting.say("8") == ["Why?"]
