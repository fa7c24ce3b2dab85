"""A receiver of webhooks on this machine that behaves as it is told; every call that reached it comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import time_machine
from aiohttp import web
from standardwebhooks import Webhook as Verifier

from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Received:
    """One call, as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        """Its body."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def verify(self, secret: str) -> dict[str, Any]:
        """The content, once the library of Standard Webhooks is content with the signature.

        The library looks at this machine's clock, tests move the service's: it is asked at the time of the call.
        """
        sent_at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        with time_machine.travel(sent_at, tick=False):
            verified: dict[str, Any] = Verifier(secret).verify(self.body, dict(self.headers))
        return verified


Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(status: int, **headers: str) -> Behaviour:
    """Answers with a status; `Retry_After="5"` becomes a header."""

    async def behave(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return behave


accept = answer(204)


async def hang(request: web.Request) -> web.StreamResponse:
    """Takes the call and never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def drop(request: web.Request) -> web.StreamResponse:
    """Ends the connection instead of answering."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    """Says 200, and then never ends its body."""
    reply = web.StreamResponse(headers={"Content-Length": "100"})
    await reply.prepare(request)
    await reply.write(b"x")
    return await hang(request)


async def flood(request: web.Request) -> web.StreamResponse:
    """Says 200, and then sends more than anybody wants to read."""
    reply = web.StreamResponse()
    await reply.prepare(request)
    with suppress(ConnectionError):
        while True:
            await reply.write(b"x" * 65_536)
    return reply


@dataclass
class Receiver:
    """Listens from `async with` on; behaves well until told otherwise."""

    calls: list[Received] = field(default_factory=list)
    _script: list[Behaviour] = field(default_factory=list)
    _always: Behaviour = accept
    _port: int = 0
    _runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where it is called."""
        return f"http://127.0.0.1:{self._port}/hooks"

    @property
    def messages(self) -> list[str]:
        """The ids that arrived, each as often as it did."""
        return [call.message for call in self.calls]

    @property
    def told(self) -> list[str]:
        """The types that arrived."""
        return [call.content["type"] for call in self.calls]

    def script(self, *behaviours: Behaviour) -> None:
        """Behave so on the next calls, one after the other, then as always."""
        self._script.extend(behaviours)

    def always(self, behaviour: Behaviour) -> None:
        """Behave so from now on."""
        self._always = behaviour

    async def start(self) -> None:
        """Listen, at the same port again if it did before."""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be down: nobody listens."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def until_called(self, count: int) -> list[Received]:
        """Every call, as soon as there are `count` of them."""

        async def look() -> bool:
            return len(self.calls) >= count

        await until(look, f"{count} calls of the webhook; there were {len(self.calls)}", every=0.01)
        return self.calls

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Received(request.path_qs, headers, body))
        behave = self._script.pop(0) if self._script else self._always
        return await behave(request)
