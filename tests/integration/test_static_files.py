"""Static files: the right version is kept for ever, another one is asked for each time, and nothing is sent twice."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from survey_service.pages import static_files
from survey_service.pages.assets import STATIC_FOLDER, static_url
from tests.support.service import ApiClient, client_of

NAMES = sorted(path.name for path in STATIC_FOLDER.iterdir())
PLAIN = {"Accept-Encoding": "identity"}
PACKED = {"Accept-Encoding": "gzip, deflate, br"}
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
async def client() -> AsyncIterator[ApiClient]:
    app = web.Application()
    app.add_routes(static_files.ROUTES)
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_comes_as_it_is_or_as_gzip(client: ApiClient, name: str) -> None:
    content = (STATIC_FOLDER / name).read_bytes()
    plain = await client.get(static_url(name), headers=PLAIN, auto_decompress=False)
    packed = await client.get(static_url(name), headers=PACKED, auto_decompress=False)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert await plain.read() == content == gzip.decompress(await packed.read())
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for answer in (plain, packed):
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(await answer.read())
        assert answer.headers["Content-Type"].startswith("text/")
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "cached"),
    [("", "public, no-cache"), ("?v=0123456789ab", "public, no-cache"), (None, FOR_EVER)],
)
async def test_only_the_version_we_have_is_kept_for_ever(client: ApiClient, query: str | None, cached: str) -> None:
    url = static_url("survey.css") if query is None else f"/static/survey.css{query}"
    answer = await client.get(url)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, cached)


@pytest.mark.parametrize("encoding", [PLAIN, PACKED])
async def test_who_has_the_file_is_not_sent_it_again(client: ApiClient, encoding: dict[str, str]) -> None:
    url = static_url("survey.css")
    first = await client.get(url, headers=encoding)
    for known in (first.headers["ETag"], f'"other", W/{first.headers["ETag"]}', "*"):
        again = await client.get(url, headers={**encoding, "If-None-Match": known})
        assert (again.status, await again.read()) == (304, b"")
        kept = ("Cache-Control", "ETag", "Vary")
        assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]


async def test_who_has_something_else_is_sent_the_file(client: ApiClient) -> None:
    packed = await client.get(static_url("survey.css"), headers=PACKED)
    for known in ('"other"', packed.headers["ETag"]):
        answer = await client.get(static_url("survey.css"), headers={**PLAIN, "If-None-Match": known})
        assert answer.status == 200


async def test_head_tells_what_get_would_send(client: ApiClient) -> None:
    sent = await client.get(static_url("survey.css"), headers=PACKED)
    told = await client.head(static_url("survey.css"), headers=PACKED)
    names = ("Content-Length", "Content-Type", "Content-Encoding", "ETag", "Cache-Control")
    assert [told.headers[name] for name in names] == [sent.headers[name] for name in names]
    assert await told.read() == b""


@pytest.mark.parametrize("name", ["missing.css", "..%2Fassets.py", ".hidden", "survey.css%00"])
async def test_what_is_no_file_of_ours_is_not_found(client: ApiClient, name: str) -> None:
    assert (await client.get(f"/static/{name}")).status == 404
