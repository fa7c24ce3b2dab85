"""What goes wrong between a browser and the service: routes and ways on which things come late, twice or not at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import Page, Route


async def cut(route: Route) -> None:
    """Let the connection break before anything gets through."""
    await route.abort("connectionreset")


async def lose_the_receipt(route: Route) -> None:
    """Let the answer reach the service, and cut what comes back."""
    assert (await route.fetch()).status == 200
    await route.abort()


def only_posts(act: Callable[[Route], Awaitable[None]]) -> Callable[[Route], Awaitable[None]]:
    """Leave everything but POSTs alone."""

    async def act_on_posts(route: Route) -> None:
        await (act(route) if route.request.method == "POST" else route.fallback())

    return act_on_posts


def answer(status: int, body: str = "<main><h1>Oops</h1></main>", **headers: str) -> Callable[[Route], Awaitable[None]]:
    """Let something on the way answer instead of the service."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(status=status, body=body, content_type="text/html", headers=headers)

    return fulfil


async def slow_down(page: Page) -> None:
    """Two seconds for the way to the service, and 5 kB a second."""
    network = await page.context.new_cdp_session(page)
    await network.send("Network.enable")
    slow = {"offline": False, "latency": 2000, "downloadThroughput": 5000, "uploadThroughput": 5000}
    await network.send("Network.emulateNetworkConditions", slow)


@asynccontextmanager
async def slow_way(url: str) -> AsyncIterator[str]:
    """Another address of a page, which hands a POST on a little late, and only if its sender is still there then."""
    parts = urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        if head.startswith(b"GET") or await _is_still_there(reader):
            from_there, there = await asyncio.open_connection(parts.hostname, parts.port)
            there.write(re.sub(rb"connection: keep-alive", b"Connection: close", head, flags=re.IGNORECASE) + body)
            writer.write(await from_there.read())
            there.close()
        writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield parts._replace(netloc=f"127.0.0.1:{port}").geturl()


async def _is_still_there(reader: asyncio.StreamReader, after: float = 0.5) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), after) != b""
    except TimeoutError:
        return True
