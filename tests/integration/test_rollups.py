"""Rollups equal a straight count of the stored answers, whatever happened to those, and whoever died in between."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pymongo
import pytest

from survey_service.models.response import ResponseStatus
from survey_service.models.rollup import CUBES, PAIRS, SINGLE_DIMENSIONS, RollupSlice, Span
from survey_service.models.touchpoint import TouchpointContent
from survey_service.reporting.rollups import tally
from survey_service.store.rollups import LostSlice, Rollups, recount_mark
from survey_service.store.store import Store
from survey_service.store.suspects import set_suspect
from tests.support.figures import START, Cell, answered, count_answers, load, stored_cells
from tests.support.pipeline import Pipeline, an_event
from tests.support.service import LEASE, open_store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SURVEYS = ("after-delivery", "after-call")


async def straight_count(store: Store, span: Span) -> Counter[Cell]:
    """The same cells by reading one response after the other; shares no code with what is tested."""
    cells: Counter[Cell] = Counter()
    async for row in store.database["responses"].find():
        at: datetime = row["started_at"].replace(minute=0, second=0, microsecond=0)
        start = at if span is Span.HOUR else at.replace(hour=0)
        values: list[tuple[str, str, str, int]] = []
        if row["suspect"] is not None:
            values.append(("", "volume", "", 2))
        else:
            values.append(("", "volume", "", 1 if row["status"] == "finished" else 0))
            for name, measure in row["measures"].items():
                values.append((name, measure["metric"], measure["scale"], row["scores"][name]))
        known: dict[str, list[Any]] = {name: [row[name]] for name in SINGLE_DIMENSIONS}
        known["topic"] = row["topics"] or [None]
        known |= {f"dimensions.{name}": [value] for name, value in row["dimensions"].items()}
        cubes = [(), *((name,) for name in known), *(pair for pair in PAIRS if set(pair) <= known.keys())]
        for question, metric, scale, value in values:
            for cube in cubes:
                for a in known[cube[0]] if cube else [None]:
                    for b in known[cube[1]] if len(cube) > 1 else [None]:
                        cells[row["survey"], start, "+".join(cube), question, metric, scale, a, b, value] += 1
    return cells


async def assert_equal_to_a_straight_count(store: Store) -> None:
    for span in Span:
        assert await stored_cells(store, span) == await straight_count(store, span)
    assert await store.rollups.waiting() == 0
    assert await store.database["rollup_slices"].count_documents({}) == 0


class Life:
    """Random things that happen to answers, through the service's own writes."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._chance = random.Random(seed)  # noqa: S311 -- the same chances in each run
        self._known: list[str] = []

    async def step(self) -> None:
        happens = [self.first_answer] * 4 + [self.later_answer] * 3 + [self.suspect, self.unsuspect, self.erase]
        happens += [self.read] * 3
        await self._chance.choice(happens)()

    async def first_answer(self) -> None:
        """Also a late one: hours and days are in no order."""
        chance, number = self._chance, len(self._known)
        response = answered(
            number,
            START + timedelta(minutes=chance.randrange(3 * 24 * 60)),
            {"nps": chance.randrange(11)} if chance.random() < 0.8 else {"solved": chance.randrange(2)},
            status=ResponseStatus.PARTIAL,
            finished_by=None,
            survey=chance.choice(SURVEYS),
            touchpoint=chance.choice(["berlin", "hamburg", None]),
            channel=chance.choice(["email", "sms"]),
            variant=chance.choice(["short", None]),
            region=chance.choice(["north", "south", None]),
            language=chance.choice(["de", "en"]),
            suspect=chance.choice([None, None, None, "too_fast"]),
            dimensions=chance.choice([{}, {"agent": "a-1"}, {"agent": "a-2", "tier": "gold"}]),
        )
        assert await self._store.responses.save(response)
        self._known.append(response.id)

    async def later_answer(self) -> None:
        """Another page: one more score, another language, perhaps the last page."""
        if not self._known:
            return
        before = await self._store.responses.get(self._chance.choice(self._known))
        assert before is not None
        more = answered(0, scores={"csat": self._chance.randint(1, 5)})
        ends = self._chance.random() < 0.5
        after = before.model_copy(
            update={
                "revision": before.revision + 1,
                "scores": before.scores | more.scores,
                "measures": before.measures | more.measures,
                "language": self._chance.choice(["de", "en"]),
                "status": ResponseStatus.FINISHED if ends else ResponseStatus.PARTIAL,
            }
        )
        await self._store.responses.save(after)

    async def read(self) -> None:
        """What somebody said turns out to be about something, or about something else than before."""
        if self._known:
            topics = sorted(self._chance.sample(["app", "price", "staff", "waiting"], self._chance.randrange(4)))
            change = {"$set": {"topics": topics} | recount_mark()}
            await self._store.database["responses"].update_one({"_id": self._chance.choice(self._known)}, change)

    async def suspect(self) -> None:
        if self._known:
            await set_suspect(self._store.database, self._chance.choice(self._known), "a test of ours")

    async def unsuspect(self) -> None:
        if self._known:
            await set_suspect(self._store.database, self._chance.choice(self._known), None)

    async def erase(self) -> None:
        """The person goes and the score stays; then what they said in single dimensions goes too."""
        if self._known:
            gone = {"customer": None, "customer_ref": None, "comment": None, "answers": {}, "dimensions": {}}
            change = {"$set": gone | recount_mark()}
            await self._store.database["responses"].update_one({"_id": self._chance.choice(self._known)}, change)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_the_rollups_equal_a_straight_count(store: Store, seed: int) -> None:
    life, chance = Life(store, seed), random.Random(seed)  # noqa: S311 -- the same chances in each run
    for _ in range(4):
        for _ in range(20):
            await life.step()
            if chance.random() < 0.1:
                await count_answers(store)
        await count_answers(store)
        await assert_equal_to_a_straight_count(store)


