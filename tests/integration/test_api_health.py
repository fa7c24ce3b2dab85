"""Health, description and metrics: what a running service says about itself."""

from __future__ import annotations

import asyncio

import yaml

from survey_service.api.app import create_api
from survey_service.api.health import DRAINING
from survey_service.clock import Clock
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.problems import assert_problem
from tests.support.service import LEASE, ApiClient, client_of, make_parts

DEAD_PORT = "mongodb://127.0.0.1:9/?replicaSet=rs0"


async def test_a_running_service_is_alive_and_ready(api: ApiClient) -> None:
    assert await (await api.get("/livez")).json() == {"status": "alive"}
    assert await (await api.get("/readyz")).json() == {"status": "ready"}


async def test_a_draining_service_is_alive_but_not_ready(parts: Parts) -> None:
    app = create_api(parts)
    app[DRAINING] = asyncio.Event()
    async with client_of(app) as client:
        assert (await client.get("/readyz")).status == 200
        app[DRAINING].set()
        response = await client.get("/readyz")
        await assert_problem(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert (await client.get("/livez")).status == 200


async def test_without_a_primary_the_answer_is_503_with_retry_after() -> None:
    store = Store(DEAD_PORT, Clock(), LEASE, "nowhere")
    try:
        async with client_of(create_api(make_parts(store))) as client:
            assert (await client.get("/livez")).status == 200
            await assert_problem(await client.get("/readyz"), 503, "unavailable")
            response = await client.get("/v1/responses", headers={"Authorization": "Bearer sk_any-of-those-there-are"})
            await assert_problem(response, 503, "unavailable")
            assert int(response.headers["Retry-After"]) > 0
    finally:
        store.close()


async def test_metrics_count_by_route_template(api: ApiClient) -> None:
    await api.get("/v1/events/evt_a-secret-of-somebody")
    text = await (await api.get("/metrics")).text()
    assert 'survey_http_requests_total{method="GET",route="/v1/events/{key}",status="404"}' in text
    assert "evt_a-secret-of-somebody" not in text


async def test_an_invented_method_makes_no_label_of_its_own(api: ApiClient) -> None:
    await api.request("BREW", "/v1/events")
    text = await (await api.get("/metrics")).text()
    assert "BREW" not in text


async def test_the_docs_come_from_this_host_alone(api: ApiClient) -> None:
    page = await api.get("/docs")
    html = await page.text()
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'; img-src 'self' data:")
    assert "://" not in html
    assert "<script>" not in html
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "init.js"):
        assert f"docs/static/{name}" in html
        assert (await api.get(f"/docs/static/{name}")).status == 200


async def test_the_description_is_served_with_an_etag(api: ApiClient) -> None:
    response = await api.get("/openapi.yaml")
    assert yaml.safe_load(await response.text())["openapi"] == "3.1.0"
    again = await api.get("/openapi.yaml", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304
