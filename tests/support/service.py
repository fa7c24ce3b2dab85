"""A running service for tests: a real database goes in; its store, its parts and a client of its API come out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web_app
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from pydantic import SecretStr

from survey_service.answering.opting_out import OptingOut
from survey_service.answering.recording import Recording
from survey_service.api.app import RUNNER_OPTIONS, create_api
from survey_service.clock import Clock
from survey_service.delivery.composing import Composer
from survey_service.delivery.silencing import Silencing
from survey_service.followup.granting import Granting
from survey_service.followup.resolving import Resolving
from survey_service.intake.direct import DirectInvitations
from survey_service.intake.receiving import Receiving
from survey_service.models.api_key import Scope
from survey_service.models.delivery import ChannelName
from survey_service.parts import Parts
from survey_service.settings import SandboxMode, Settings
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

ApiClient = TestClient[Request, Application]

BASE_URL = "http://service.test"
SECRET = "a secret of sixteen characters or more"
SMS_AUTH_TOKEN = "the-test-account-token"
LEASE = timedelta(seconds=5)


async def open_store(mongodb_uri: str, database_name: str) -> Store:
    """A store on a database of its own, ready for use; the caller closes it."""
    store = Store(mongodb_uri, Clock(), LEASE, database_name)
    await store.open()
    return store


def make_parts(store: Store, *, rate_limit: str = "100000/minute") -> Parts:
    """The parts of a service on `store`; mails would be taken, since there is a sandbox."""
    settings = Settings(
        mongodb_uri=SecretStr("mongodb://set.by.the.test"),
        secret=SecretStr(SECRET),
        sandbox=SandboxMode.ON,
        rate_limit=rate_limit,
        public_url=BASE_URL,
    )
    keyring, bells = Keyring([SECRET]), Bells()
    opting_out = OptingOut(store, keyring)
    return Parts(
        settings=settings,
        store=store,
        clock=store.clock,
        keyring=keyring,
        bells=bells,
        base_url=BASE_URL,
        usable_channels=frozenset({ChannelName.EMAIL, ChannelName.WEB}),
        receiving=Receiving(store.events, store.clock, bells),
        recording=Recording(store, bells, {ChannelName.EMAIL}),
        opting_out=opting_out,
        silencing=Silencing(store, keyring, opting_out.opt_out),
        direct=DirectInvitations(store, keyring, bells, BASE_URL),
        composer=Composer(keyring, BASE_URL, settings.email_from),
        granting=Granting(store, keyring, bells, {ChannelName.EMAIL}),
        resolving=Resolving(store, bells, keyring, BASE_URL),
        sms_auth_token=SMS_AUTH_TOKEN,
    )


@asynccontextmanager
async def api_client(parts: Parts, *scopes: Scope) -> AsyncIterator[ApiClient]:
    """A client whose key has `scopes`, or every scope if none is named."""
    _, secret = await parts.store.api_keys.create("test", scopes or tuple(Scope))
    async with client_of(create_api(parts), secret) as client:
        yield client


@asynccontextmanager
async def client_of(app: Application, secret: str | None = None) -> AsyncIterator[ApiClient]:
    """A client of a running application, which sends the key `secret` with each call."""
    server = TestServer(app)
    await server.start_server(**RUNNER_OPTIONS)
    headers = {"Authorization": f"Bearer {secret}"} if secret else None
    async with TestClient(server, headers=headers) as client:
        yield client
    # It holds a thousand pairs of a handler and its application, hence each application that a test ever made: the
    # heap grew by half a megabyte a test, and collecting garbage took longer than most tests.
    web_app._cached_build_middleware.cache_clear()
