"""Endpoints: a handler with its route, scope and shapes; one wrapper reads, authorises, answers.

The shapes are read off the handler's own annotations: an argument named `body` is the JSON body, one named `query`
the query string. The same table makes the routes and openapi.yaml.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import orjson
from aiohttp import web
from pydantic import BaseModel

from survey_service.api.auth import authorise, check_gives
from survey_service.api.reading import read_query, read_shape
from survey_service.errors import InvalidInput
from survey_service.models.api_key import ApiKey, Scope
from survey_service.parts import PARTS, Parts

IDEMPOTENCY_KEY = "Idempotency-Key"
_VERSION = re.compile(r"[0-9]{1,9}")
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,100}")


def check_idempotency_key(key: str | None) -> None:
    """Refuse a key that no header could hold; raises InvalidInput."""
    if key is not None and not _PRINTABLE.fullmatch(key):
        message = f"{IDEMPOTENCY_KEY} must be 1 to 100 printable ASCII characters"
        raise InvalidInput.at("", "idempotency_key", message)


def read_version_number(text: str) -> int | None:
    """A version as we write them; None for what no version of ours could be."""
    return int(text) if _VERSION.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it; `key` is None on routes without a scope."""

    request: web.Request
    parts: Parts
    key: ApiKey | None

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def expected_version(self) -> int | None:
        """The version that `If-Match` names; `*` and no header mean any.

        Raises:
            InvalidInput: it is not an ETag of ours.
        """
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        version = read_version_number(header.strip().removeprefix("W/").strip('"'))
        if version is None:
            raise InvalidInput.at("", "if_match", "If-Match must hold one ETag that this service gave")
        return version

    def idempotency_key(self) -> str | None:
        """The caller's own name of this request; repeated under it, it is done once.

        Raises:
            InvalidInput: it is too long, or more than printable ASCII.
        """
        key = self.request.headers.get(IDEMPOTENCY_KEY)
        check_idempotency_key(key)
        return key

    @property
    def caller(self) -> str:
        """Who calls, as a history shows it."""
        return f"api:{self.key.name}" if self.key else "api"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers; `etag` becomes the header, and a 304 where `If-None-Match` names it."""

    data: BaseModel | Mapping[str, Any] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: int | None = None


Handler = Callable[..., Awaitable[Reply | BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route. `answers` maps each success status to its shape (None: no body).

    `gives` are scopes that somebody gets by it, which the caller's key needs as well.
    `accepts` lists body types that the handler reads itself, with the shape, or what stands in them in words.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    scope: Scope | None
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    accepts: Mapping[str, type[BaseModel] | str]
    gives: Sequence[Scope] = ()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Authorise, read, handle, answer."""
        parts = request.app[PARTS]
        key = await authorise(request, parts, self.scope) if self.scope else None
        check_gives(key, self.gives)
        arguments: dict[str, Any] = {}
        if self.query is not None:
            arguments["query"] = read_query(request, self.query)
        if self.body is not None:
            arguments["body"] = await read_shape(request, self.body)
        answer = await self.handler(Call(request, parts, key), **arguments)
        if isinstance(answer, web.StreamResponse):
            return answer
        return respond(request, answer if isinstance(answer, Reply) else Reply(answer))


def endpoint(
    method: str,
    path: str,
    *,
    tag: str,
    scope: Scope | None,
    answers: Mapping[int, type[BaseModel] | None],
    accepts: Mapping[str, type[BaseModel] | str] | None = None,
    gives: Sequence[Scope] = (),
) -> Callable[[Handler], Endpoint]:
    """Make a handler an endpoint; the first line of its docstring is the summary in openapi.yaml."""

    def wrap(handler: Handler) -> Endpoint:
        hints = get_type_hints(handler)
        summary = (inspect.getdoc(handler) or "").split("\n")[0].rstrip(".")
        shapes = hints.get("body"), hints.get("query")
        return Endpoint(method, path, handler, summary, tag, scope, answers, *shapes, accepts or {}, gives)

    return wrap


def respond(request: web.Request, reply: Reply) -> web.Response:
    """The HTTP answer to a reply."""
    headers = dict(reply.headers)
    if reply.etag is not None:
        headers["ETag"] = f'"{reply.etag}"'
        if request.method == "GET" and headers["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
    if reply.data is None:
        return web.Response(status=reply.status, headers=headers)
    return web.Response(
        status=reply.status, body=dump_json(reply.data), content_type="application/json", headers=headers
    )


def dump_json(data: BaseModel | Mapping[str, Any]) -> bytes:
    """JSON with RFC 3339 instants in UTC, written with `Z`."""
    value = data.model_dump(mode="python") if isinstance(data, BaseModel) else data
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
