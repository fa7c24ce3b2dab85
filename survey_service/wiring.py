"""The only place that names concrete parts: settings go in; a running store, channels, worker and web app come out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from channels.base import Channel
from channels.smtp import SmtpChannel, parse_smtp_url
from channels.twilio_sms import TwilioSettings, TwilioSmsChannel
from survey_service.answering.opting_out import OptingOut
from survey_service.answering.recording import Recording
from survey_service.answering.suspicion import Limits, Suspicion
from survey_service.api.app import CLIENT_MAX_SIZE, add_api
from survey_service.api.told_rows import TOLD_ROWS
from survey_service.clock import Clock
from survey_service.delivery.composing import Composer
from survey_service.delivery.known import Permitted
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.spending import SegmentCaps
from survey_service.embedded.mongod import EmbeddedMongod
from survey_service.embedded.sandbox_smtp import SandboxSmtp
from survey_service.embedded.sandbox_texts import StoredTexts
from survey_service.embedded.twilio_endpoint import TwilioEndpoint
from survey_service.errors import ConfigurationError
from survey_service.followup.granting import Granting
from survey_service.followup.resolving import Resolving
from survey_service.followup.webhook_addresses import Addresses, is_development
from survey_service.followup.webhook_posting import Poster
from survey_service.intake.direct import DirectInvitations
from survey_service.intake.receiving import Receiving
from survey_service.intake.retaining import retention_periods
from survey_service.models.api_key import MIN_KEY_LENGTH, Scope
from survey_service.models.delivery import ChannelName
from survey_service.pages.app import add_pages
from survey_service.parts import Parts, WriteAsCustomer
from survey_service.pipeline import stages
from survey_service.settings import Settings
from survey_service.store.faults import as_service_error
from survey_service.store.store import Store
from survey_service.telemetry import DUE_ROWS
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.loop import StageLoop
from survey_service.work.pacing import Pace

log = structlog.get_logger()

SANDBOX_NUMBER = "+15005550006"  # Twilio's own magic number, which nobody has
CLOCK_EVERY = 30.0  # seconds between two looks at the database's clock


class Worker:
    """Every stage's loop in this process."""

    def __init__(self, loops: tuple[StageLoop[Any], ...]) -> None:
        self.loops = loops
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to claim."""
        self._tasks = [asyncio.create_task(loop.run(), name=f"loop:{loop.stage.name}") for loop in self.loops]

    async def failed(self) -> None:
        """Return when a loop ends by itself, which it never should; raises what ended it."""
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def run_until_idle(self) -> int:
        """Run every stage until nothing is due any more; for tests and imports. Returns how many rows were handled."""
        handled = 0
        while done := sum([await loop.run_until_idle() for loop in self.loops]):
            handled += done
        return handled

    async def stop(self, grace: float) -> None:
        """Drain every loop within `grace` seconds."""
        await asyncio.gather(*(loop.drain(grace) for loop in self.loops))
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Service:
    """An open service: parts for the HTTP edge, and the worker that was built for it."""

    parts: Parts
    worker: Worker


@asynccontextmanager
async def open_service(
    settings: Settings, *, base_url: str | None = None, clock: Clock | None = None, database: str | None = None
) -> AsyncIterator[Service]:
    """Open everything that `settings` ask for, and close it again in the opposite order.

    Raises:
        ConfigurationError: the settings or the machine do not allow it.
        Unavailable, PyMongoError: the database does not answer.
    """
    async with AsyncExitStack() as stack:
        uri = await _database_uri(settings, stack)
        store = Store(uri, clock or Clock(), settings.lease, database)
        stack.callback(store.close)
        await store.open()
        keyring = Keyring(_secrets(settings))
        bells = Bells()
        url = base_url or settings.base_url()
        sms_sandbox = await _sms_sandbox(settings, store, keyring, stack)
        twilio = _twilio(settings, sms_sandbox)
        channels = await _open_channels(settings, store, twilio, stack)
        if settings.api_key is not None:
            await _register(store, settings.api_key.get_secret_value())
        limits = Limits(timedelta(seconds=settings.suspect_seconds), settings.suspect_burst)
        suspecting = Suspicion(store, limits) if settings.suspects_on else None
        composer = Composer(keyring, url, settings.email_from)
        opting_out = OptingOut(store, keyring)
        silencing = Silencing(store, keyring, opting_out.opt_out)
        addresses = Addresses(loopback=is_development(url, on_this_machine=settings.embedded or settings.sandbox_on))
        parts = Parts(
            settings=settings,
            store=store,
            clock=store.clock,
            keyring=keyring,
            bells=bells,
            base_url=url,
            usable_channels=frozenset({ChannelName.WEB, *channels}),
            receiving=Receiving(store.events, store.clock, bells),
            recording=Recording(store, bells, frozenset(channels), suspecting),
            opting_out=opting_out,
            silencing=silencing,
            direct=DirectInvitations(store, keyring, bells, url),
            composer=composer,
            granting=Granting(store, keyring, bells, frozenset(channels)),
            resolving=Resolving(store, bells, keyring, url),
            sms_auth_token=twilio.auth_token if twilio else None,
            write_as_customer=_write_as_customer(sms_sandbox, url) if sms_sandbox else None,
            webhook_addresses=addresses,
        )
        paces = {name: Pace(name, settings.rate_of(name), store.counters, store.clock) for name in channels}
        permitted = Permitted(settings.only_to, settings.allowed_countries)
        caps = SegmentCaps(settings.sms_daily_segments, settings.sms_prefix_daily_segments)
        poster = Poster(addresses)
        stack.push_async_callback(poster.close)
        periods = retention_periods(settings)
        await store.retentions.watch(periods)
        built = stages(
            store,
            keyring,
            bells,
            channels,
            paces,
            composer,
            silencing,
            permitted,
            caps,
            url,
            TOLD_ROWS,
            poster,
            periods,
            settings.metrics_min_n,
        )
        worker = Worker(tuple(StageLoop(stage, bells) for stage in built))
        watch = asyncio.create_task(_watch(store, worker))
        stack.push_async_callback(_cancel, watch)
        yield Service(parts, worker)


def create_app(parts: Parts) -> web.Application:
    """The web application: JSON for systems, pages for people."""
    app = web.Application(client_max_size=CLIENT_MAX_SIZE)
    add_api(app, parts)
    add_pages(app, parts)
    return app


async def _database_uri(settings: Settings, stack: AsyncExitStack) -> str:
    if settings.mongodb_uri is not None:
        return settings.mongodb_uri.get_secret_value()
    mongod = await EmbeddedMongod.start(settings.data_dir)
    stack.push_async_callback(mongod.stop)
    return mongod.uri


def _secrets(settings: Settings) -> list[str]:
    """The configured secrets, else one that is generated into the data folder, readable by its owner alone."""
    if settings.secret is not None:
        found = [part.strip() for part in settings.secret.get_secret_value().split(",") if part.strip()]
        if not found or any(len(part) < 16 for part in found):
            raise ConfigurationError("SURVEY_SECRET: every secret needs at least 16 characters")
        return found
    path = settings.data_dir / "secret"
    if not path.exists():
        # Written whole and then linked: another process that starts now sees all of it or nothing.
        with tempfile.NamedTemporaryFile("w", dir=settings.data_dir, encoding="ascii") as draft:
            draft.write(secrets.token_urlsafe(32))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return [path.read_text(encoding="ascii").strip()]


async def _register(store: Store, first: str) -> None:
    """Make the first API key one of all keys."""
    if len(first) < MIN_KEY_LENGTH:
        raise ConfigurationError(f"SURVEY_API_KEY: a key needs at least {MIN_KEY_LENGTH} characters")
    if not await store.api_keys.register("SURVEY_API_KEY", list(Scope), first):
        raise ConfigurationError("SURVEY_API_KEY is a key that was revoked, and stays so: set another one, or unset it")


async def _open_channels(
    settings: Settings, store: Store, twilio: TwilioSettings | None, stack: AsyncExitStack
) -> Mapping[ChannelName, Channel[Any]]:
    """The channels that have settings, or else the sandbox."""
    channels: dict[ChannelName, Channel[Any]] = {}
    smtp_url = await _smtp_url(settings, store, stack)
    if smtp_url is not None:
        try:
            channels[ChannelName.EMAIL] = SmtpChannel(parse_smtp_url(smtp_url), store.clock.now)
        except (ValueError, OSError) as error:
            raise ConfigurationError(f"SURVEY_SMTP_URL: {error}") from error
    if twilio is not None:
        channels[ChannelName.SMS] = TwilioSmsChannel(twilio)
    for channel in channels.values():
        stack.push_async_callback(channel.close)
    return channels


async def _smtp_url(settings: Settings, store: Store, stack: AsyncExitStack) -> str | None:
    if settings.smtp_url is not None:
        return settings.smtp_url.get_secret_value()
    if not settings.sandbox_on:
        return None
    sandbox = await SandboxSmtp.start(store.sandbox, store.clock)
    stack.push_async_callback(sandbox.stop)
    return sandbox.url


def _twilio(settings: Settings, sandbox: TwilioEndpoint | None) -> TwilioSettings | None:
    if settings.twilio_account_sid is not None and settings.twilio_auth_token is not None:
        return TwilioSettings(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            settings.twilio_from,
            settings.twilio_messaging_service_sid,
            settings.twilio_api_url,
        )
    if sandbox is None:
        return None
    return TwilioSettings(sandbox.account_sid, sandbox.auth_token, SANDBOX_NUMBER, api_url=sandbox.url)


async def _sms_sandbox(
    settings: Settings, store: Store, keyring: Keyring, stack: AsyncExitStack
) -> TwilioEndpoint | None:
    """The Twilio-shaped endpoint that stands in for an account, where that is wanted."""
    if settings.twilio_account_sid is not None or not settings.sandbox_on:
        return None
    # The same in every process: what one sends, another one's callback is signed for.
    secret = keyring.internal_secret("sandbox-twilio")
    sandbox = TwilioEndpoint(f"AC{secret[:32]}", secret[32:], StoredTexts(store.sandbox_texts), store.clock.now)
    await sandbox.start()
    stack.push_async_callback(sandbox.stop)
    return sandbox


def _write_as_customer(sandbox: TwilioEndpoint, base_url: str) -> WriteAsCustomer:
    async def write(number: str, text: str) -> bool:
        status = await sandbox.receive(f"{base_url}/callbacks/twilio/inbound", number, SANDBOX_NUMBER, text)
        return status == HTTPStatus.OK

    return write


async def _watch(store: Store, worker: Worker) -> None:
    """Follow the database's clock, and show how much is due."""
    while True:
        await asyncio.sleep(CLOCK_EVERY)
        try:
            await store.database.synchronise_clock()
            for loop in worker.loops:
                DUE_ROWS.labels(loop.stage.name).set(await loop.stage.claims.waiting())
        except Exception as error:
            if as_service_error(error) is None:
                raise
            log.warning("watch.database_away", error=type(error).__name__)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
