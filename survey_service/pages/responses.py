"""HTML answers: a page goes in, an HTTP response that no cache keeps and no referrer leaks comes out."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

from survey_service.pages.look import PAGE_POLICY, ClosedView, Reason, render_closed
from survey_service.texts.locales import choose_language
from survey_service.texts.words import LANGUAGES

MAX_FORM_BYTES = 64 * 1024
FORM_SECONDS = 20.0
_MOST_FIELDS = 1000
_UTF_8 = frozenset({"utf-8", "utf8"})
_BY_MESSAGE = ("/s/", "/u/")  # where the links in messages lead
CONFIGURATION_AGE = 1.0  # seconds that a page's brand may lag behind

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def html_response(page: str, *, status: int = 200, policy: str = PAGE_POLICY) -> web.Response:
    """A page for one person."""
    headers = {**_HEADERS, "Content-Security-Policy": policy}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)


def assembled_response(body: bytes, *, gzip: bool, status: int = 200, policy: str = PAGE_POLICY) -> web.Response:
    """A page for one person that comes as bytes: a gzip member, or plain."""
    headers = {
        **_HEADERS,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Vary": "Accept-Encoding",
    }
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, status=status, headers=headers)


def unknown_page(
    request: web.Request, reason: Reason = "unknown", status: int = 404, *, by_message: bool = True
) -> web.Response:
    """The friendly page that belongs to no brand, in the language of the browser; see `ClosedView`."""
    view = ClosedView(lang=browser_language(request), reason=reason, by_message=by_message)
    return html_response(render_closed(view), status=status)


def error_page(request: web.Request, status: int, retry_after: int | None) -> web.Response:
    """The page where another one failed: that it is us, and to come again; `retry_after` is in seconds."""
    reason: Reason = "broken" if status >= 500 else "unknown"
    response = unknown_page(request, reason, status, by_message=request.path.startswith(_BY_MESSAGE))
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def browser_language(request: web.Request) -> str:
    """The first language of `Accept-Language` that the interface speaks."""
    return choose_language(accepted_languages(request), LANGUAGES, "en")


def accepted_languages(request: web.Request) -> list[str]:
    """The locales of `Accept-Language`; their order is taken for their weight."""
    header = request.headers.get("Accept-Language", "")[:200]
    return [part.partition(";")[0].strip() for part in header.split(",")]


async def read_form(request: web.Request) -> dict[str, str] | None:
    """The fields of an urlencoded form; None if it is too large, too slow or no form in UTF-8.

    A field that comes several times holds its values one a line.
    """
    if request.content_length is not None and request.content_length > MAX_FORM_BYTES:
        return None
    if request.content_type != "application/x-www-form-urlencoded":
        return {} if not request.can_read_body else None
    # aiohttp's own reader decodes by whatever codec the request names, and some of Python's take minutes.
    if (request.charset or "utf-8").lower() not in _UTF_8:
        return None
    try:
        fields = parse_qsl((await _read(request)).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (TimeoutError, ValueError, web.RequestPayloadError, ConnectionError):
        return None
    form: dict[str, str] = {}
    for name, value in fields:
        form[name] = f"{form[name]}\n{value}" if name in form else value
    return form


async def _read(request: web.Request) -> bytes:
    """The whole body; raises ValueError where it is too large, whatever was said of its length."""
    body = bytearray()
    async with asyncio.timeout(FORM_SECONDS):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                raise ValueError(f"a form may have {MAX_FORM_BYTES} bytes")
    return bytes(body)
