"""Where a request comes from, as far as it tells: from this machine alone, from another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from survey_service.parts import PARTS
from survey_service.settings import LOOPBACK

_FORWARDED = frozenset({"Forwarded", "X-Forwarded-For"})


def is_open(request: web.Request) -> bool:
    """Whether nobody has to say who they are: in a sandbox that neither listens nor is called but on this machine.

    The name that the browser calls is looked at too: a page from outside that lets its own name point here (DNS
    rebinding) must not read along. So is what a proxy or tunnel on this machine adds for those whom it brings.
    """
    parts = request.app[PARTS]
    names = {parts.settings.host, urlsplit(parts.base_url).hostname, _called(request)}
    return parts.settings.sandbox_on and names <= LOOPBACK and not any(name in request.headers for name in _FORWARDED)


def comes_from_elsewhere(request: web.Request) -> bool:
    """Whether another site sent this form (https://www.w3.org/TR/fetch-metadata/); older browsers do not tell."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}


def _called(request: web.Request) -> str | None:
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:  # such as `[1`
        return None
