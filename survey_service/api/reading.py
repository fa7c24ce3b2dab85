"""Reading requests: bounded bodies of the right type go in, strictly validated shapes come out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from aiohttp import ClientPayloadError, web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from pydantic import BaseModel, ValidationError

from survey_service.api.problems import invalid_from
from survey_service.api.strict_json import parse_json
from survey_service.errors import MalformedInput, TooLarge, UnsupportedMedia

MAX_BODY_BYTES = 1024 * 1024
LONG_BODY_SECONDS = 60.0  # for a mail with all that is attached
BODY_SECONDS = 20.0  # aiohttp itself waits for ever on a stalled body

CHUNK_BYTES = 64 * 1024

ShapeT = TypeVar("ShapeT", bound=BaseModel)


async def read_body(request: web.Request, content_types: tuple[str, ...]) -> bytes:
    """The whole body.

    Raises:
        UnsupportedMedia: an encoded body, or a content type that is not in `content_types`.
        TooLarge: more than 1 MiB.
        MalformedInput: the connection broke or stalled in the middle.
    """
    _refuse_other(request, content_types, MAX_BODY_BYTES)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except HTTPRequestEntityTooLarge as error:
        raise TooLarge(f"a body may have {MAX_BODY_BYTES} bytes") from error
    except (TimeoutError, ClientPayloadError, ConnectionError) as error:
        raise MalformedInput("the body did not arrive whole") from error


async def read_beginning(request: web.Request, content_types: tuple[str, ...], *, most: int, keep: int) -> bytes:
    """The first `keep` bytes of a body of at most `most` bytes; the rest is read and forgotten.

    Raises:
        UnsupportedMedia, TooLarge, MalformedInput: as `read_body` does.
    """
    _refuse_other(request, content_types, most)
    beginning, seen = bytearray(), 0
    try:
        async with asyncio.timeout(LONG_BODY_SECONDS):
            async for chunk in request.content.iter_any():
                seen += len(chunk)
                if seen > most:
                    raise TooLarge(f"a body may have {most} bytes")
                beginning += chunk[: keep - len(beginning)]
    except (TimeoutError, ClientPayloadError, ConnectionError) as error:
        raise MalformedInput("the body did not arrive whole") from error
    return bytes(beginning)


async def body_chunks(request: web.Request, content_types: tuple[str, ...], most: int) -> AsyncIterator[bytes]:
    """The body piece by piece, for as long as something comes every 20 seconds.

    Raises:
        UnsupportedMedia, TooLarge, MalformedInput: as `read_body` does.
    """
    _refuse_other(request, content_types, most)
    seen = 0
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                chunk = await request.content.read(CHUNK_BYTES)
        except (TimeoutError, ClientPayloadError, ConnectionError) as error:
            raise MalformedInput("the body did not arrive whole") from error
        if not chunk:
            return
        seen += len(chunk)
        if seen > most:
            raise TooLarge(f"a body may have {most} bytes")
        yield chunk


def _refuse_other(request: web.Request, content_types: tuple[str, ...], most: int) -> None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("encoded bodies are not taken; send it plain")
    if request.content_type not in content_types or "Content-Type" not in request.headers:
        raise UnsupportedMedia(f"the content type must be {' or '.join(content_types)}")
    if request.content_length is not None and request.content_length > most:
        raise TooLarge(f"a body may have {most} bytes")


async def read_shape(request: web.Request, shape: type[ShapeT]) -> ShapeT:
    """The JSON body as `shape`, strictly: no coercion, no unknown field, no duplicate key."""
    body = await read_body(request, ("application/json",))
    parse_json(body)
    try:
        return shape.model_validate_json(body, strict=True, extra="forbid")
    except ValidationError as error:
        raise invalid_from(error) from None


def read_query(request: web.Request, shape: type[ShapeT]) -> ShapeT:
    """The query string as `shape`; a name that comes twice or is unknown is refused."""
    values: dict[str, str | list[str]] = {}
    for name in request.query:
        found = request.query.getall(name)
        values[name] = found[0] if len(found) == 1 else found
    try:
        return shape.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise invalid_from(error) from None
