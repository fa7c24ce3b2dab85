"""Readers of pages, from a process of their own: `python -m benchmarks.page_load PORT CONNECTIONS REQUESTS PATHS`.

`PATHS` is a file of addresses, one a line; they are asked for in turn, as a browser asks. One line of JSON, a `Load`,
goes out.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path

import orjson
import uvloop

from benchmarks.http_load import send_all


def page_request(path: str) -> bytes:
    """What a browser sends, as far as it matters to the server."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
        "Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n"
    ).encode()


def main() -> None:
    port, connections, requests = map(int, sys.argv[1:4])
    paths = Path(sys.argv[4]).read_text().splitlines()
    load = uvloop.run(send_all(port, connections, [page_request(path) for path in islice(cycle(paths), requests)], 200))
    print(orjson.dumps(asdict(load)).decode())


if __name__ == "__main__":
    main()