async def test_workers_that_count_while_four_writers_write_lose_nothing(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    other = await open_store(mongodb_uri, database_name)
    writing = True

    async def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 -- the same chances in each run
        for number in range(40):
            response = answered(seed * 100 + number, START + chance.randrange(3) * HOUR, {"nps": chance.randrange(11)})
            assert await store.responses.save(response)
            if chance.random() < 0.3:
                await set_suspect(store.database, response.id, "burst")

    async def work(of: Store) -> None:
        while writing:
            await count_answers(of)
            await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work(of)) for of in (store, other)]
    await asyncio.gather(*(write(seed) for seed in range(4)))
    writing = False
    await asyncio.gather(*workers)
    await count_answers(store)
    await assert_equal_to_a_straight_count(store)
    other.close()


async def claimed(store: Store) -> RollupSlice:
    claim = await store.rollups.claim(1)
    assert claim is not None
    return claim.rows[0]


async def test_a_worker_that_lost_its_slice_writes_nothing(store: Store) -> None:
    await load(store, [answered(1)])
    stalled = await claimed(store)
    # Its lease ran out, and another worker counts.
    await store.database["rollup_slices"].update_one({}, {"$set": {"due_at": START}})
    await count_answers(store)
    await load(store, [answered(2)])
    await count_answers(store)
    with pytest.raises(LostSlice):
        await store.rollups.recount(stalled, tally)
    await assert_equal_to_a_straight_count(store)


async def test_a_worker_that_dies_after_counting_leaves_what_is_counted_again(store: Store) -> None:
    await load(store, [answered(1)])
    await count_answers(store)
    # As if the marks had not been taken away.
    await store.database["responses"].update_many({}, {"$set": recount_mark()})
    assert await count_answers(store) == 1
    await assert_equal_to_a_straight_count(store)


async def test_a_worker_that_dies_while_counting_gives_way_to_the_next(store: Store) -> None:
    await load(store, [answered(1)])
    await claimed(store)
    await load(store, [answered(2, START + HOUR)])
    # The slice is held, so nothing can be counted yet.
    assert await count_answers(store) == 0
    await store.database["rollup_slices"].update_one({}, {"$set": {"due_at": START}})
    await count_answers(store)
    await assert_equal_to_a_straight_count(store)


