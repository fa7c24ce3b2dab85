"""The clock: the server's time counts, and tests move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import time_machine

from survey_service.clock import Clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_now_is_aware_utc_to_the_millisecond() -> None:
    now = Clock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_the_servers_time_counts_from_the_middle_of_the_round_trip() -> None:
    clock = Clock()
    answered = time.monotonic()
    clock.synchronise(NOON, answered - 2, answered)
    assert NOON + timedelta(seconds=1) <= clock.now() < NOON + timedelta(seconds=3)


def test_a_server_time_without_a_zone_is_utc() -> None:
    clock = Clock()
    clock.synchronise(NOON.replace(tzinfo=None), time.monotonic(), time.monotonic())
    assert clock.now() - NOON < timedelta(seconds=2)


def test_this_machines_clock_does_not_matter_after_the_first_look() -> None:
    clock = Clock()
    clock.synchronise(NOON, time.monotonic(), time.monotonic())
    with time_machine.travel(NOON + timedelta(days=400)):
        assert clock.now() - NOON < timedelta(seconds=2)


def test_a_shift_moves_now_and_what_the_server_adds() -> None:
    clock = Clock(timedelta(days=3))
    clock.synchronise(NOON, time.monotonic(), time.monotonic())
    assert timedelta(0) <= clock.now() - NOON - timedelta(days=3) < timedelta(seconds=2)
    assert clock.shift_ms == 3 * 86_400_000
    clock.shift += timedelta(hours=-1, days=-3)
    assert clock.shift_ms == -3_600_000
    assert clock.now() < NOON


def test_time_does_not_stand_still() -> None:
    clock = Clock()
    before = clock.now()
    deadline = time.monotonic() + 5
    while clock.now() == before:
        assert time.monotonic() < deadline
