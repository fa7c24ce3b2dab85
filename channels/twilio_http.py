"""The Twilio SDK's requests come in; answers go out, over one session of few connections, or an account of what broke.

The SDK's own async client ignores its `timeout`, cannot say whether a request had left when it broke, and withholds
the headers of a refusal, so this one takes its place. Nothing is tried twice here.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlencode

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response


@dataclass(slots=True)
class _Progress:
    """How far a request came."""

    connected: bool = False


class NoAnswer(Exception):
    """No whole answer came; `sent` says whether the request may have left before that."""

    def __init__(self, cause: str, detail: str, *, sent: bool) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail
        self.sent = sent


class Refused(Exception):
    """An answer that is no success; `retry_after` is the header of that name as it came."""

    def __init__(self, status: int, body: str, retry_after: str | None) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.retry_after = retry_after


class PooledHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """What the SDK is given to speak HTTP: at most `connections` at a time, `timeout` seconds for each whole exchange.

    Waiting for a free connection does not count. Created inside a running event loop.
    """

    def __init__(self, connections: int, timeout: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True, timeout=timeout)
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._closed = False
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the slots are the limit
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout),
            trace_configs=[_tracing()],
        )

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, str | int] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request and read the whole answer; `timeout` and `allow_redirects` are the SDK's and stay unused.

        Raises:
            NoAnswer: the connection could not be opened, or broke, or the time was up.
            Refused: the answer's status is not 2xx.
            UnicodeEncodeError: a value holds a lone surrogate; nothing was sent.
        """
        form = urlencode(data).encode() if data else None
        async with self._slots:
            if self._closed:
                raise NoAnswer("closed", "the channel is closed", sent=False)
            progress = _Progress()
            try:
                async with self._session.request(
                    method,
                    uri,
                    params=params,
                    data=form,
                    headers={**(headers or {}), **_authorization(auth)},
                    allow_redirects=False,
                    trace_request_ctx=progress,
                ) as answer:
                    body = (await answer.read()).decode("utf-8", "replace")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise NoAnswer(*_describe(error), sent=progress.connected) from error
        if answer.status // 100 != 2:
            raise Refused(answer.status, body, answer.headers.get("Retry-After"))
        return Response(answer.status, body, answer.headers)

    async def close(self) -> None:
        """Refuse what comes, let what runs finish, then close every connection."""
        self._closed = True
        held = 0
        try:
            while held < self._connections:
                await self._slots.acquire()
                held += 1
        finally:
            await self._session.close()
            for _ in range(held):
                self._slots.release()


def _tracing() -> aiohttp.TraceConfig:
    """Note in each request's `_Progress` that it has a connection: from then on it may have left."""

    async def note(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        context.trace_request_ctx.connected = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(note)
    tracing.on_connection_reuseconn.append(note)
    return tracing


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    """Basic authentication (RFC 7617); aiohttp's own argument for it is deprecated."""
    return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()} if auth else {}


def _describe(error: Exception) -> tuple[str, str]:
    """A stable code and a sentence for what broke; the libraries' own texts may repeat what was asked for."""
    if isinstance(error, TimeoutError):
        return "timeout", "no whole answer within the time allowed"
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls-failed", "no TLS with the server"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no-connection", "the name of the server is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no-connection", "the server takes no connection"
    if isinstance(error, aiohttp.InvalidURL):
        return "no-connection", "the address of the server is not valid"
    return "connection-lost", "the connection broke before the whole answer was there"
