"""What every route shares: who may call, how often, and that any error is a problem."""

from __future__ import annotations

from typing import NoReturn

import pytest
from aiohttp import web
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from survey_service.api.app import create_api
from survey_service.errors import ConfigurationError, NotFound, Overloaded
from survey_service.models.api_key import Scope
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.wiring import create_app
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client, client_of, make_parts


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("", False)])
async def test_a_request_id_is_kept_or_made(api: ApiClient, given: str, kept: bool) -> None:
    response = await api.get("/livez", headers={"X-Request-Id": given})
    answered = response.headers["X-Request-Id"]
    assert (answered == given) is kept
    assert answered


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer sk_unknown", "Bearer \udcff", "Basic dTpw"])
async def test_without_a_known_key_nothing_is_answered(parts: Parts, header: str | None) -> None:
    async with client_of(create_api(parts)) as client:
        response = await client.get("/v1/responses", headers={} if header is None else {"Authorization": header})
        await assert_problem(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_may_do_what_its_scopes_say_and_no_more(parts: Parts) -> None:
    async with api_client(parts, Scope.EVENTS_READ) as client:
        assert (await client.get("/v1/events")).status == 200
        body = await assert_problem(await client.get("/v1/responses"), 403, "forbidden")
        assert "responses:read" in body["detail"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/nothing", "/v1/events/evt_1/more"])
async def test_an_unknown_address_is_a_problem(api: ApiClient, path: str) -> None:
    await assert_problem(await api.get(path), 404, "not_found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: ApiClient) -> None:
    response = await api.delete("/v1/events")
    await assert_problem(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_a_browser_on_an_unknown_page_gets_no_json(api: ApiClient) -> None:
    response = await api.get("/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (response.status, response.content_type) == (404, "text/plain")


async def test_a_surplus_of_calls_is_told_when_to_come_back(store: Store) -> None:
    async with api_client(make_parts(store, rate_limit="2/minute")) as client:
        first = await client.get("/v1/events")
        assert first.headers["RateLimit-Policy"] == '"key";q=2;w=60'
        assert first.headers["RateLimit"].startswith('"key";r=1;t=')
        assert (await client.get("/v1/events/unknown")).headers["RateLimit"].startswith('"key";r=0;t=')
        third = await client.get("/v1/events")
        await assert_problem(third, 429, "rate_limited")
        assert 1 <= int(third.headers["Retry-After"]) <= 60
        assert (await client.get("/livez")).status == 200


async def test_one_key_does_not_use_up_the_calls_of_another(store: Store) -> None:
    parts = make_parts(store, rate_limit="1/minute")
    app = create_api(parts)
    secrets = [(await store.api_keys.create(name, tuple(Scope)))[1] for name in ("one", "other")]
    async with client_of(app) as client:
        for secret in secrets:
            assert (await client.get("/v1/events", headers={"Authorization": f"Bearer {secret}"})).status == 200


def test_a_rate_limit_that_cannot_be_read_stops_the_start(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="SURVEY_RATE_LIMIT"):
        create_api(make_parts(store, rate_limit="often"))


async def test_an_unexpected_error_is_logged_by_place_and_without_the_callers_words(parts: Parts) -> None:
    async def break_down(request: web.Request) -> NoReturn:
        raise ValueError(await request.text())

    app = create_api(parts)
    app.router.add_post("/v1/broken/{token}", break_down)
    async with client_of(app) as client:
        with capture_logs() as lines:
            response = await client.post("/v1/broken/t0ken?email=ada@example.com", data="Ada Weber")
        body = await assert_problem(response, 500, "internal")
    assert response.headers["X-Request-Id"] in body["detail"]
    (failed,) = [line for line in lines if line["event"] == "request failed"]
    assert failed["error"] == "builtins.ValueError"
    assert "break_down" in failed["where"]
    assert not any(word in str(lines) for word in ("Ada", "t0ken", "example.com"))


@pytest.mark.parametrize(
    ("error", "status", "retry_after", "title"),
    [
        (AutoReconnect("mongo.acme.example: Ada"), 503, "2", "Bei uns funktioniert gerade etwas nicht"),
        (Overloaded("full", retry_after=7), 503, "7", "Bei uns funktioniert gerade etwas nicht"),
        (ValueError("Ada"), 500, None, "Bei uns funktioniert gerade etwas nicht"),
        (NotFound("gone"), 404, None, "Diesen Link kennen wir nicht"),
    ],
)
async def test_a_page_that_fails_says_so_in_the_language_of_its_reader(
    parts: Parts,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    retry_after: str | None,
    title: str,
) -> None:
    async def fail(_: web.Request) -> NoReturn:
        raise error

    app = create_app(parts)
    app.router.add_get("/s/{token}/broken", fail)
    async with client_of(app) as client:
        with capture_logs() as lines:
            response = await client.get("/s/t0ken/broken", headers={"Accept": "text/html", "Accept-Language": "de"})
        page = await response.text()
    assert (response.status, response.headers.get("Retry-After")) == (status, retry_after)
    assert f"<h1>{title}</h1>" in page
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Request-Id"]
    assert [line["error"] for line in lines if line["event"] == "request failed"] == (
        ["builtins.ValueError"] if status == 500 else []
    )
    assert not caplog.records
    assert "Ada" not in f"{lines}{page}"


async def test_errors_of_pages_are_left_to_the_pages(parts: Parts) -> None:
    async def refuse(_: web.Request) -> NoReturn:
        raise web.HTTPGone(text="<p>closed</p>", content_type="text/html")

    app = create_api(parts)
    app.router.add_get("/s/{token}", refuse)
    async with client_of(app) as client:
        response = await client.get("/s/t0ken", headers={"Accept": "text/html"})
        assert (response.status, await response.text()) == (410, "<p>closed</p>")
        assert response.headers["X-Request-Id"]
