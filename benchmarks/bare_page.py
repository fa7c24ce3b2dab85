"""The floor of a page, in a process of its own: an aiohttp handler that answers constant bytes.

`python -m benchmarks.bare_page PORT ANSWER`; `ANSWER` is a file of JSON: `headers`, and how many bytes as `size`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import uvloop
from aiohttp import web


def serve(answer: Path) -> web.Application:
    known = orjson.loads(answer.read_bytes())
    body, headers = b"x" * known["size"], known["headers"]

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get("/s/{token}", show)
    return app


def main() -> None:
    uvloop.install()
    app = serve(Path(sys.argv[2]))
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
