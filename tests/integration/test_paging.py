"""Lists: newest first and complete, or by change and five seconds behind; no row is missed, none comes twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.store.paging import SETTLING, ChangeWindow, Cursor, PageRequest
from survey_service.store.store import Store
from tests.support.factories import NOON, make_delivery, make_invitation
from tests.support.service import open_store

INVITATION = make_invitation()
SECOND = timedelta(seconds=1)


async def put(store: Store, count: int, **changes: Any) -> list[str]:
    rows = [make_delivery(INVITATION, number, **changes) for number in range(count)]
    await store.deliveries.insert(rows)
    return [row.id for row in rows]


async def pages(
    store: Store, limit: int, changed: ChangeWindow | None = None, **filters: Any
) -> AsyncIterator[tuple[Delivery, ...]]:
    """Every page, one after the other, as a caller follows them: the cursor goes through its text."""
    after: Cursor | None = None
    while True:
        page = await store.deliveries.page(filters, PageRequest(limit, after, changed))
        yield page.rows
        if page.next is None:
            return
        after = Cursor.decode(page.next.encode())


async def everything(store: Store, limit: int, changed: ChangeWindow | None = None, **filters: Any) -> list[Delivery]:
    return [row async for rows in pages(store, limit, changed, **filters) for row in rows]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_rows_of_one_instant_are_told_apart_over_every_page_size(store: Store, limit: int) -> None:
    # An instant whose milliseconds no float holds exactly.
    names = await put(store, 7, created_at=NOON + timedelta(milliseconds=1))
    assert [row.id for row in await everything(store, limit)] == sorted(names, reverse=True)


async def test_the_newest_come_first_and_complete_to_the_moment(store: Store) -> None:
    rows = [make_delivery(INVITATION, number, created_at=NOON + number * SECOND) for number in range(10)]
    await store.deliveries.insert(rows)
    newest_first = [row.id for row in reversed(rows)]
    assert [row.id for row in await everything(store, 4)] == newest_first
    sizes = [len(page) async for page in pages(store, 5)]
    assert sizes == [5, 5]


async def test_a_page_that_is_exactly_full_has_no_next_one(store: Store) -> None:
    await put(store, 4)
    page = await store.deliveries.page({}, PageRequest(4))
    assert (len(page.rows), page.next) == (4, None)
    assert (await store.deliveries.page({"state": "sent"}, PageRequest(4))).rows == ()


async def test_filters_hold_on_every_page(store: Store) -> None:
    names = await put(store, 20)
    for name in names[::3]:
        assert await store.deliveries.raise_status(name, "delivered", 4)
    found = await everything(store, 2, provider_status="delivered")
    assert {row.id for row in found} == set(names[::3])


async def test_rows_that_join_in_front_do_not_shift_the_pages_behind(store: Store) -> None:
    old = await put(store, 6, created_at=NOON)
    seen: list[str] = []
    async for page in pages(store, 2):
        seen += [row.id for row in page]
        await store.deliveries.insert([make_delivery(INVITATION, 100 + len(seen), created_at=NOON + SECOND)])
    assert seen == sorted(old, reverse=True)


async def stamp(store: Store, name: str, at: datetime) -> None:
    await store.database["deliveries"].update_one({"_id": name}, {"$set": {"updated_at": at}})


async def test_changes_come_oldest_first_from_the_given_instant_on(store: Store) -> None:
    names = await put(store, 5)
    for number, name in enumerate(names):
        await stamp(store, name, NOON + number * SECOND)
    since = ChangeWindow(NOON + SECOND)
    assert [row.id for row in await everything(store, 2, since)] == names[1:]
    window = ChangeWindow(NOON + SECOND, NOON + 3 * SECOND)
    assert [row.id for row in await everything(store, 2, window)] == names[1:3]


async def test_changes_stop_before_what_may_still_be_joined_by_older_ones(store: Store) -> None:
    names = await put(store, 2)
    now = store.clock.now()
    await stamp(store, names[0], now - SETTLING - SECOND)
    await stamp(store, names[1], now - SETTLING + 2 * SECOND)
    for before in (None, now + timedelta(days=1)):
        found = await everything(store, 10, ChangeWindow(NOON - timedelta(days=1), before))
        assert [row.id for row in found] == names[:1]
    store.clock.shift += SETTLING
    assert [row.id for row in await everything(store, 10, ChangeWindow(NOON))] == names


async def test_rows_changed_at_one_instant_are_told_apart(store: Store) -> None:
    names = await put(store, 9)
    await store.database["deliveries"].update_many({}, {"$set": {"updated_at": NOON + timedelta(milliseconds=1)}})
    assert [row.id for row in await everything(store, 2, ChangeWindow(NOON))] == sorted(names)


async def test_every_way_of_writing_stamps_the_change(store: Store) -> None:
    """Insert, compare-and-set, and the transactions of withdrawal: a reader of changes sees each."""
    await store.invitations.insert([INVITATION])
    before = store.clock.now() - SECOND
    found = await store.invitations.get(INVITATION.id)
    assert found is not None
    assert found.updated_at is not None
    assert found.updated_at > before
    await store.database["invitations"].update_one({"_id": INVITATION.id}, {"$set": {"updated_at": NOON}})
    assert await store.invitations.move(INVITATION.id, InvitationState.SENT, at=NOON)
    found = await store.invitations.get(INVITATION.id)
    assert found is not None
    assert found.updated_at is not None
    assert found.updated_at > before


class ChangeReader:
    """A caller that follows the changes from page to page, each time from where it stopped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._window = ChangeWindow(store.clock.now())
        self._after: Cursor | None = None
        self.seen: dict[str, DeliveryState] = {}

    async def read_on(self) -> None:
        """Read up to the end that may be read now."""
        while True:
            page = await self._store.deliveries.page({}, PageRequest(50, self._after, self._window))
            self.seen.update({row.id: row.state for row in page.rows})
            if page.rows:
                last = page.rows[-1]
                assert last.updated_at is not None
                self._after = Cursor(last.updated_at, last.id)
            if page.next is None:
                return


