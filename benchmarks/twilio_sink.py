"""A server that takes every text message in Twilio's form and forgets it: `python -m benchmarks.twilio_sink PORT`."""

from __future__ import annotations

import sys

import orjson
import uvloop
from aiohttp import web

_ACCEPTED = orjson.dumps(
    {
        "sid": "SM00000000000000000000000000000000",
        "status": "queued",
        "num_segments": "1",
        "error_code": None,
        "error_message": None,
    }
)


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=201, body=_ACCEPTED, content_type="application/json")


def main() -> None:
    """Serve on the port that is named, until the process is ended."""
    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", _take)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
