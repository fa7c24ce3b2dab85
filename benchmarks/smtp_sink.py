"""An SMTP server that says yes to everything and forgets it, in a process of its own.

`python -m benchmarks.smtp_sink PORT`. aiosmtpd takes about as long over a mail as the service does, so it would be half
of what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import cast

import uvloop

_ANSWERS = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
_END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection; the client waits for each answer, so a read never holds two commands.

    `tell` is called with each mail that was taken.
    """

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self._tell = tell
        self._transport: asyncio.WriteTransport | None = None
        self._content: bytes | None = None  # the last bytes of the mail that is being sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no instances of it
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._content is not None:
            self._content = (self._content + data)[-len(_END) :]
            if self._content == _END:
                self._content = None
                self._transport.write(b"250 2.0.0 Ok: queued\r\n")
                self._tell()
            return
        verb = data[:4].upper()
        self._transport.write(_ANSWERS.get(verb, b"500 5.5.2 what?\r\n"))
        if verb == b"DATA":
            self._content = b""
        elif verb == b"QUIT":
            self._transport.close()


async def serve(port: int) -> None:
    """Listen for ever."""
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
