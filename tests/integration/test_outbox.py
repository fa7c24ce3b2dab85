"""Outboxes: what a document has to tell is told by whoever claims it, and then gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from survey_service.answering.recording import Recording
from survey_service.followup.telling import Tell, Told
from survey_service.models.outbox import NewsType, Outbox
from survey_service.models.response import Response
from survey_service.store.outbox import Outboxes
from tests.support.pipeline import Pipeline, an_event


@pytest.fixture
async def token(pipeline: Pipeline) -> str:
    """Of an invitation that has left."""
    await pipeline.configure()
    await pipeline.handle(an_event())
    return await pipeline.token()


@pytest.fixture
def recording(pipeline: Pipeline) -> Recording:
    return pipeline.service.parts.recording


@pytest.fixture
def outboxes(pipeline: Pipeline) -> Outboxes[Response]:
    return pipeline.store.responses.outbox


async def outbox(pipeline: Pipeline) -> Outbox:
    (response,) = await pipeline.responses()
    return response.outbox


async def test_an_answer_and_what_it_has_to_tell_are_one_write(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    await recording.submit_token(token, {"nps": "3"})
    assert [news.type for news in (await outbox(pipeline)).entries] == [NewsType.RESPONSE_SCORED]
    await recording.submit_token(token, {"fix": "speed"})
    entries = (await outbox(pipeline)).entries
    assert [news.type for news in entries] == [NewsType.RESPONSE_SCORED, NewsType.RESPONSE_FINISHED]
    assert len({news.id for news in entries}) == 2


async def test_one_page_that_ends_it_tells_both_at_once(pipeline: Pipeline, recording: Recording, token: str) -> None:
    await recording.submit_token(token, {"nps": "9"})
    told = [news.type for news in (await outbox(pipeline)).entries]
    assert told == [NewsType.RESPONSE_SCORED, NewsType.RESPONSE_FINISHED]


async def test_what_was_told_is_gone_and_nothing_is_due(pipeline: Pipeline, recording: Recording, token: str) -> None:
    await recording.submit_token(token, {"nps": "9"})
    await pipeline.run()
    told = await outbox(pipeline)
    assert (told.entries, told.due_at, told.lease) == ((), None, None)


async def test_news_that_come_while_others_are_told_are_told_next(
    pipeline: Pipeline, recording: Recording, outboxes: Outboxes[Response], token: str
) -> None:
    await recording.submit_token(token, {"nps": "3"})
    claim = await outboxes.claims.claim(10)
    assert claim is not None
    (row,) = claim.rows
    await recording.submit_token(token, {"fix": "speed"})
    for _ in range(2):
        await outboxes.settle({row.id: [news.id for news in row.outbox.entries]})
    left = await outbox(pipeline)
    assert [news.type for news in left.entries] == [NewsType.RESPONSE_FINISHED]
    assert (left.lease, left.due_at is not None) == (None, True)


async def test_a_worker_that_died_while_telling_leaves_everything_to_the_next(
    pipeline: Pipeline, recording: Recording, outboxes: Outboxes[Response], token: str
) -> None:
    await recording.submit_token(token, {"nps": "9"})
    assert await outboxes.claims.claim(10) is not None
    assert await outboxes.claims.claim(10) is None
    pipeline.pass_time(timedelta(minutes=10))
    orphaned = await outboxes.claims.claim(10)
    assert orphaned is not None
    assert (orphaned.is_orphan, orphaned.rows[0].outbox.deaths, len(orphaned.rows[0].outbox.entries)) == (True, 1, 2)


async def test_a_listener_that_fails_keeps_no_other_from_hearing(
    recording: Recording, outboxes: Outboxes[Response], pipeline: Pipeline, token: str
) -> None:
    heard: list[NewsType] = []

    async def fail(told: object) -> None:
        raise KeyError("poison")

    async def hear(told: Sequence[Told[Response]]) -> None:
        heard.extend(one.news.type for one in told)

    await recording.submit_token(token, {"nps": "3"})
    claim = await outboxes.claims.claim(10)
    assert claim is not None
    with pytest.raises(ExceptionGroup, match="listeners failed"):
        await Tell(outboxes, (fail, hear))(claim)
    assert heard == [NewsType.RESPONSE_SCORED]
    assert [news.type for news in (await outbox(pipeline)).entries] == heard


async def test_telling_and_working_on_a_document_do_not_meet(
    pipeline: Pipeline, recording: Recording, outboxes: Outboxes[Response], token: str
) -> None:
    await recording.submit_token(token, {"nps": "3"})
    assert await outboxes.claims.claim(10) is not None
    pipeline.pass_time(timedelta(days=1))
    claim = await pipeline.store.responses.claims.claim(10)
    assert claim is not None
    assert not claim.is_orphan
