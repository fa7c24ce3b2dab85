"""An address of an export goes in; how many rows came, and in how many seconds, goes out."""

from __future__ import annotations

import json
import socket
import sys
import time

from benchmarks.processes import HOST


def main(port: str, path: str, key: str) -> None:
    """HTTP/1.0, so that the body is the rows and nothing else, and reading it costs next to nothing."""
    rows, tail, started = 0, b"", time.perf_counter()
    with socket.create_connection((HOST, int(port))) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        while b"\r\n\r\n" not in tail:
            tail += connection.recv(1024)
        head, _, body = tail.partition(b"\r\n\r\n")
        assert head.split()[1] == b"200", head
        rows = body.count(b"\n")
        while part := connection.recv(1 << 18):
            rows += part.count(b"\n")
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
