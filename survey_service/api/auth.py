"""Who may call: a Bearer key with the scope that the route asks for."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from survey_service.errors import Forbidden, Unauthorized
from survey_service.models.api_key import ApiKey, Scope
from survey_service.parts import Parts


async def identify(request: web.Request, parts: Parts) -> ApiKey:
    """The key behind the request.

    Raises:
        Unauthorized: no key, or one we do not know.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorized("send `Authorization: Bearer KEY`")
    key = await parts.store.api_keys.find(secret.strip())
    if key is None:
        raise Unauthorized("this key is not known, or it was revoked")
    return key


def check_gives(key: ApiKey | None, scopes: Iterable[Scope]) -> None:
    """Refuse to give anybody what the caller may not do.

    Raises:
        Forbidden: the key lacks one of these scopes itself.
    """
    own = key.scopes if key else ()
    if lacking := [scope.value for scope in scopes if scope not in own]:
        raise Forbidden(f"a key cannot give what it lacks itself: {', '.join(lacking)}")


async def authorise(request: web.Request, parts: Parts, scope: Scope) -> ApiKey:
    """The key behind the request, which may do what the route does.

    Raises:
        Unauthorized: no key, or one we do not know.
        Forbidden: the key lacks `scope`.
    """
    key = await identify(request, parts)
    check_scope(key, scope)
    return key


def check_scope(key: ApiKey | None, scope: Scope) -> None:
    """Refuse a caller who may not do something.

    Raises:
        Forbidden: the key lacks `scope`.
    """
    if key is None or scope not in key.scopes:
        raise Forbidden(f"the key needs the scope {scope.value}")
