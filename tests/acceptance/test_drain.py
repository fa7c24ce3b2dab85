"""Processes are told to stop while they work: they finish what they hold, hand over the rest, and go with code 0."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from survey_service.embedded import mongod_process
from tests.acceptance.conftest import Start
from tests.support.backend import Backend, address_of, backend_of, make_event
from tests.support.inbox import letters_at, message_ids, server_until
from tests.support.processes import API_KEY, ServiceProcess, service_process
from tests.support.smtp_server import HANG, HOLD, ScriptedSmtpServer, Step
from tests.support.waiting import until

MAILS = 30
CONNECTIONS = 10  # of one worker to the mail server
NAMES = [f"ord-{number}" for number in range(MAILS)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder of the test's own, whose mongod ends with the test, whatever happened."""
    yield tmp_path / "data"
    mongod_process.end(tmp_path / "data" / "mongodb")


async def status_of(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.headers.get("Retry-After", "")


async def post_and_fill_every_connection(backend: Backend, server: ScriptedSmtpServer) -> None:
    await backend.configure()
    await backend.post_events([make_event(name) for name in NAMES])
    await server_until(server, lambda: server.hanging == CONNECTIONS)


@pytest.mark.parametrize("step", [Step.ACCEPTANCE, Step.REPLY])
async def test_a_worker_told_to_stop_ends_what_it_sends_and_no_mail_comes_twice(
    start: Start, mail_server: ScriptedSmtpServer, step: Step
) -> None:
    api, worker = await asyncio.gather(start("api"), start("worker"))
    mail_server.script(step, HOLD)
    async with backend_of(api.url) as backend:
        await post_and_fill_every_connection(backend, mail_server)
        worker.send(signal.SIGTERM)
        await until_draining(worker)
        mail_server.let_go()
        assert await worker.ended() == 0

        await start("worker")
        await letters_at(mail_server, MAILS)
        await backend.until_rows("/v1/deliveries", MAILS, state="sent")
    assert Counter(mail.recipients[0] for mail in mail_server.mails) == Counter(map(address_of, NAMES))


async def until_draining(worker: ServiceProcess) -> None:
    """Wait until it says that it takes no more work; it is alive all the while."""

    async def look() -> tuple[int, str] | None:
        status, retry_after = await status_of(f"{worker.url}/readyz")
        return (status, retry_after) if status == 503 else None

    found = await until(look, "/readyz says that it drains")
    assert found is not None
    assert int(found[1]) >= 1
    assert (await status_of(f"{worker.url}/livez"))[0] == 200


async def test_a_worker_whose_grace_ends_hands_over_what_it_could_not_finish(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    api, worker = await asyncio.gather(start("api"), start("worker", SURVEY_DRAIN_SECONDS="1"))
    mail_server.script(Step.REPLY, HANG)
    async with backend_of(api.url) as backend:
        await post_and_fill_every_connection(backend, mail_server)
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        mail_server.behave()

        await start("worker")
        await backend.until_rows("/v1/deliveries", MAILS, state="sent")
    seen = message_ids(mail_server.mails)
    assert seen.keys() == set(map(address_of, NAMES))
    assert all(len(ids) == 1 for ids in seen.values())
    assert len(mail_server.mails) == MAILS + CONNECTIONS


async def test_ctrl_c_ends_the_embedded_mongod_too_and_the_next_start_has_the_data(
    data_dir: Path, tmp_path: Path, mail_server: ScriptedSmtpServer
) -> None:
    home = data_dir / "mongodb"
    settings = {
        "SURVEY_DATA_DIR": str(data_dir),
        "SURVEY_API_KEY": API_KEY,
        "SURVEY_SMTP_URL": f"smtp://{mail_server.address}",
    }
    async with service_process("serve", settings, tmp_path / "first.log") as first:
        async with backend_of(first.url) as backend:
            await backend.configure()
            key = await backend.post_event(make_event("ord-1"))
            (letter,) = await letters_at(mail_server, 1)
        assert mongod_process.find_running(home) is not None
        first.press_ctrl_c()
        assert await first.ended() == 0
    assert mongod_process.find_running(home) is None

    async with service_process("serve", settings, tmp_path / "second.log") as second:
        async with backend_of(second.url) as backend:
            assert (await backend.get(f"/v1/events/{key}"))["state"] == "decided"
        # The secret was kept, too: the link in the mail still leads to the survey.
        token = letter.survey_url.rpartition("/")[2]
        assert (await status_of(f"{second.url}/s/{token}"))[0] == 200
        second.press_ctrl_c()
        assert await second.ended() == 0
    assert mongod_process.find_running(home) is None


async def test_a_second_demo_starts_with_what_the_first_one_left(data_dir: Path, tmp_path: Path) -> None:
    settings = {"SURVEY_DATA_DIR": str(data_dir)}
    paths = ("/v1/events", "/v1/deliveries", "/v1/responses")
    counts = []
    for name in ("first", "second"):
        async with service_process("demo", settings, tmp_path / f"{name}.log") as demo:
            await demo.wait_until_printed("Ctrl-C stops everything.")
            async with backend_of(demo.url, key="demo-key") as backend:
                counts.append([len(await backend.rows(path)) for path in paths])
            demo.press_ctrl_c()
            assert await demo.ended() == 0
        assert mongod_process.find_running(data_dir / "demo" / "mongodb") is None
    assert counts[0] == counts[1]
    assert all(count > 90 for count in counts[0])
