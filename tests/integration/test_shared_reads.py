"""Shared reads: many callers share one read, each gets its own row, and everybody sees what was written before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from survey_service.errors import Overloaded, Unavailable
from survey_service.models.invitation import TokenRef
from survey_service.store.database import Collection
from survey_service.store.shared_reads import MAX_KEYS, SharedReads
from survey_service.store.store import Store
from tests.support.factories import make_invitation, make_response
from tests.support.failpoints import NOT_PRIMARY, failing

THINGS = "things"


class Watched:
    """The real collection; it notes the keys of each read, and gives no answer to anybody while it is held."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.reads: list[list[str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.has_read = asyncio.Event()

    def find(self, query: Mapping[str, Any], **options: Any) -> _Cursor:
        ((_, condition),) = query.items()
        self.reads.append(condition["$in"])
        return _Cursor(self, self._collection.find(query, **options))


class _Cursor:
    def __init__(self, watched: Watched, cursor: Any) -> None:
        self._watched = watched
        self._cursor = cursor

    async def to_list(self, length: int) -> list[dict[str, Any]]:
        documents: list[dict[str, Any]] = await self._cursor.to_list(length)
        self._watched.has_read.set()
        await self._watched.answers.wait()
        return documents


@pytest.fixture
def things(store: Store) -> Watched:
    return Watched(store.database[THINGS])


def reads_of(things: Any, **options: Any) -> SharedReads:
    return SharedReads(things, "key.name", lambda document: document["key"]["name"], **options)


async def put(store: Store, *names: str) -> None:
    await store.database[THINGS].insert_many([{"_id": f"id of {name}", "key": {"name": name}} for name in names])


def names_of(found: list[dict[str, Any] | None]) -> list[str | None]:
    return [document["key"]["name"] if document else None for document in found]


async def test_callers_at_once_share_a_read_and_each_gets_its_own(store: Store, things: Watched) -> None:
    names = [f"row-{number}" for number in range(100)]
    await put(store, *names)
    reads = reads_of(things)
    found = await asyncio.gather(*(reads.get(name) for name in [*names, "missing", "row-7"]))
    assert names_of(found) == [*names, None, "row-7"]
    assert [sorted(keys) for keys in things.reads] == [sorted([*names, "missing"])]


async def test_a_lone_caller_does_not_wait_for_others(store: Store, things: Watched) -> None:
    await put(store, "row")
    reads = reads_of(things)
    assert names_of([await reads.get("row"), await reads.get("row")]) == ["row", "row"]
    assert things.reads == [["row"], ["row"]]


async def test_a_read_is_bounded_and_those_beyond_go_with_the_next(store: Store, things: Watched) -> None:
    names = [f"{number:05}" for number in range(2 * MAX_KEYS + 10)]
    await put(store, *names)
    reads = reads_of(things)
    assert names_of(await asyncio.gather(*(reads.get(name) for name in names))) == names
    assert [len(keys) for keys in things.reads] == [MAX_KEYS, MAX_KEYS, 10]


async def test_a_look_up_after_a_write_does_not_join_a_read_from_before_it(store: Store, things: Watched) -> None:
    reads = reads_of(things)
    things.answers.clear()
    before = asyncio.create_task(reads.get("row"))
    await things.has_read.wait()
    await put(store, "row")
    after = asyncio.create_task(reads.get("row"))
    await asyncio.sleep(0)  # it waits for its turn
    things.answers.set()
    assert names_of([await before, await after]) == [None, "row"]


async def test_a_caller_that_gives_up_does_not_disturb_the_others(store: Store, things: Watched) -> None:
    await put(store, "row", "other")
    reads = reads_of(things)
    things.answers.clear()
    callers = [asyncio.create_task(reads.get(name)) for name in ("row", "row", "other")]
    await things.has_read.wait()
    callers[0].cancel()
    things.answers.set()
    assert names_of(await asyncio.gather(*callers[1:])) == ["row", "other"]
    with pytest.raises(asyncio.CancelledError):
        await callers[0]


async def test_an_error_reaches_every_waiting_caller_and_no_later_one(
    mongodb_uri: str, database_name: str, store: Store
) -> None:
    await put(store, "row")
    reads = reads_of(store.database[THINGS])
    async with failing(mongodb_uri, f"{database_name}.{THINGS}", ["find"], errorCode=NOT_PRIMARY):
        outcomes = await asyncio.gather(*(reads.get("row") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, PyMongoError) for outcome in outcomes)
    assert names_of([await reads.get("row")]) == ["row"]


async def test_a_read_that_is_cancelled_leaves_nobody_waiting(store: Store, things: Watched) -> None:
    await put(store, "row", "other")
    reads = reads_of(things)
    things.answers.clear()
    callers = [asyncio.create_task(reads.get("row"))]
    await things.has_read.wait()
    callers.append(asyncio.create_task(reads.get("other")))
    await asyncio.sleep(0)
    (reader,) = (task for task in asyncio.all_tasks() if task.get_name() == "shared-reads")
    reader.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    things.answers.set()
    assert names_of([await reads.get("other")]) == ["other"]


async def test_too_many_waiting_keys_are_refused_at_once(store: Store, things: Watched) -> None:
    await put(store, "a", "b")
    reads = reads_of(things, max_waiting=2)
    callers = [asyncio.create_task(reads.get(name)) for name in ("a", "b", "a")]
    await asyncio.sleep(0)  # each has joined the queue, no read has begun
    with pytest.raises(Overloaded) as refused:
        await reads.get("c")
    assert refused.value.retry_after == 1
    assert names_of(await asyncio.gather(*callers)) == ["a", "b", "a"]


async def test_invitations_are_found_by_their_tokens_and_responses_by_their_ids(store: Store) -> None:
    rows = [make_invitation(f"ord-{number}", token=TokenRef(kid="0", sha256=f"{number:064}")) for number in range(30)]
    await store.invitations.insert(rows)
    response = make_response("ord-3")
    await store.responses.save(response)
    found = await asyncio.gather(*(store.invitations.by_token(row.token.sha256) for row in rows))
    assert [row.id if row else None for row in found] == [row.id for row in rows]
    assert await store.invitations.by_token("f" * 64) is None
    there, missing = await asyncio.gather(store.responses.get(response.id), store.responses.get("rsp_missing"))
    assert there is not None
    assert (there.id, missing) == (response.id, None)
