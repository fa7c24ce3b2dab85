"""Pacing: a rate holds over all processes in every second, and no second lends to another."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import OperationFailure

from survey_service.clock import Clock
from survey_service.store.counters import Counters
from survey_service.store.store import Store
from survey_service.work.pacing import Pace
from tests.support.failpoints import failing

# In the far future: MongoDB forgets counters whose time is over.
START = datetime(2096, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BAD_VALUE = 2


class SteppingClock(Clock):
    """Moves by `step` with each look at it, and by what is slept."""

    def __init__(self, step: timedelta = timedelta()) -> None:
        super().__init__()
        self.present = self.seen = START
        self._step = step

    def now(self) -> datetime:
        self.seen = self.present
        self.present += self._step
        return self.seen

    async def sleep(self, seconds: float) -> None:
        """Let others run, and be so much later."""
        self.present += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def second(self) -> datetime:
        """The second of the last look, which is the one that handed out a permit."""
        return self.seen.replace(microsecond=0)


class Station:
    """Paces of several processes, and how many permits each second of their clock saw."""

    def __init__(self, counters: Counters, clock: SteppingClock, per_second: int, processes: int = 3) -> None:
        self._clock = clock
        self._paces = [Pace("sms", per_second, counters, clock, clock.sleep) for _ in range(processes)]
        self.seconds: Counter[datetime] = Counter()

    async def ask(self, count: int) -> None:
        """Every process asks for `count` permits, all at once."""
        await asyncio.gather(*(self._one(pace) for pace in self._paces for _ in range(count)))

    async def _one(self, pace: Pace) -> None:
        await pace.permit()
        self.seconds[self._clock.second] += 1


@pytest.mark.parametrize("per_second", [1, 3, 10, 40])
@pytest.mark.parametrize("step", [timedelta(), timedelta(milliseconds=1), timedelta(milliseconds=130)])
async def test_no_second_sees_more_than_the_rate_over_three_processes(
    store: Store, per_second: int, step: timedelta
) -> None:
    station = Station(store.counters, SteppingClock(step), per_second)
    await station.ask(25)
    assert station.seconds.total() == 75
    assert max(station.seconds.values()) <= per_second


async def test_one_process_alone_may_use_the_whole_rate(store: Store) -> None:
    station = Station(store.counters, SteppingClock(), per_second=10, processes=1)
    await station.ask(25)
    assert list(station.seconds.values()) == [10, 10, 5]


async def test_what_a_second_did_not_use_is_lost(store: Store) -> None:
    clock = SteppingClock()
    station = Station(store.counters, clock, per_second=8, processes=1)
    await station.ask(1)
    clock.present += timedelta(hours=1)
    station.seconds.clear()
    await station.ask(20)
    assert list(station.seconds.values()) == [8, 8, 4]


async def test_a_clock_that_is_set_back_finds_the_second_used(store: Store) -> None:
    clock = SteppingClock()
    station = Station(store.counters, clock, per_second=2, processes=1)
    await station.ask(4)
    clock.present = START
    await station.ask(1)
    assert station.seconds == {START: 2, START + SECOND: 2, START + 2 * SECOND: 1}


async def test_without_a_rate_nobody_waits(store: Store) -> None:
    station = Pace("sms", None, store.counters, SteppingClock())
    await asyncio.gather(*(station.permit() for _ in range(1_000)))
    assert await store.database["counters"].estimated_document_count() == 0


async def test_each_name_has_a_rate_of_its_own(store: Store) -> None:
    clock = SteppingClock()
    for name in ("sms", "email"):
        await Pace(name, 1, store.counters, clock, clock.sleep).permit()
    assert clock.present == START


async def test_a_database_that_was_away_for_a_moment_makes_no_burst(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    clock = SteppingClock()
    station = Station(store.counters, clock, per_second=8, processes=1)
    await station.ask(1)
    clock.present += SECOND
    station.seconds.clear()
    async with failing(mongodb_uri, f"{database_name}.counters", ["findAndModify"], errorCode=BAD_VALUE):
        with pytest.raises(OperationFailure):
            await station.ask(1)
    await station.ask(9)
    assert list(station.seconds.values()) == [8, 1]


async def test_whoever_stops_waiting_makes_room_for_the_next(store: Store) -> None:
    clock, waiting = SteppingClock(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.sleep(0)
        await clock.sleep(seconds)

    pace = Pace("sms", 1, store.counters, clock, sleep)
    await pace.permit()
    first = asyncio.create_task(pace.permit())
    await waiting.wait()
    first.cancel()
    await asyncio.wait([first])
    await pace.permit()
    assert first.cancelled()
    assert clock.second == START + SECOND
