"""Counters: many takers at once never get more than the cap."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from survey_service.store.counters import hour_of
from survey_service.store.store import Store

SOON = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("wanted", "cap"), [(1, 7), (3, 50), (3, 20), (100, 1000), (5, 0)])
async def test_twenty_takers_at_once_share_what_is_under_the_cap(store: Store, wanted: int, cap: int) -> None:
    taken = await asyncio.gather(*(store.counters.take("t", wanted, cap, SOON) for _ in range(20)))
    assert sum(taken) == min(cap, 20 * wanted)
    assert all(0 <= part <= wanted for part in taken)


async def test_the_last_taker_gets_the_rest_and_the_next_one_nothing(store: Store) -> None:
    assert [await store.counters.take("t", 4, 10, SOON) for _ in range(4)] == [4, 4, 2, 0]


async def test_each_name_counts_for_itself(store: Store) -> None:
    assert [await store.counters.take(name, 1, 1, SOON) for name in ("a", "b", "a")] == [1, 1, 0]


async def test_a_cap_that_was_lowered_and_raised_again_gives_nothing_twice(store: Store) -> None:
    assert [await store.counters.take("t", 60, cap, SOON) for cap in (100, 50, 100)] == [60, 0, 40]


async def test_a_counter_is_forgotten_after_its_end(store: Store) -> None:
    await store.counters.take("t", 1, 1, SOON)
    counters = store.database["counters"]
    index = (await counters.index_information())["forgotten"]
    assert (index["key"], index["expireAfterSeconds"]) == ([("forget_at", 1)], 0)
    assert [document["forget_at"] async for document in counters.find()] == [SOON]


def test_an_hour_begins_at_its_first_minute() -> None:
    start = datetime(2096, 11, 22, 12, tzinfo=UTC)
    assert hour_of(start) == hour_of(start + timedelta(minutes=59, seconds=59, microseconds=999_999)) == start
