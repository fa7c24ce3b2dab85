"""Requests over kept connections, from a process of its own: how many, how fast, and how busy it was itself.

`python -m benchmarks.http_load PORT CONNECTIONS REQUESTS EVENTS`: each connection sends its next request when the
answer to the last one is complete. `EVENTS` is how many a request carries. One line of JSON, a `Load`, goes out.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median
from typing import cast

import orjson
import uvloop

from benchmarks.events import make_lines

KEY = "bench-key-bench-key"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run came to; `busy` is the client's own processor time as a share of the run."""

    events_per_second: float
    p50_ms: float
    busy: float


class _Caller(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, requests: Iterator[bytes], expected: bytes, done: asyncio.Future[None], times: list[float]
    ) -> None:
        self._requests = requests
        self._expected = expected
        self._done = done
        self._times = times
        self._buffer = bytearray()
        self._sent_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no instances of it

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def call(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        if length is None or not self._buffer.startswith(self._expected):
            if not self._done.done():
                self._done.set_exception(RuntimeError(bytes(self._buffer[:500]).decode()))
            return
        if len(self._buffer) >= end + 4 + int(length[1]):
            self._times.append(time.perf_counter() - self._sent_at)
            self._buffer.clear()
            self.call()


async def send_all(port: int, connections: int, requests: Sequence[bytes], status: int) -> Load:
    """Send what was built before the clock starts; every answer must have `status`. Counts requests as events."""
    loop = asyncio.get_running_loop()
    queue = iter(requests)
    expected = f"HTTP/1.1 {status}".encode()
    times: list[float] = []
    callers = []
    for _ in range(connections):
        done = loop.create_future()
        _, caller = await loop.create_connection(partial(_Caller, queue, expected, done, times), "127.0.0.1", port)
        callers.append((caller, done))
    started, used = time.perf_counter(), time.process_time()
    for caller, _ in callers:
        caller.call()
    await asyncio.gather(*(done for _, done in callers))
    seconds, used = time.perf_counter() - started, time.process_time() - used
    assert len(times) == len(requests)
    return Load(len(requests) / seconds, median(times) * 1000, used / seconds)


async def run_load(port: int, connections: int, requests: int, events: int) -> Load:
    """Post `requests` times `events` landings."""
    lines = make_lines(requests * events)
    bodies = (b"\n".join(lines[start : start + events]) for start in range(0, len(lines), events))
    load = await send_all(port, connections, [_request(body, batch=events > 1) for body in bodies], 202)
    return replace(load, events_per_second=load.events_per_second * events)


def _request(body: bytes, *, batch: bool) -> bytes:
    kind = "application/x-ndjson" if batch else "application/cloudevents+json"
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    port, connections, requests, events = map(int, sys.argv[1:])
    load = uvloop.run(run_load(port, connections, requests, events))
    print(orjson.dumps(asdict(load)).decode())


if __name__ == "__main__":
    main()
