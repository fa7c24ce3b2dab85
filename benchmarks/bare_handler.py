"""The floor of ingest, in a process of its own: an aiohttp handler that reads the body and answers constant bytes.

`python -m benchmarks.bare_handler PORT [MONGODB_URI]`; with a database it also does what one would write first:
parse the JSON, `insert_one` it with majority and journal.
"""

from __future__ import annotations

import sys

import orjson
import uvloop
from aiohttp import web
from motor.motor_asyncio import AsyncIOMotorClient

ANSWER = orjson.dumps(
    {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "results": [{"key": "evt_" + "0" * 22, "source": "/airports/EWR", "id": "0" * 18, "status": "accepted"}],
    }
)


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=202, body=ANSWER, content_type="application/json")


async def ready(_: web.Request) -> web.Response:
    return web.Response()


async def serve(port: int, uri: str | None) -> web.Application:
    app = web.Application()
    app.router.add_get("/readyz", ready)
    if uri is None:
        app.router.add_post("/v1/events", answer)
        return app
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(uri, w="majority", journal=True, maxPoolSize=64)
    collection = client["bench_floor"]["single"]

    async def insert(request: web.Request) -> web.Response:
        event = orjson.loads(await request.read())
        await collection.insert_one({"_id": event["id"], **event})
        return web.Response(status=202, body=ANSWER, content_type="application/json")

    app.router.add_post("/v1/events", insert)
    return app


def main() -> None:
    port, uri = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    uvloop.install()
    web.run_app(serve(port, uri), host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
