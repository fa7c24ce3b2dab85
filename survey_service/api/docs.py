"""`/docs` and `/openapi.yaml`: the API's description goes out, for people as Swagger UI, wholly from this host."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from survey_service.api.openapi import openapi_yaml

_FOLDER = Path(__file__).parent / "static" / "swagger"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add_docs(app: web.Application) -> None:
    """Register the pages and their static files."""
    app.router.add_get("/docs", get_docs)
    app.router.add_get("/openapi.yaml", get_openapi)
    app.router.add_static("/docs/static", _FOLDER)


async def get_docs(_: web.Request) -> web.StreamResponse:
    """The page that Swagger UI fills."""
    return web.FileResponse(_FOLDER / "index.html", headers=_PAGE_HEADERS)


async def get_openapi(request: web.Request) -> web.Response:
    """The description; a 304 where `If-None-Match` names it."""
    # Written once a process, which takes longer than a loop may be held.
    text = await asyncio.to_thread(openapi_yaml)
    headers = {"ETag": f'"{sha256(text.encode()).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type="application/yaml", headers=headers)
