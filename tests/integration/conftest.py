"""Fixtures for tests that need a running service."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pymongo
import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from channels.twilio_sms import TwilioSmsChannel
from survey_service.followup.granting import Granting
from survey_service.models.response import Response
from survey_service.parts import Parts
from survey_service.store import database
from survey_service.store.indexes import ensure_indexes
from survey_service.store.store import Store
from survey_service.wiring import create_app
from tests.support.answered_history import HISTORY
from tests.support.figures import count_answers, load
from tests.support.helpdesk import Helpdesk, open_helpdesk
from tests.support.hooked import Hooked, open_hooked
from tests.support.pipeline import Pipeline, open_pipeline
from tests.support.receiver import Receiver
from tests.support.service import ApiClient, api_client, client_of, make_parts, open_store
from tests.support.sms_channel import open_sms_channel, sms_settings
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.texting import Texting, open_texting
from tests.support.thanking import new_granting
from tests.support.twilio_server import CallbackCatcher, ScriptedTwilio


@pytest.fixture(scope="session", autouse=True)
def _indexed_once() -> Iterator[None]:
    """An emptied database keeps its indexes: to ask for each of a hundred again takes longer than most tests."""
    indexed: set[str] = set()

    async def index_once(opened: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        if opened.name not in indexed:
            await ensure_indexes(opened)
            indexed.add(opened.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "ensure_indexes", index_once)
        yield


@pytest.fixture
async def store(mongodb_uri: str, database_name: str) -> AsyncIterator[Store]:
    """An open store on an empty database."""
    store = await open_store(mongodb_uri, database_name)
    yield store
    store.close()


@pytest.fixture
def parts(store: Store) -> Parts:
    """The parts of a service on that store."""
    return make_parts(store)


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[ApiClient]:
    """A client of the API whose key has every scope."""
    async with api_client(parts) as client:
        yield client


@pytest.fixture
async def visitor(parts: Parts) -> AsyncIterator[ApiClient]:
    """Somebody with a browser and nothing else; redirects are looked at, not followed."""
    async with client_of(create_app(parts)) as client:
        yield client


@pytest.fixture
async def smtp() -> AsyncIterator[ScriptedSmtpServer]:
    """The customers' mail server."""
    async with ScriptedSmtpServer() as server:
        yield server


@pytest.fixture
async def pipeline(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Pipeline]:
    """A service that sends its mails there; nothing is configured yet."""
    async with open_pipeline(mongodb_uri, database_name, smtp) as opened:
        yield opened


@pytest.fixture
async def texting(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Texting]:
    """A service that texts, configured to ask by SMS."""
    async with open_texting(mongodb_uri, database_name, smtp) as opened:
        await opened.configure()
        yield opened


@pytest.fixture
def granting(store: Store) -> Granting:
    """What gives rewards."""
    return new_granting(store)


@pytest.fixture
async def hooked(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Hooked]:
    """A service that calls webhooks."""
    async with open_hooked(mongodb_uri, database_name, smtp) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody's server that takes calls of webhooks."""
    async with Receiver() as running:
        yield running


@pytest.fixture
async def twilio() -> AsyncIterator[ScriptedTwilio]:
    """A server that speaks Twilio's API, and misbehaves by script."""
    async with ScriptedTwilio() as running:
        yield running


@pytest.fixture
async def sms(twilio: ScriptedTwilio) -> AsyncIterator[TwilioSmsChannel]:
    """The channel to that server."""
    async with open_sms_channel(sms_settings(twilio)) as opened:
        yield opened


@pytest.fixture
async def callbacks() -> AsyncIterator[CallbackCatcher]:
    """Where that server reports to."""
    async with CallbackCatcher() as running:
        yield running


@pytest.fixture(scope="module")
def past() -> list[Response]:
    """The answers that `figures` are about; modules may have others."""
    return HISTORY


@pytest.fixture(scope="module")
def counted(mongodb_uri: str, past: list[Response]) -> Iterator[str]:
    """The name of a database with those answers, counted, which tests only read."""
    name = f"test_{uuid.uuid4().hex}"

    async def prepare() -> None:
        store = await open_store(mongodb_uri, name)
        await load(store, past)
        await count_answers(store)
        store.close()

    with asyncio.Runner() as runner:
        runner.run(prepare())
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        client.drop_database(name)


@pytest.fixture
async def figures(mongodb_uri: str, counted: str) -> AsyncIterator[ApiClient]:
    """A client of a service with those answers."""
    store = await open_store(mongodb_uri, counted)
    async with api_client(make_parts(store)) as client:
        yield client
    store.close()


@pytest.fixture
async def helpdesk(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Helpdesk]:
    """A helpdesk whose colleagues are asked anonymously."""
    async with open_helpdesk(mongodb_uri, database_name, smtp) as opened:
        yield opened
