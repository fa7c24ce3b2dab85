"""Who looks into the sandbox: on this machine whoever comes, elsewhere who brings an API key that may see all of it.

What lies there opens the dashboard as anybody, since the mails that sign people in are there too: so a key needs what
people may do once they are signed in, and to operate the service. It comes as the password of HTTP Basic, which
browsers ask for by themselves; a sign-in by mail would have to be read in the sandbox first.
"""

from __future__ import annotations

from base64 import b64decode
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from survey_service.models.api_key import OF_A_PERSON, Scope
from survey_service.pages.callers import comes_from_elsewhere, is_open
from survey_service.parts import PARTS

NEEDED = frozenset({*OF_A_PERSON, Scope.OPERATE})

_CHALLENGE = 'Basic realm="An API key is the password here, with any name", charset="UTF-8"'
_EXPLANATION = (
    "The sandbox shows every message, those that sign people in as well. It is open to the machine that it runs on, "
    "under a loopback address. Everybody else comes with an API key that has the scopes "
    f"{', '.join(sorted(NEEDED))}: it is the password, with any name.\n"
)


def for_insiders(handler: Handler) -> Handler:
    """The handler, which answers nobody else; and no form that another site sends in their name."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        if not is_open(request) and not await _brings_key(request):
            return _refusal(401, _EXPLANATION, {"WWW-Authenticate": _CHALLENGE})
        if request.method == "POST" and comes_from_elsewhere(request):
            return _refusal(403, "This form came from another site.\n", {})
        return await handler(request)

    return answer


async def _brings_key(request: web.Request) -> bool:
    password = _password_of(request.headers.get("Authorization", ""))
    key = await request.app[PARTS].store.api_keys.find(password) if password else None
    return key is not None and set(key.scopes) >= NEEDED


def _password_of(header: str) -> str | None:
    """The password of HTTP Basic (RFC 7617)."""
    scheme, _, login = header.partition(" ")
    try:
        return b64decode(login, validate=True).decode().partition(":")[2] if scheme.lower() == "basic" else None
    except ValueError:
        return None


def _refusal(status: int, words: str, headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, text=words, headers={"Cache-Control": "no-store", **headers})
