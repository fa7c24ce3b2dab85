"""What a page's form may be: urlencoded, UTF-8, and of a bounded size, however it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from survey_service.pages.responses import MAX_FORM_BYTES, read_form
from tests.support.service import ApiClient, client_of

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def reader() -> AsyncIterator[ApiClient]:
    """A client of a page that says what it read."""

    async def say(request: web.Request) -> web.Response:
        return web.json_response(await read_form(request))

    app = web.Application()
    app.router.add_post("/", say)
    async with client_of(app) as client:
        yield client


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """Sent without a Content-Length."""
    for start in range(0, len(body), 16 * 1024):
        yield body[start : start + 16 * 1024]


@pytest.mark.parametrize("content_type", [FORM, f"{FORM};charset=UTF-8", f'{FORM}; charset="utf8"'])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_form_is_read_however_it_is_sent(reader: ApiClient, content_type: str, chunked: bool) -> None:
    body = "nps=9&why=sch%C3%B6n+ümlaut&more=a&more=b&none=".encode()
    answer = await reader.post("/", data=in_pieces(body) if chunked else body, headers={"Content-Type": content_type})
    assert await answer.json() == {"nps": "9", "why": "schön ümlaut", "more": "a\nb", "none": ""}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        *((f"{FORM}; charset={name}", b"nps=9") for name in ("punycode", "idna", "utf-16", "latin-1", "unheard-of")),
        (FORM, b"why=\xff"),
        (FORM, b"&".join([b"a=1"] * 2000)),
        (FORM, b"why=" + b"x" * MAX_FORM_BYTES),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="nps"\r\n\r\n9\r\n--x--'),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_no_such_form_is_not_read(
    reader: ApiClient, content_type: str, body: bytes, chunked: bool
) -> None:
    answer = await reader.post("/", data=in_pieces(body) if chunked else body, headers={"Content-Type": content_type})
    assert await answer.json() is None
