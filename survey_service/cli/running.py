"""Running: a role comes in; the service runs in this process until SIGTERM or Ctrl-C, and stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from aiohttp import web

from survey_service.api.app import RUNNER_OPTIONS, create_health
from survey_service.api.health import DRAINING
from survey_service.cli.stalled_heads import StalledHeads
from survey_service.errors import ConfigurationError
from survey_service.settings import Settings
from survey_service.wiring import Service, create_app, open_service

log = structlog.get_logger()

HTTP_GRACE = 5.0  # seconds that open requests have to end
UNREAD_SECONDS = 120.0  # that an answer may lie on the way without being read


class Role(StrEnum):
    """What a process does."""

    SERVE = "serve"  # API, pages and worker
    API = "api"  # API and pages
    WORKER = "worker"  # the stages; over HTTP only /livez, /readyz and /metrics


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers at `url`."""

    service: Service
    url: str


@asynccontextmanager
async def running_service(settings: Settings, role: Role) -> AsyncIterator[Running]:
    """Listen, open everything, work; on the way out: not ready, drain the worker, no new requests, close.

    Raises:
        ConfigurationError: the address is taken, or the settings cannot work.
    """
    listener = listen(settings.host, settings.port)
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    async with open_service(settings, base_url=settings.public_url or url) as service:
        app = create_health(service.parts) if role is Role.WORKER else create_app(service.parts)
        draining = app[DRAINING] = asyncio.Event()
        heads = StalledHeads()
        app.middlewares.insert(0, heads.note)
        runner = web.AppRunner(app, **RUNNER_OPTIONS, shutdown_timeout=HTTP_GRACE)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        assert runner.server is not None  # noqa: S101 -- it is there once the runner is set up
        if role is not Role.API:
            service.worker.start()
        log.info("service.started", role=role.value, url=url, embedded=settings.embedded)
        try:
            async with heads.watched(runner.server):
                yield Running(service, url)
        finally:
            draining.set()
            # The worker first: while it drains, /readyz says so instead of refusing the connection.
            if role is not Role.API:
                await service.worker.stop(settings.drain_seconds)
            await runner.cleanup()
            log.info("service.stopped", role=role.value)


async def run(settings: Settings, role: Role, then: Callable[[Running], Awaitable[None]] | None = None) -> None:
    """Run until a signal asks to stop or a loop of the worker breaks; `then` is called once it runs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_service(settings, role) as running:
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if role is not Role.API:
            waits.append(asyncio.create_task(running.service.worker.failed()))
        if then is not None:
            waits.append(asyncio.create_task(_then_wait(then(running), stop)))
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for task in done:
            task.result()


async def _then_wait(work: Awaitable[None], stop: asyncio.Event) -> None:
    await work
    await stop.wait()


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections, each of which ends when its other side does not read what it asked for.

    Raises:
        ConfigurationError: the address is taken.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}); set SURVEY_PORT to a free port"
        ) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; every connection has it from the socket that took it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))
    return listener
