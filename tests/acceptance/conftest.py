"""Fixtures for tests with real processes: a mail server, and a way to start roles that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.support.processes import API_KEY, SECRET, ServiceProcess, in_database, service_process
from tests.support.smtp_server import ScriptedSmtpServer

Start = Callable[..., Awaitable[ServiceProcess]]


@pytest.fixture
async def mail_server() -> AsyncIterator[ScriptedSmtpServer]:
    """The customers' mail server."""
    async with ScriptedSmtpServer() as running:
        yield running


@pytest.fixture
def settings(mongodb_uri: str, database_name: str, mail_server: ScriptedSmtpServer) -> dict[str, str]:
    """What every process of a test is started with; a dead worker's rows come back fast."""
    return {
        "SURVEY_MONGODB_URI": in_database(mongodb_uri, database_name),
        "SURVEY_SECRET": SECRET,
        "SURVEY_API_KEY": API_KEY,
        "SURVEY_SMTP_URL": f"smtp://{mail_server.address}",
        "SURVEY_LEASE_SECONDS": "2",
    }


@pytest.fixture
async def start(settings: dict[str, str], tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a role: `await start("worker", SURVEY_DRAIN_SECONDS="1")`."""
    numbers = count(1)
    async with AsyncExitStack() as stack:

        async def start_role(role: str, **changes: str) -> ServiceProcess:
            log = tmp_path / f"{role}-{next(numbers)}.log"
            return await stack.enter_async_context(service_process(role, settings | changes, log))

        yield start_role
