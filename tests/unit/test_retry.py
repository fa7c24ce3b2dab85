"""The retry schedule, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from survey_service.work.retry import SEND_SCHEDULE, next_try_in


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [
        (1, timedelta(seconds=30)),
        (2, timedelta(minutes=2)),
        (3, timedelta(minutes=10)),
        (5, timedelta(hours=1)),
        (9, timedelta(hours=12)),
        (10, None),
        (11, None),
    ],
)
def test_each_try_waits_longer_until_none_is_left(attempts: int, wait: timedelta | None) -> None:
    assert next_try_in(attempts, SEND_SCHEDULE, jitter=0) == wait


def test_the_schedule_ends_after_a_bit_more_than_a_day() -> None:
    waits = [next_try_in(attempts, SEND_SCHEDULE, jitter=0) for attempts in range(1, len(SEND_SCHEDULE) + 1)]
    assert timedelta(hours=24) < sum((wait for wait in waits if wait), timedelta()) < timedelta(hours=30)
    assert list(SEND_SCHEDULE) == sorted(SEND_SCHEDULE)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (0, timedelta(seconds=30)),  # never shortens
        (-5, timedelta(seconds=30)),
        (29, timedelta(seconds=30)),
        (90, timedelta(seconds=90)),
        (6 * 3600, timedelta(hours=6)),
        (7 * 86400, timedelta(hours=6)),  # clamped
        (1e15, timedelta(hours=6)),
        (float("inf"), timedelta(hours=6)),
    ],
)
def test_a_provider_may_ask_for_more_time_within_reason(retry_after: float, wait: timedelta) -> None:
    assert next_try_in(1, SEND_SCHEDULE, retry_after, jitter=0) == wait


@pytest.mark.parametrize(("jitter", "seconds"), [(-1, 24), (0, 30), (1, 36)])
def test_jitter_is_worth_a_fifth(jitter: float, seconds: float) -> None:
    assert next_try_in(1, SEND_SCHEDULE, jitter=jitter) == timedelta(seconds=seconds)


def test_without_a_given_jitter_the_waits_spread_within_it() -> None:
    waits = {next_try_in(1, SEND_SCHEDULE) for _ in range(50)}
    assert len(waits) > 1
    assert all(wait and timedelta(seconds=24) <= wait <= timedelta(seconds=36) for wait in waits)


def test_no_try_yet_waits_as_after_the_first() -> None:
    assert next_try_in(0, SEND_SCHEDULE, jitter=0) == SEND_SCHEDULE[0]
