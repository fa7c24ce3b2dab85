"""Group commit: many callers share one bulk write, and each is told exactly what became of its own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import BulkWriteError, PyMongoError
from structlog.testing import capture_logs

from survey_service.errors import Overloaded, TooLarge, Unavailable
from survey_service.store import database, group_commit
from survey_service.store.database import Session
from survey_service.store.faults import as_service_error
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.store import Store
from tests.support.failpoints import NOT_PRIMARY, failing

THINGS = "things"
WRITE_CONCERN_FAILED = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}


@pytest.fixture
def database_name(new_database_name: str) -> str:
    """These tests make an index of their own."""
    return new_database_name


@pytest.fixture
def inserts(store: Store) -> GroupInsert:
    return GroupInsert(store.database[THINGS])


@pytest.fixture
def updates(store: Store) -> GroupUpdate:
    return GroupUpdate(store.database[THINGS])


async def ids(store: Store) -> set[str]:
    return {document["_id"] async for document in store.database[THINGS].find({}, {"_id": 1})}


async def put(store: Store, *names: str) -> None:
    await store.database[THINGS].insert_many([{"_id": name, "lease": "mine", "n": 0} for name in names])


def add_one(name: str, lease: str = "mine") -> FencedUpdate:
    return FencedUpdate({"_id": name, "lease": lease}, {"$inc": {"n": 1}})


async def test_500_callers_at_once_are_all_stored_and_told_so(store: Store, inserts: GroupInsert) -> None:
    results = await asyncio.gather(*(inserts.insert([{"_id": f"row-{number}"}]) for number in range(500)))
    assert results == [[Inserted.NEW]] * 500
    assert await ids(store) == {f"row-{number}" for number in range(500)}


async def test_of_many_callers_with_the_same_row_one_stored_it(store: Store, inserts: GroupInsert) -> None:
    results = await asyncio.gather(*(inserts.insert([{"_id": "same", "of": number}]) for number in range(200)))
    outcomes = [outcome for (outcome,) in results]
    assert outcomes.count(Inserted.NEW) == 1
    assert outcomes.count(Inserted.DUPLICATE) == 199
    stored = await store.database[THINGS].find_one({"_id": "same"})
    assert stored is not None
    assert stored["of"] == outcomes.index(Inserted.NEW)


async def test_duplicates_inside_one_call_are_told_in_order(store: Store, inserts: GroupInsert) -> None:
    await put(store, "old")
    documents = [{"_id": name} for name in ("a", "old", "a", "b", "b", "c")]
    assert await inserts.insert(documents) == [
        Inserted.NEW,
        Inserted.DUPLICATE,
        Inserted.DUPLICATE,
        Inserted.NEW,
        Inserted.DUPLICATE,
        Inserted.NEW,
    ]


async def test_a_call_larger_than_a_flush_is_stored_whole(inserts: GroupInsert, store: Store) -> None:
    results = await inserts.insert([{"_id": f"{number:05}"} for number in range(5_000)])
    assert results == [Inserted.NEW] * 5_000
    assert len(await ids(store)) == 5_000


async def test_a_document_that_is_too_large_is_refused_and_harms_no_neighbour(
    inserts: GroupInsert, store: Store
) -> None:
    too_large = inserts.insert([{"_id": "beside"}, {"_id": "large", "data": "x" * 17_000_000}])
    results = await asyncio.gather(
        inserts.insert([{"_id": "a"}]), too_large, inserts.insert([{"_id": "b"}]), return_exceptions=True
    )
    assert isinstance(results[1], TooLarge)
    assert [results[0], results[2]] == [[Inserted.NEW], [Inserted.NEW]]
    assert await ids(store) == {"a", "b"}


async def test_a_document_the_server_refuses_is_told_to_its_caller_alone(store: Store, inserts: GroupInsert) -> None:
    await store.database[THINGS].create_index("key", unique=True)
    rule = {"validator": {"n": {"$ne": 13}}}
    await store.database[THINGS].database.command({"collMod": THINGS, **rule})
    results = await asyncio.gather(
        inserts.insert([{"_id": "a", "key": 1, "n": 1}]),
        inserts.insert([{"_id": "b", "key": 2, "n": 13}]),
        inserts.insert([{"_id": "c", "key": 3, "n": 3}]),
        return_exceptions=True,
    )
    assert results[0] == results[2] == [Inserted.NEW]
    assert isinstance(results[1], BulkWriteError)
    assert await ids(store) == {"a", "c"}


async def test_a_queue_that_is_full_refuses_at_once_and_takes_again_when_it_is_empty(store: Store) -> None:
    inserts = GroupInsert(store.database[THINGS], max_waiting=10)
    waiting = [asyncio.create_task(inserts.insert([{"_id": f"row-{number}"}])) for number in range(10)]
    await asyncio.sleep(0)  # each has joined the queue, no flush has begun
    with pytest.raises(Overloaded) as refused:
        await inserts.insert([{"_id": "one too many"}])
    assert refused.value.retry_after == 1
    assert await asyncio.gather(*waiting) == [[Inserted.NEW]] * 10
    assert await inserts.insert([{"_id": "later"}]) == [Inserted.NEW]
    assert "one too many" not in await ids(store)


async def test_rows_whose_insert_took_long_carry_the_time_at_which_it_ended(
    mongodb_uri: str, database_name: str, store: Store, inserts: GroupInsert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_TIMELY", 0.1)
    long_ago = store.clock.now() - timedelta(days=1)
    old = {"_id": "old", "updated_at": long_ago}
    assert await inserts.insert([old]) == [Inserted.NEW]
    block = {"blockConnection": True, "blockTimeMS": 200}
    async with failing(mongodb_uri, f"{database_name}.{THINGS}", ["insert"], **block):
        slow = inserts.insert([{"_id": "new", "updated_at": long_ago}, old, {"_id": "untimed"}])
        assert await slow == [Inserted.NEW, Inserted.DUPLICATE, Inserted.NEW]
    stamps = {row["_id"]: row.get("updated_at") async for row in store.database[THINGS].find()}
    assert stamps["old"] == long_ago
    assert stamps["new"] > long_ago + timedelta(hours=23)
    assert stamps["untimed"] is None


async def test_a_transaction_that_took_long_is_begun_anew_with_new_stamps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_TIMELY", 0.1)
    await put(store, "row")
    tries: list[Session] = []

    async def work(session: Session) -> None:
        tries.append(session)
        await store.database[THINGS].update_one({"_id": "row"}, {"$inc": {"n": 1}}, session=session)
        if len(tries) == 1:
            await asyncio.sleep(0.2)

    await store.database.transaction(work)
    assert len(tries) == 2
    await store.database.transaction(work)
    row = await store.database[THINGS].find_one({"_id": "row"})
    assert row is not None
    assert row["n"] == 2


async def test_a_server_that_lets_transactions_live_long_is_warned_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_most, warnings in ((15.0, []), (1.0, ["database.long_transactions"])):
        monkeypatch.setattr(database, "_LONGEST_LIFETIME", at_most)
        with capture_logs() as logged:
            await store.database.prepare()
        assert [line["event"] for line in logged] == warnings


async def test_a_call_larger_than_the_queue_passes_while_nothing_waits(store: Store) -> None:
    inserts = GroupInsert(store.database[THINGS], max_waiting=10)
    assert len(await inserts.insert([{"_id": number} for number in range(50)])) == 50


async def test_without_the_majoritys_word_nothing_is_called_stored_or_duplicate(
    mongodb_uri: str, database_name: str, store: Store, inserts: GroupInsert
) -> None:
    await put(store, "old")
    async with failing(mongodb_uri, f"{database_name}.{THINGS}", ["insert"], writeConcernError=WRITE_CONCERN_FAILED):
        results = await asyncio.gather(
            inserts.insert([{"_id": "new"}]), inserts.insert([{"_id": "old"}]), return_exceptions=True
        )
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    # The next try tells the truth.
    assert await inserts.insert([{"_id": "new"}, {"_id": "old"}]) == [Inserted.DUPLICATE, Inserted.DUPLICATE]


async def test_a_database_without_a_primary_fails_every_waiting_caller_and_no_later_one(
    mongodb_uri: str, database_name: str, inserts: GroupInsert
) -> None:
    async with failing(mongodb_uri, f"{database_name}.{THINGS}", ["insert"], errorCode=NOT_PRIMARY):
        results = await asyncio.gather(
            *(inserts.insert([{"_id": f"row-{number}"}]) for number in range(20)), return_exceptions=True
        )
    assert all(isinstance(as_service_error(result), Unavailable) for result in results if isinstance(result, Exception))
    assert all(isinstance(result, PyMongoError) for result in results)
    assert await inserts.insert([{"_id": "row-0"}]) == [Inserted.NEW]


async def test_a_caller_that_gives_up_does_not_disturb_the_others(store: Store, inserts: GroupInsert) -> None:
    tasks = [asyncio.create_task(inserts.insert([{"_id": f"row-{number}"}])) for number in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results.pop(3), asyncio.CancelledError)
    assert results == [[Inserted.NEW]] * 19


async def test_a_document_is_refused_that_waited_too_long_to_carry_its_time_and_an_update_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_PATIENCE", -1.0)  # seconds: whatever comes has waited longer
    inserts, updates = GroupInsert(store.database[THINGS]), GroupUpdate(store.database[THINGS])
    with pytest.raises(Overloaded, match="too long"):
        await inserts.insert([{"_id": "late"}])
    await put(store, "a")
    assert await updates.apply(add_one("a")) == [True]


async def test_an_update_that_cannot_be_encoded_fails_by_itself_and_leaves_nobody_waiting(
    store: Store, updates: GroupUpdate
) -> None:
    await put(store, "a", "b")
    impossible = FencedUpdate({"_id": "a"}, {"$set": {"n": 2**70}})
    tasks = [asyncio.create_task(updates.apply(impossible))]
    await asyncio.sleep(0)
    while not updates._waiting:  # the next one joins while the flush is under way, or before it: both must end
        tasks.append(asyncio.create_task(updates.apply(add_one("b"))))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], OverflowError)
    assert await updates.apply(add_one("b")) == [True]


async def test_a_lost_fence_among_many_is_told_exactly(store: Store, updates: GroupUpdate) -> None:
    names = [f"row-{number}" for number in range(100)]
    await put(store, *names)
    lost = {"row-7", "row-50", "row-99"}
    await store.database[THINGS].update_many({"_id": {"$in": sorted(lost)}}, {"$set": {"lease": "theirs"}})
    results = await asyncio.gather(*(updates.apply(add_one(name)) for name in names))
    assert {name for name, (done,) in zip(names, results, strict=True) if not done} == lost
    changed = {document["_id"] async for document in store.database[THINGS].find({"n": 1})}
    assert changed == set(names) - lost


async def test_several_updates_of_one_row_are_each_told_the_truth(store: Store, updates: GroupUpdate) -> None:
    await put(store, "a", "b")
    applied = await updates.apply(add_one("a"), add_one("b", "theirs"), add_one("a"), add_one("gone"), add_one("a"))
    assert applied == [True, False, True, False, True]
    stored = await store.database[THINGS].find_one({"_id": "a"})
    assert stored is not None
    assert stored["n"] == 3


async def test_updates_of_one_row_are_applied_in_order(store: Store, updates: GroupUpdate) -> None:
    await put(store, "a")
    taken = FencedUpdate({"_id": "a", "lease": "mine"}, {"$set": {"lease": "theirs"}})
    assert await updates.apply(add_one("a"), taken, add_one("a"), add_one("a", "theirs")) == [True, True, False, True]


async def test_every_change_is_stamped_with_the_servers_time(store: Store, updates: GroupUpdate) -> None:
    await put(store, "a")
    before = store.clock.now()
    await updates.apply(add_one("a"))
    stored: dict[str, Any] | None = await store.database[THINGS].find_one({"_id": "a"})
    assert stored is not None
    assert abs((stored["updated_at"] - before).total_seconds()) < 5


async def test_nothing_to_do_asks_the_database_nothing(updates: GroupUpdate, inserts: GroupInsert) -> None:
    assert await updates.apply() == []
    assert await inserts.insert([]) == []
