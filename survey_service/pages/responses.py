"""HTML answers: a page goes in, an HTTP response that no cache keeps and no referrer leaks comes out."""

from __future__ import annotations

import asyncio

from aiohttp import web

from survey_service.pages.look import PAGE_POLICY, ClosedView, Reason, render_closed
from survey_service.texts.locales import choose_language
from survey_service.texts.words import LANGUAGES

MAX_FORM_BYTES = 64 * 1024
FORM_SECONDS = 20.0
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


def unknown_page(request: web.Request, reason: Reason = "unknown", status: int = 404) -> web.Response:
    """The friendly page for a link that leads nowhere, in the language of the browser."""
    return html_response(render_closed(ClosedView(lang=browser_language(request), reason=reason)), status=status)


def browser_language(request: web.Request) -> str:
    """The first language of `Accept-Language` that the interface speaks; its order is taken for its weight."""
    header = request.headers.get("Accept-Language", "")[:200]
    wanted = [part.partition(";")[0].strip() for part in header.split(",")]
    return choose_language(wanted, LANGUAGES, "en")


async def read_form(request: web.Request) -> dict[str, str] | None:
    """The fields of an urlencoded form, the last one of a name; None if it is too large, too slow or no form."""
    if request.content_length is not None and request.content_length > MAX_FORM_BYTES:
        return None
    if request.content_type != "application/x-www-form-urlencoded":
        return {} if not request.can_read_body else None
    try:
        async with asyncio.timeout(FORM_SECONDS):
            fields = await request.post()
    except (TimeoutError, ValueError, LookupError, web.HTTPRequestEntityTooLarge):
        return None
    form = {name: value for name, value in fields.items() if isinstance(value, str)}
    return form if sum(len(value) for value in form.values()) <= MAX_FORM_BYTES else None
