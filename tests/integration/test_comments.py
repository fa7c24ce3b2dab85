"""The reading stage: each comment is read once it changes or the topics do, whoever dies, and erased ones never."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from survey_service.models.response import Response, ResponseStatus
from survey_service.models.rollup import Span
from survey_service.models.survey import SurveyContent
from survey_service.models.topic import READING
from survey_service.reporting.comments import ReadComments
from survey_service.store import comments
from survey_service.store.claims import Claim
from survey_service.store.comments import Found
from survey_service.store.forgetting import KINDS, Forgetting
from survey_service.store.store import Store
from tests.support.comments import STAFF, WAITING, put_topics, read_comments
from tests.support.figures import START, answered, count_answers, load, stored_cells
from tests.support.hostile import HOSTILE, LONG
from tests.support.pipeline import Pipeline, an_event
from tests.support.service import open_store

QUEUE = "We waited in an endless queue, and nobody told us why."
CREW = "The crew was friendly and helpful all the way home."


def said(number: int, comment: str | None = QUEUE, **changes: Any) -> Response:
    return answered(number, comment=comment, status=ResponseStatus.PARTIAL, language="en", **changes)


async def stored(store: Store, number: int) -> dict[str, Any]:
    found = await store.database["responses"].find_one({"_id": said(number).id})
    assert found is not None
    return found


async def topics_of(store: Store, number: int) -> tuple[str | None, list[str]]:
    row = await stored(store, number)
    return row["comment_language"], row["topics"]


async def claimed(store: Store, limit: int = 10) -> Claim[Response]:
    while (claim := await store.comments.claim(limit)) is None:
        pass
    return claim


@pytest.fixture(autouse=True)
async def topics(store: Store) -> None:
    await put_topics(store)
    await read_comments(store)


async def test_a_comment_is_read_and_readers_of_changes_and_rollups_hear_of_it(store: Store) -> None:
    await store.responses.save(said(1))
    await store.responses.save(said(2, None))
    await count_answers(store)
    before = await stored(store, 1)
    assert await read_comments(store) == 1
    after = await stored(store, 1)
    assert (after["comment_language"], after["topics"]) == ("en", [WAITING])
    assert after["updated_at"] > before["updated_at"]
    assert "uncounted" in after
    await count_answers(store)
    cells = await stored_cells(store, Span.DAY)
    assert {cell[6]: n for cell, n in cells.items() if cell[2] == "topic" and cell[4] == "nps"} == {WAITING: 1, None: 1}


async def test_reading_again_what_says_the_same_changes_nothing(store: Store) -> None:
    await store.responses.save(said(1))
    await read_comments(store)
    await count_answers(store)
    before = await stored(store, 1)
    await store.responses.save(said(1, revision=2))
    saved = await stored(store, 1)
    assert (saved["topics"], saved["comment_language"]) == ([WAITING], "en")
    await count_answers(store)
    assert await read_comments(store) == 1
    assert (await stored(store, 1))["updated_at"] == saved["updated_at"] >= before["updated_at"]
    assert "uncounted" not in await stored(store, 1)


async def test_a_comment_that_changes_is_read_again_and_one_that_goes_is_about_nothing(store: Store) -> None:
    await store.responses.save(said(1))
    await read_comments(store)
    await store.responses.save(said(1, CREW, revision=2))
    await read_comments(store)
    assert await topics_of(store, 1) == ("en", [STAFF])
    await store.responses.save(said(1, None, revision=3))
    assert await topics_of(store, 1) == (None, [])
    assert await read_comments(store) == 0


async def test_what_was_read_before_a_change_is_not_written_after_it(store: Store) -> None:
    await store.responses.save(said(1))
    claim = await claimed(store)
    await store.responses.save(said(1, CREW, revision=2))
    await store.comments.settle(claim, {said(1).id: Found("en", (WAITING,))})
    assert await topics_of(store, 1) == (None, [])
    await read_comments(store)
    assert await topics_of(store, 1) == ("en", [STAFF])


async def test_a_worker_that_dies_while_reading_gives_way_to_the_next(store: Store) -> None:
    await store.responses.save(said(1))
    await claimed(store)
    assert await store.comments.claim(10) is None
    await store.database["responses"].update_one({}, {"$set": {"reading.due_at": START}})
    await read_comments(store)
    assert await topics_of(store, 1) == ("en", [WAITING])


async def test_a_comment_that_workers_die_of_is_put_aside(store: Store) -> None:
    await store.responses.save(said(1))
    await store.database["responses"].update_one({}, {"$set": {"reading.deaths": 5}})
    await read_comments(store)
    assert await topics_of(store, 1) == ("en", [])
    assert await store.comments.waiting() == 0


async def test_other_topics_have_every_comment_read_again_in_steps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "_A_STEP", 7)
    await load(store, [said(number, QUEUE if number % 2 else CREW) for number in range(40)])
    await put_topics(store, {"home": {"en": ["home"]}, "told": {"en": ["told us"]}, WAITING: {"en": ["endless queue"]}})
    while await store.comments.waiting() < 40:
        await store.comments._follow_topics()  # a step at a time, without reading
    assert await read_comments(store, batch=9) == 40
    assert await topics_of(store, 1) == ("en", ["told", WAITING])
    assert await topics_of(store, 2) == ("en", ["home", STAFF])
    assert await read_comments(store) == 0
    await store.configuration.topics.delete("home")
    await read_comments(store)
    assert await topics_of(store, 2) == ("en", [STAFF])


async def test_two_workers_that_mark_and_read_while_topics_change_end_with_the_last_ones(
    store: Store, mongodb_uri: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "_A_STEP", 5)
    other = await open_store(mongodb_uri, database_name)
    await load(store, [said(number) for number in range(30)])
    changing = True

    async def work(of: Store) -> None:
        while changing:
            await read_comments(of, batch=4)
            await asyncio.sleep(0.005)

    workers = [asyncio.create_task(work(of)) for of in (store, other)]
    for words in (["queue"], ["why"], ["nothing"], ["nobody"]):
        await put_topics(store, {WAITING: {"en": words}, f"topic-{words[0]}": {"en": ["endless"]}})
        await asyncio.sleep(0.02)
    changing = False
    await asyncio.gather(*workers)
    await read_comments(store)
    other.close()
    wanted = sorted([WAITING, *(f"topic-{word}" for word in ("queue", "why", "nothing", "nobody"))])
    async for row in store.database["responses"].find():
        assert row["topics"] == wanted


async def test_a_process_that_lags_behind_does_not_lead_the_others_back(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    late = await open_store(mongodb_uri, database_name)
    snapshot = await late.configuration.current()
    await put_topics(store, {WAITING: {"en": ["other"]}})
    await read_comments(store)
    state = await store.database["config"].find_one({"_id": "taxonomy"})

    async def stale(max_age: float = 0.0) -> Any:
        return snapshot

    late.configuration.current = stale  # type: ignore[method-assign]
    assert await late.comments.claim(10) is None
    assert await store.database["config"].find_one({"_id": "taxonomy"}) == state
    late.close()


async def test_another_way_of_reading_starts_over_and_an_older_process_leaves_it_to_the_newer_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def upgrade(way: int) -> int:
        """Let this be a process that reads in that way; returns how many comments it reads."""
        monkeypatch.setattr("survey_service.models.topic.READING", way)
        monkeypatch.setattr("survey_service.store.comments.READING", way)
        return await read_comments(store)

    await load(store, [said(1), said(2)])
    await store.database["responses"].update_many({}, {"$set": comments.reading_mark(QUEUE, START)})
    assert await upgrade(READING) == 2
    assert await upgrade(READING + 1) == 2
    await store.responses.save(said(3))
    state = await store.database["config"].find_one({"_id": "taxonomy"})
    assert await upgrade(READING) == 0
    assert await store.database["config"].find_one({"_id": "taxonomy"}) == state
    assert await upgrade(READING + 1) == 1
    # Without the newer ones, a change of topics is enough to go on.
    await put_topics(store, {WAITING: {"en": ["other"]}})
    assert await upgrade(READING) == 3
    assert await upgrade(READING + 1) == 3


async def test_a_state_of_before_ways_were_kept_is_that_of_the_first_way(store: Store) -> None:
    await store.responses.save(said(1))
    await read_comments(store)
    older = {"$set": {"by": "of the first way"}, "$unset": {"reading": ""}}
    await store.database["config"].update_one({"_id": "taxonomy"}, older)
    assert await read_comments(store) == 1
    assert await read_comments(store) == 0


async def test_the_answers_to_all_questions_that_take_words_are_read(store: Store) -> None:
    text = {"en": "?"}
    kinds = {"nps": "nps", "why": "text", "seen": "choice", "fix": "line"}
    questions: list[dict[str, Any]] = [{"id": name, "kind": kind, "text": text} for name, kind in kinds.items()]
    questions[2]["options"] = [{"id": "crew", "text": text}, {"id": "gate", "text": text}]
    content = {"name": "A survey", "brand": "acme", "primary": "nps", "questions": questions}
    row, _ = await store.configuration.surveys.put("words", SurveyContent.model_validate(content))
    answers = {"nps": 3, "why": "We waited far too", "seen": "crew", "fix": "long, and the lady was nice"}
    await put_topics(store, {"late": {"en": ["too long"]}, "praise": {"en": ["was nice"]}})
    await store.responses.save(said(1, answers["why"], survey="words", survey_version=row.version, answers=answers))
    await read_comments(store)
    assert await topics_of(store, 1) == ("en", ["praise", WAITING])
    assert (await stored(store, 1))["comment"] == "We waited far too"


async def test_nothing_of_an_erased_comment_stays_but_its_statistics(store: Store) -> None:
    await store.responses.save(said(1, customer="cus_1"))
    await store.responses.save(said(2, CREW, customer="cus_1"))
    await read_comments(store)
    await store.responses.save(said(2, CREW, customer="cus_1", revision=2))
    claim = await claimed(store)
    forgetting = Forgetting(store.database, store.configuration)
    assert await forgetting.forget_rows(KINDS["responses"], {"customer": "cus_1"}) == 2
    await ReadComments(store.comments, store.configuration)(claim)
    for number, topic in ((1, WAITING), (2, STAFF)):
        row = await stored(store, number)
        assert (row["comment"], row["comment_language"], row["reading"], row["topics"]) == (None, None, None, [topic])
    await put_topics(store, {WAITING: {"en": ["other"]}})
    assert await read_comments(store) == 0
    await count_answers(store)
    cells = await stored_cells(store, Span.DAY)
    assert {cell[6] for cell in cells if cell[2] == "topic" and cell[4] == "nps"} == {WAITING, STAFF}


async def test_hostile_comments_are_read_like_any_other(store: Store) -> None:
    texts = [*HOSTILE.values(), *LONG.values()]
    await load(store, [said(number, f"staff {text}") for number, text in enumerate(texts)])
    await store.database["responses"].update_many({}, {"$set": comments.reading_mark("x", START)})
    assert await read_comments(store) == len(texts)
    async for row in store.database["responses"].find():
        assert row["comment_language"].isalpha()
        assert row["topics"] in ([STAFF], [])  # in another language the word is none
    assert (await stored(store, list(HOSTILE).index("nul")))["topics"] == [STAFF]


async def test_the_worker_reads_what_customers_write(pipeline: Pipeline) -> None:
    await put_topics(pipeline.store)
    await pipeline.configure()
    await pipeline.handle(an_event())
    recording = pipeline.service.parts.recording
    await recording.submit_token(await pipeline.token(), {"nps": "3", "why": QUEUE})
    await pipeline.run()
    (row,) = await pipeline.store.database["responses"].find().to_list(None)
    assert (row["comment_language"], row["topics"]) == ("en", [WAITING])
    cells = await stored_cells(pipeline.store, Span.DAY)
    assert {cell[6] for cell in cells if cell[2] == "topic"} == {WAITING}
