"""The main job with real processes: an event goes in, a mail goes out, a person answers, a BI tool reads the row."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.acceptance.conftest import Start
from tests.support.backend import SURVEY, TRIGGER, Backend, address_of, backend_of, make_event
from tests.support.inbox import letters_at, message_ids, server_until
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.waiting import PATIENCE

LONG_AGO = "2013-01-01T10:00:00Z"


async def answer(url: str, **fields: str) -> str:
    """Open a survey as a browser does, then post its form; the page that came back."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert page.status == 200
            assert 'method="post"' in await page.text()
        async with browser.post(url, data=fields) as page:
            assert page.status == 200, await page.text()
            return await page.text()


async def test_an_event_becomes_a_mail_an_answer_and_a_row(start: Start, mail_server: ScriptedSmtpServer) -> None:
    service = await start("serve")
    async with backend_of(service.url) as backend:
        await backend.configure()
        key = await backend.post_event(make_event("ord-1001"))

        (letter,) = await letters_at(mail_server, 1)
        assert letter.to == "ord-1001@example.com"
        assert letter.survey_url.startswith(f"{service.url}/s/")
        thanks = await answer(letter.survey_url, nps="9", why="fast & friendly")
        assert "<h1>Thank you" in thanks

        (row,) = await backend.rows("/v1/responses")
        assert row["event"] == key
        assert row["finished_by"] == "customer"
        expected = {
            "status": "finished",
            "survey": SURVEY,
            "trigger": TRIGGER,
            "event_id": "ord-1001",
            "customer": "c-ord-1001",
            "touchpoint": "berlin-mitte",
            "agent": "a-7",
            "channel": "email",
            "language": "en",
            "metric": "nps",
            "score": 9,
            "answers": {"nps": 9, "why": "fast & friendly"},
            "comment": "fast & friendly",
        }
        assert {name: row[name] for name in expected} == expected

        event = await backend.get(f"/v1/events/{key}")
        (decision,) = event["decisions"]
        assert (decision["trigger"], decision["outcome"]) == (TRIGGER, "invited")
        invitation = await backend.get(f"/v1/invitations/{decision['invitation']}")
        assert invitation["state"] == "finished"


async def test_several_processes_of_each_role_share_the_work_and_go_on_after_a_restart(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    # Behind one address, as a load balancer shows them.
    public = {"SURVEY_PUBLIC_URL": "http://surveys.example.com"}
    *apis, one, other = await asyncio.gather(*(start(role, **public) for role in ("api", "api", "worker", "worker")))
    names = [f"ord-{number}" for number in range(40)]
    async with backend_of(apis[0].url) as first, backend_of(apis[1].url) as second:
        await first.configure()
        await second.until_rows("/v1/triggers", 1)
        for number, name in enumerate(names):
            await (first, second)[number % 2].post_event(make_event(name))
        letters = await letters_at(mail_server, len(names))
        assert {letter.to for letter in letters} == set(map(address_of, names))
        for number, letter in enumerate(letters[:6]):
            path = letter.survey_url.removeprefix("http://surveys.example.com")
            await answer(apis[number % 2].url + path, nps=str(number))
        await first.until_rows("/v1/deliveries", len(names), state="sent")

    await asyncio.gather(*(process.stop() for process in (*apis, one, other)))
    api, _ = await asyncio.gather(start("api", **public), start("worker", **public))
    async with backend_of(api.url) as backend:
        assert sorted(row["score"] for row in await backend.rows("/v1/responses")) == list(range(6))
        again = await backend.post_events([make_event(name) for name in names])
        assert again["duplicate"] == len(names)
        await backend.post_event(make_event("ord-after"))
        *_, last = await letters_at(mail_server, len(names) + 1)
        assert last.to == "ord-after@example.com"
    assert len(mail_server.mails) == len(names) + 1
    assert all(len(ids) == 1 for ids in message_ids(mail_server.mails).values())


async def test_an_event_that_one_process_takes_wakes_the_worker_in_another(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    api, _ = await asyncio.gather(start("api"), start("worker"))
    async with backend_of(api.url) as backend:
        await backend.configure()
        await backend.post_event(make_event("first"))
        await letters_at(mail_server, 1)
        await settled(backend)  # now the worker is asleep
        await backend.post_event(make_event("second"))
        *_, last = await letters_at(mail_server, 2)
        assert last.to == "second@example.com"


async def settled(backend: Backend) -> None:
    """Wait until the one mail so far is recorded."""
    await backend.until_rows("/v1/deliveries", 1, state="sent")


@pytest.mark.parametrize("thousands", [2, pytest.param(10, marks=pytest.mark.long)])
async def test_of_thousands_of_old_events_none_is_mailed_and_each_says_stale(
    start: Start, mail_server: ScriptedSmtpServer, thousands: int
) -> None:
    service = await start("serve")
    async with backend_of(service.url) as backend:
        await backend.configure(max_event_age="P2D")
        for thousand in range(thousands):
            numbers = range(thousand * 1_000, (thousand + 1) * 1_000)
            posted = await backend.post_events([make_event(f"old-{number}", time=LONG_AGO) for number in numbers])
            assert posted["accepted"] == 1_000
        # A new one comes after them: once it is mailed, nothing waits before it.
        fresh = await backend.post_event(make_event("new"))
        await server_until(mail_server, lambda: bool(mail_server.mails), within=4 * PATIENCE)
        (letter,) = await letters_at(mail_server, 1)
        assert letter.to == "new@example.com"
        await backend.until_decided(fresh)

        assert await backend.rows("/v1/events", state="pending") == []
        stale = await backend.rows("/v1/decisions", reason="stale")
        assert len({row["event"] for row in stale}) == len(stale) == 1_000 * thousands
        assert {row["outcome"] for row in stale} == {"skipped"}
        assert len(await backend.rows("/v1/invitations")) == 1
        assert len(await backend.rows("/v1/deliveries")) == 1
    assert len(mail_server.mails) == 1
