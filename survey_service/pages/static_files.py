"""`/static/…`: style sheets and scripts, under addresses that change with their content and may be kept for ever."""

from __future__ import annotations

from functools import cache
from mimetypes import guess_type

from aiohttp import web

from survey_service.pages.assets import STATIC_FOLDER, render_brand_css
from survey_service.pages.responses import CONFIGURATION_AGE
from survey_service.parts import PARTS

_FOR_EVER = "public, max-age=31536000, immutable"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    return {
        path.name: (path.read_bytes(), guess_type(path.name)[0] or "application/octet-stream")
        for path in STATIC_FOLDER.iterdir()
        if path.is_file()
    }


async def get_static(request: web.Request) -> web.Response:
    """One of the packaged files."""
    found = _files().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    body, content_type = found
    response = web.Response(body=body, content_type=content_type, charset="utf-8")
    return _kept(response)


async def get_brand_css(request: web.Request) -> web.Response:
    """A brand's colours."""
    snapshot = await request.app[PARTS].store.configuration.current(CONFIGURATION_AGE)
    brand = snapshot.brands.get(request.match_info["brand"])
    if brand is None:
        raise web.HTTPNotFound
    css = render_brand_css(brand.colors.accent, brand.colors.on_accent)
    return _kept(web.Response(text=css, content_type="text/css"))


def _kept(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = _FOR_EVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.enable_compression()
    return response


ROUTES = (web.get("/static/brand/{brand}.css", get_brand_css), web.get("/static/{name}", get_static))
