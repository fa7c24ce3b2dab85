"""Connections that do not ask, or do not read what they asked for, end; what asks or waits is left alone."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from survey_service.cli.running import UNREAD_SECONDS, listen
from survey_service.cli.stalled_heads import StalledHeads
from tests.support.waiting import PATIENCE

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer_to(reader: asyncio.StreamReader) -> bytes:
    """The status line and the body of an answer of one letter."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b"\r\n")[0] + b" " + await reader.readexactly(1)


@pytest.mark.parametrize("beginning", [b"", b"GET /s/x HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_a_request_that_does_not_come_is_not_waited_for(beginning: bytes) -> None:
    closed = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await closed.wait()
        return web.Response(text="a")

    heads, app = StalledHeads(0.05), web.Application()
    app.middlewares.append(heads.note)
    app.router.add_get("/", wait)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    assert runner.server is not None
    async with asyncio.timeout(PATIENCE), heads.watched(runner.server):
        waiting, waiting_writer = await asyncio.open_connection(host, port)
        waiting_writer.write(REQUEST)
        stalled, stalled_writer = await asyncio.open_connection(host, port)
        stalled_writer.write(beginning)
        assert await stalled.read() == b""
        closed.set()
        assert await answer_to(waiting) == b"HTTP/1.1 200 OK a"
        late, late_writer = await asyncio.open_connection(host, port)
        assert await late.read() == b""
        waiting_writer.write(REQUEST)
        assert await answer_to(waiting) == b"HTTP/1.1 200 OK a"
        for writer in (waiting_writer, stalled_writer, late_writer):
            writer.close()
            await writer.wait_closed()
    await runner.cleanup()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a setting of Linux")
def test_a_connection_ends_when_its_answer_is_not_read() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        taken, _ = listener.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNREAD_SECONDS * 1000