async def write_until(store: Store, writer: int, enough: asyncio.Event) -> dict[str, DeliveryState]:
    """Insert rows one by one and change every other one; the states that they were left in come back."""
    left: dict[str, DeliveryState] = {}
    for number in itertools.count(writer * 1_000_000, 10):
        rows = [make_delivery(INVITATION, number + own, state=DeliveryState.UNKNOWN) for own in range(10)]
        await asyncio.gather(*(store.deliveries.insert([row]) for row in rows))
        left.update(dict.fromkeys((row.id for row in rows), DeliveryState.UNKNOWN))
        dead = rows[::2]
        settle = store.deliveries.settle_unknown
        await asyncio.gather(*(settle(row.id, DeliveryState.DEAD, Reason.REFUSED) for row in dead))
        left.update(dict.fromkeys((row.id for row in dead), DeliveryState.DEAD))
        if enough.is_set():
            return left
    raise AssertionError("unreachable")


async def test_a_reader_of_changes_misses_nothing_while_four_writers_write(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    reader, enough = ChangeReader(store), asyncio.Event()
    # This reader's clock alone runs ahead: it stays two seconds behind the writers instead of five.
    store.clock.shift = SETTLING - 2 * SECOND

    async def read() -> None:
        async with asyncio.timeout(60):
            while len(reader.seen) < 300:
                await reader.read_on()
        enough.set()

    async with AsyncExitStack() as stack:
        stores = [await open_store(mongodb_uri, database_name) for _ in range(4)]
        for other in stores:
            stack.callback(other.close)
        reading = asyncio.create_task(read())
        written = await asyncio.gather(*(write_until(other, number, enough) for number, other in enumerate(stores)))
        await reading
    store.clock.shift += timedelta(minutes=1)
    await reader.read_on()
    final = {name: state for left in written for name, state in left.items()}
    assert len(final) > 300
    assert {name: state for name, state in final.items() if reader.seen.get(name) is not state} == {}