async def test_an_answer_that_changes_while_it_is_counted_is_counted_again(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    response = answered(1)
    await load(store, [response])
    row = await claimed(store)

    def tally_while_somebody_writes(facts: Any) -> Any:
        with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
            change = {"$set": {"scores.nps": 3, **recount_mark()}}
            client[database_name]["responses"].update_one({"_id": response.id}, change)
        return tally(facts)

    await store.rollups.recount(row, tally_while_somebody_writes)
    assert await stored_cells(store, Span.HOUR) != await straight_count(store, Span.HOUR)
    await count_answers(store)
    await assert_equal_to_a_straight_count(store)


async def test_counting_twice_counts_once(store: Store) -> None:
    await load(store, [answered(number, START + number * HOUR) for number in range(30)])
    await count_answers(store)
    before = await stored_cells(store, Span.HOUR)
    assert await count_answers(store) == 0
    await store.rollups.mark_all()
    await count_answers(store)
    assert await stored_cells(store, Span.HOUR) == before


async def test_other_cubes_count_everything_anew(store: Store) -> None:
    await store.database["responses"].insert_one(answered(1).to_document())  # by a service that had no rollups
    assert await count_answers(store) == 1
    await assert_equal_to_a_straight_count(store)


async def test_a_response_keeps_the_region_and_stage_that_its_touchpoint_had(store: Store) -> None:
    touchpoints = store.configuration.touchpoints
    await touchpoints.put("berlin", TouchpointContent(name="Berlin", region="north", journey_stage="shop"))
    first = answered(1, touchpoint="berlin", status=ResponseStatus.PARTIAL)
    await store.responses.save(first)
    await touchpoints.put("berlin", TouchpointContent(name="Berlin", region="east", journey_stage="shop"))
    await store.responses.save(first.model_copy(update={"revision": 2}))
    await store.responses.save(answered(2, touchpoint="berlin"))
    await store.responses.save(answered(3, touchpoint="unregistered"))
    await count_answers(store)
    cells = await stored_cells(store, Span.DAY)
    regions = {cell[6]: count for cell, count in cells.items() if cell[2] == "region" and cell[4] == "nps"}
    assert regions == {"north": 1, "east": 1, None: 1}
    stages = {cell[6]: count for cell, count in cells.items() if cell[2] == "journey_stage" and cell[4] == "nps"}
    assert stages == {"shop": 2, None: 1}


async def test_the_stage_counts_what_customers_answer(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    recording = pipeline.service.parts.recording
    await recording.submit_token(await pipeline.token(), {"nps": "9"})
    await pipeline.run()
    await assert_equal_to_a_straight_count(pipeline.store)
    cells = await stored_cells(pipeline.store, Span.DAY)
    assert {(cell[4], cell[8]) for cell in cells} == {("nps", 9), ("volume", 1)}


async def test_a_worker_leaves_counting_to_a_newer_version_and_another_that_starts_takes_it_over(store: Store) -> None:
    await load(store, [answered(1)])
    row = await claimed(store)
    config = store.database["config"]
    await config.update_one({"_id": "rollups"}, {"$inc": {"n": 1}})
    with pytest.raises(LostSlice):
        await store.rollups.recount(row, tally)
    assert await store.rollups.claim(10) is None
    assert await store.database["rollups"].count_documents({}) == 0
    assert await store.rollups.waiting() == 1
    # As after a roll-back: what the other version counted is counted anew.
    await Rollups(store.database, LEASE).claim(10)
    assert await config.find_one({"_id": "rollups"}) == {"_id": "rollups", "n": CUBES, "marked": True}
    await store.database["rollup_slices"].update_many({}, {"$set": {"lease": None}})
    await count_answers(store)
    await assert_equal_to_a_straight_count(store)


async def test_marks_that_a_dead_worker_did_not_set_are_set_by_the_next_and_rows_named_by_what_they_measure(
    store: Store,
) -> None:
    rows = [answered(1), answered(2, measures={}, scores={}, score=None)]
    await load(store, rows)
    await count_answers(store)
    await store.database["config"].update_one({"_id": "rollups"}, {"$set": {"marked": False}})
    await store.database["responses"].update_many({}, {"$unset": {"measured": ""}})
    assert await claimed(store)
    found = {row["_id"]: row["measured"] async for row in store.database["responses"].find()}
    assert found == {row.id: row.to_document()["measured"] for row in rows}


async def test_a_fault_on_the_way_leaves_everything_to_be_counted(store: Store) -> None:
    await load(store, [answered(1)])
    row = await claimed(store)

    def fail(facts: Any) -> Any:
        raise RuntimeError("the worker dies")

    with pytest.raises(RuntimeError):
        await store.rollups.recount(row, fail)
    assert await store.database["rollups"].count_documents({}) == 0
    assert await store.rollups.waiting() == 1
    assert row.due_at is not None
    assert row.due_at <= store.clock.now() + LEASE
