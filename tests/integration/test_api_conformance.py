"""The live API against its own description: generated calls find no 500, and answers are as described."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import schemathesis
import yaml
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from survey_service.api.app import RUNNER_OPTIONS, create_api
from survey_service.api.openapi import openapi_yaml
from survey_service.models.api_key import Scope
from tests.support.content import put_survey
from tests.support.service import make_parts, open_store

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 50


@schemathesis.serializer("application/x-ndjson", "text/csv", "message/rfc822")
def write_lines(_: schemathesis.SerializationContext, value: object) -> bytes:
    return str(value).encode(errors="surrogatepass")


class LiveApi:
    """The API on a loop of its own thread, since generated calls are made by a blocking client."""

    def __init__(self, mongodb_uri: str) -> None:
        self._uri = mongodb_uri
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = self.key = ""

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        store = await open_store(self._uri, "test_api_conformance")
        await put_survey(store)
        _, self.key = await store.api_keys.create("test", tuple(Scope))
        server = TestServer(create_api(make_parts(store)))
        await server.start_server(**RUNNER_OPTIONS)
        self.url = str(server.make_url("")).rstrip("/")
        self._started.set()
        await self._stop.wait()
        await server.close()
        await store.database.drop()
        store.close()

    def __enter__(self) -> LiveApi:
        self._thread.start()
        assert self._started.wait(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)


@pytest.fixture(scope="module")
def live(mongodb_uri: str) -> Iterator[LiveApi]:
    with LiveApi(mongodb_uri) as api:
        yield api


schema = schemathesis.openapi.from_dict(yaml.safe_load(openapi_yaml()))
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.mark.long
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_calls_are_answered_as_described(case: schemathesis.Case, live: LiveApi) -> None:
    headers = {"Authorization": f"Bearer {live.key}"}
    case.call_and_validate(base_url=live.url, headers=headers, checks=CHECKS)
