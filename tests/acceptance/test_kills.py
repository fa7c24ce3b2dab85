"""Processes die without a word, at the worst moments: nothing that was acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from survey_service.embedded import mongod_process
from survey_service.embedded.mongod import EmbeddedMongod
from tests.acceptance.conftest import Start
from tests.support.backend import EVENT_TYPE, SURVEY, address_of, backend_of, make_event
from tests.support.inbox import letters_at, message_ids, server_until
from tests.support.processes import API_KEY, ServiceProcess, in_database
from tests.support.smtp_server import HANG, ScriptedSmtpServer, Step
from tests.support.waiting import until

STUCK = 5  # fewer than the connections of one worker
FREE = 10
CONNECTIONS = 8
KILLED_AFTER = 60  # acknowledgements


@dataclass(frozen=True, slots=True)
class Round:
    """Mails of which some leave and others get stuck at one step of the conversation, until their worker is dead."""

    step: Step

    @property
    def stuck(self) -> list[str]:
        return [f"stuck-at-{self.step.value.lower()}-{number}" for number in range(STUCK)]

    @property
    def names(self) -> list[str]:
        return [*self.stuck, *(f"free-of-{self.step.value.lower()}-{number}" for number in range(FREE))]


async def test_when_workers_are_killed_while_sending_every_mail_arrives_under_one_message_id(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    rounds = [Round(Step.RCPT), Round(Step.ACCEPTANCE), Round(Step.REPLY)]
    api, worker = await asyncio.gather(start("api"), start("worker"))
    names = [name for each in rounds for name in each.names]
    async with backend_of(api.url) as backend:
        await backend.configure()
        for each in rounds:
            mail_server.script(each.step, HANG, matching=each.stuck[0].removesuffix("0"))
            await backend.post_events([make_event(name) for name in each.names])
            await server_until(mail_server, lambda: mail_server.hanging == STUCK)
            await worker.kill()
            mail_server.behave()
            worker = await start("worker")

        sent = await backend.until_rows("/v1/deliveries", len(names), state="sent")
        assert len(sent) == len(names)
        assert len(await backend.rows("/v1/invitations", state="sent")) == len(names)
    seen = message_ids(mail_server.mails)
    assert seen.keys() == {address_of(name) for name in names}
    assert all(len(ids) == 1 for ids in seen.values())
    # The server has taken these before their worker died: they came twice, and a mail client shows them once.
    arrivals = Counter(mail.recipients[0] for mail in mail_server.mails)
    assert all(arrivals[address_of(name)] == 2 for name in Round(Step.REPLY).stuck)


async def test_what_a_killed_worker_held_is_taken_over_by_one_that_runs(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    api, doomed = await asyncio.gather(start("api"), start("worker"))
    async with backend_of(api.url) as backend:
        await backend.configure()
        mail_server.script(Step.ACCEPTANCE, HANG, times=1)
        await backend.post_event(make_event("ord-1"))
        await server_until(mail_server, lambda: mail_server.hanging == 1)
        await start("worker")
        await doomed.kill()
        (letter,) = await letters_at(mail_server, 1)
        assert letter.to == "ord-1@example.com"
        (delivery,) = await backend.until_rows("/v1/deliveries", 1, state="sent")
        assert delivery["attempts"] == 2


async def test_an_api_killed_under_load_loses_nothing_that_it_acknowledged(start: Start) -> None:
    triggers = {"by-web", "by-web-too"}
    api, _ = await asyncio.gather(start("api"), start("worker"))
    async with backend_of(api.url) as backend:
        await backend.configure(enabled=False)
        for trigger in triggers:
            content = {"survey": SURVEY, "event_type": EVENT_TYPE, "channels": ["web"]}
            await backend.put(f"/v1/triggers/{trigger}", content)
    acknowledged: set[str] = set()
    numbers = count()
    for round_number in (1, 2):
        async with asyncio.TaskGroup() as load:
            for _ in range(CONNECTIONS):
                load.create_task(post_until_it_dies(api, numbers, acknowledged))
            await until_acknowledged(acknowledged, round_number * KILLED_AFTER)
            await api.kill()
        api = await start("api")
    async with backend_of(api.url) as backend:
        assert len(acknowledged) >= 2 * KILLED_AFTER

        async def none_is_pending() -> bool:
            return await backend.rows("/v1/events", state="pending") == []

        await until(none_is_pending, "every event is decided")
        stored = {row["key"] for row in await backend.rows("/v1/events")}
        assert acknowledged <= stored
        decisions = [row for row in await backend.rows("/v1/decisions") if row["trigger"] in triggers]
        assert Counter((row["event"], row["trigger"]) for row in decisions) == Counter(
            (event, trigger) for event in stored for trigger in triggers
        )
        assert {row["outcome"] for row in decisions} == {"invited"}
        invitations = await backend.rows("/v1/invitations")
        assert {row["id"] for row in invitations} == {row["invitation"] for row in decisions}
        assert len(invitations) == len(decisions)


async def until_acknowledged(acknowledged: set[str], wanted: int) -> None:
    async def look() -> bool:
        return len(acknowledged) >= wanted

    await until(look, f"{wanted} events are acknowledged")


async def post_until_it_dies(api: ServiceProcess, numbers: count[int], acknowledged: set[str]) -> None:
    """One connection: post event after event, and note each one that was acknowledged."""
    async with backend_of(api.url) as backend:
        while api.is_running:
            try:
                acknowledged.add(await backend.post_event(make_event(f"ord-{next(numbers)}")))
            except aiohttp.ClientError:
                return


class OwnMongod:
    """A mongod of this test alone, which may die."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uses: list[EmbeddedMongod] = []

    async def start(self) -> str:
        """Run it, at the same address each time."""
        self._uses.append(await EmbeddedMongod.start(self._folder))
        return self._uses[-1].uri

    def kill(self) -> None:
        """End it without a chance to put anything in order."""
        process = mongod_process.find_running(self._folder / "mongodb")
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Leave nothing behind."""
        for use in self._uses:
            await use.stop()


@pytest.fixture
async def own_mongod(tmp_path: Path) -> AsyncIterator[OwnMongod]:
    """Not started yet; gone afterwards."""
    mongod = OwnMongod(tmp_path)
    yield mongod
    await mongod.stop()


async def test_while_mongodb_is_away_events_are_refused_and_afterwards_all_goes_on_by_itself(
    own_mongod: OwnMongod, start: Start, mail_server: ScriptedSmtpServer
) -> None:
    service = await start("serve", SURVEY_MONGODB_URI=in_database(await own_mongod.start(), "surveys"))
    async with backend_of(service.url) as backend:
        await backend.configure()
        await backend.post_event(make_event("before"))
        await letters_at(mail_server, 1)
        await backend.until_rows("/v1/deliveries", 1, state="sent")

        own_mongod.kill()
        status, retry_after = await post_and_look(service.url, "during")
        assert status == 503
        assert int(retry_after) >= 1
        assert await readiness(service.url) == 503

        await own_mongod.start()
        await until(lambda: is_taken(service.url, "during"), "the event that was refused is taken")
        *_, last = await letters_at(mail_server, 2)
        assert last.to == "during@example.com"
        assert await readiness(service.url) == 200
        assert service.is_running


async def post_and_look(url: str, name: str) -> tuple[int, str]:
    """Status and Retry-After of one posted event."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/v1/events", json=make_event(name)) as answer,
    ):
        return answer.status, answer.headers.get("Retry-After", "")


async def is_taken(url: str, name: str) -> bool:
    status, _ = await post_and_look(url, name)
    return status == 202


async def readiness(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
        return answer.status
