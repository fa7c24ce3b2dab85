"""One Chromium and one service with a sandbox for all browser tests of a process; every test has its own customers."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count

import pymongo
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.backend import SURVEY, Backend, api_session
from tests.support.browser import chromium
from tests.support.processes import API_KEY, SECRET, in_database, service_process

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Invited:
    """A customer with a survey to answer."""

    invitation: str
    customer: str
    url: str


class Shop(Backend):
    """The backend of the browser tests, which can invite without a mail."""

    async def invite(self, language: str = "en", survey: str = SURVEY) -> Invited:
        """A new customer and the address of the survey."""
        customer = f"visitor-{next(_numbers)}"
        body = {"survey": survey, "customer": {"id": customer}, "channels": ["web"], "language": language}
        made = await self.post("/v1/invitations", body)
        return Invited(made["id"], customer, made["url"])

    async def sandbox_mails(self, address: str) -> list[str]:
        """The HTML of every mail to an address, from the sandbox."""
        inbox = await self._text("/sandbox")
        listed = re.findall(r'href="/sandbox\?mail=(\w+)&amp;[^"]*"[^>]*>\s*<span[^>]*><b>([^<]+)</b>', inbox)
        return [await self._text(f"/sandbox/mail/{mail}/html") for mail, recipient in listed if recipient == address]

    async def _text(self, path: str) -> str:
        async with self._session.get(self.url + path) as answer:
            return await answer.text()

    async def responses_of(self, customer: str) -> list[dict[str, object]]:
        """What this customer answered."""
        return await self.rows("/v1/responses", customer=customer)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shop(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A caller of a running service that keeps its mails in the sandbox."""
    name = f"test_{uuid.uuid4().hex}"
    settings = {
        "SURVEY_MONGODB_URI": in_database(mongodb_uri, name),
        "SURVEY_SECRET": SECRET,
        "SURVEY_API_KEY": API_KEY,
        "SURVEY_SANDBOX": "on",
    }
    log = tmp_path_factory.mktemp("service") / "serve.log"
    async with service_process("serve", settings, log) as service, api_session() as session:
        backend = Shop(session, service.url)
        await backend.configure()
        yield backend
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)
