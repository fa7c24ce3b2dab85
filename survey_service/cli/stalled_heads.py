"""Connections come in; those are closed whose first request does not get as far as the end of its head.

aiohttp waits for it for ever, and each such connection holds a file. One that has asked something before is between two
requests: aiohttp closes it by its own keep-alive time, which is long, since proxies keep connections for reuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

HEAD_SECONDS = 20.0
_LOOKS = 4  # within that time


class StalledHeads:
    """Closes them after `seconds`, or up to half as long again; `note` is the outermost middleware."""

    def __init__(self, seconds: float = HEAD_SECONDS) -> None:
        self._seconds = seconds
        self._heard: set[web.RequestHandler] = set()
        self._silent_since: dict[web.RequestHandler, float] = {}

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The head of a request is whole."""
        self._heard.add(request.protocol)
        return await handler(request)

    @asynccontextmanager
    async def watched(self, server: web.Server) -> AsyncIterator[None]:
        """While open, the connections of `server` are looked at."""
        watch = asyncio.create_task(self._watch(server))
        try:
            yield
        finally:
            watch.cancel()

    async def _watch(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(self._seconds / _LOOKS)
            self._close_silent(server.connections, asyncio.get_running_loop().time())

    def _close_silent(self, connections: Sequence[web.RequestHandler], now: float) -> None:
        self._heard.intersection_update(connections)
        self._silent_since = {
            each: self._silent_since.get(each, now) for each in connections if each not in self._heard
        }
        for connection, since in self._silent_since.items():
            if now - since >= self._seconds:
                connection.force_close()
