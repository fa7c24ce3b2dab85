"""Workers are killed or frozen at every point of a send: no text message is accepted twice, none ends untold."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.acceptance.conftest import Start
from tests.support.backend import Backend, Row, backend_of, make_event
from tests.support.sms_sending import twilio_settings
from tests.support.twilio_server import Act, ScriptedTwilio
from tests.support.waiting import until

STUCK = 5  # fewer than the connections of one worker
KILLS = 500
PATIENCE_OF_TWILIO = 20.0  # seconds


@pytest.fixture
async def twilio() -> AsyncIterator[ScriptedTwilio]:
    """The account's API; it reports no status by itself, so that nothing but the service's own care helps."""
    async with ScriptedTwilio() as running:
        running.statuses = ()
        yield running


@pytest.fixture
def sms_settings(settings: dict[str, str], twilio: ScriptedTwilio) -> dict[str, str]:
    """What a process needs beside the common settings."""
    return {**twilio_settings(twilio), "SURVEY_SMS_DAILY_SEGMENTS": "1000000"} | {
        "SURVEY_SMS_PREFIX_DAILY_SEGMENTS": "1000000"
    }


def an_order(number: int) -> Row:
    """An event of a customer who has a phone alone."""
    event = make_event(f"ord-{number}")
    event["data"]["customer"] = {"id": f"c-{number}", "phone": phone_of(number)}
    return event


def phone_of(number: int) -> str:
    return f"+49151234{number:05}"


async def twilio_until(twilio: ScriptedTwilio, requests: int) -> None:
    async with asyncio.timeout(PATIENCE_OF_TWILIO):
        await twilio.until(lambda: twilio.requests >= requests)


async def settled(backend: Backend, count: int) -> Counter[str]:
    """The states of all deliveries, as soon as each is sent or known to be unknown."""

    async def look() -> list[Row] | None:
        rows = await backend.rows("/v1/deliveries")
        done = [row for row in rows if row["state"] in {"sent", "unknown"}]
        return rows if len(done) == count == len(rows) else None

    rows = await until(look, f"{count} deliveries are sent or unknown")
    assert rows is not None
    return Counter(row["state"] for row in rows)


def accepted_twice(twilio: ScriptedTwilio) -> list[str]:
    counts = Counter(message.recipient for message in twilio.accepted)
    return [recipient for recipient, count in counts.items() if count > 1]


@pytest.mark.parametrize(
    ("act", "accepted"),
    [(Act.HANG_BEFORE, 0), (Act.HANG_AFTER, STUCK)],
    ids=["before it is taken", "after it is taken"],
)
async def test_a_worker_killed_while_twilio_thinks_leaves_unknown_messages_that_are_never_sent_again(
    start: Start, sms_settings: dict[str, str], twilio: ScriptedTwilio, act: Act, accepted: int
) -> None:
    api, worker = await asyncio.gather(start("api", **sms_settings), start("worker", **sms_settings))
    async with backend_of(api.url) as backend:
        await backend.configure(channels=["sms"])
        twilio.script(act)
        await backend.post_events([an_order(number) for number in range(STUCK)])
        await twilio_until(twilio, STUCK)
        await worker.kill()
        twilio.behave()
        await start("worker", **sms_settings)
        assert await settled(backend, STUCK) == {"unknown": STUCK}
        # Others leave, so the new worker would have had every chance to send them again.
        await backend.post_event(an_order(STUCK))
        await settled(backend, STUCK + 1)
    assert len(twilio.accepted) == accepted + 1
    assert accepted_twice(twilio) == []


@pytest.mark.parametrize("act", [Act.HANG_BEFORE, Act.HANG_AFTER], ids=["before it is taken", "after it is taken"])
async def test_a_worker_frozen_while_twilio_thinks_wakes_up_too_late_and_does_no_harm(
    start: Start, sms_settings: dict[str, str], twilio: ScriptedTwilio, act: Act
) -> None:
    api, frozen = await asyncio.gather(start("api", **sms_settings), start("worker", **sms_settings))
    async with backend_of(api.url) as backend:
        await backend.configure(channels=["sms"])
        twilio.script(act, times=STUCK)
        await backend.post_events([an_order(number) for number in range(STUCK)])
        await twilio_until(twilio, STUCK)
        frozen.send(signal.SIGSTOP)
        await start("worker", **sms_settings)
        assert await settled(backend, STUCK) == {"unknown": STUCK}
        frozen.send(signal.SIGCONT)
        await backend.post_events([an_order(number) for number in range(STUCK, 2 * STUCK)])
        assert await settled(backend, 2 * STUCK) == {"unknown": STUCK, "sent": STUCK}
    assert accepted_twice(twilio) == []


async def test_workers_killed_and_frozen_at_random_send_no_message_twice(
    start: Start, sms_settings: dict[str, str], twilio: ScriptedTwilio
) -> None:
    await kill_at_random(start, sms_settings, twilio, kills=6, batch=20)


@pytest.mark.long
async def test_five_hundred_kills_at_random_moments_send_no_message_twice(
    start: Start, sms_settings: dict[str, str], twilio: ScriptedTwilio
) -> None:
    await kill_at_random(start, sms_settings, twilio, kills=KILLS, batch=10)


async def kill_at_random(
    start: Start, sms_settings: dict[str, str], twilio: ScriptedTwilio, kills: int, batch: int
) -> None:
    """Kill, or freeze and thaw, one of two workers again and again, shortly after new messages have begun to leave."""
    rng = random.Random(kills)  # noqa: S311 -- moments, the same ones in each run
    api = await start("api", **sms_settings)
    workers = list(await asyncio.gather(start("worker", **sms_settings), start("worker", **sms_settings)))
    async with backend_of(api.url) as backend:
        await backend.configure(channels=["sms"], hourly_cap=kills * batch)
        for number in range(kills):
            seen = twilio.requests
            await backend.post_events([an_order(number * batch + each) for each in range(batch)])
            # Somewhere between the decision and the last record of the batch.
            if rng.random() < 0.7:
                await twilio_until(twilio, seen + rng.randint(1, batch // 4))
            await asyncio.sleep(rng.random() * 0.02)
            victim = rng.randrange(2)
            if rng.random() < 0.25:
                workers[victim].send(signal.SIGSTOP)
                await asyncio.sleep(3 * rng.random())  # the lease lasts two seconds
                workers[victim].send(signal.SIGCONT)
            else:
                await workers[victim].kill()
                workers[victim] = await start("worker", **sms_settings)
        states = await settled(backend, kills * batch)
    assert accepted_twice(twilio) == []
    assert states["sent"] <= len(twilio.accepted)
    assert states["sent"] + states["unknown"] == kills * batch
