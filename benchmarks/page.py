"""Page: `GET /s/{token}` of a real API process, over many invitations, against a handler of constant bytes."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from benchmarks.events import make_events
from benchmarks.http_load import Load
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import SECRET, own_service, post, run_stage
from benchmarks.processes import HOST, Bench, child, free_port, output_of
from survey_service.wiring import Service

CONNECTIONS = 64
_DATABASE = "bench_page"
_OF_THE_SERVER = {"Date", "Server", "Content-Length"}  # which aiohttp adds to every answer by itself


@asynccontextmanager
async def showing(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """Nobody is asked for twice before everybody was; the floor answers as many bytes under the same headers."""
    bare, ours = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="survey-bench-") as folder:
        paths, answer = Path(folder) / "paths", Path(folder) / "answer"
        async with own_service(bench.uri, _DATABASE) as service:
            paths.write_text("\n".join(await _invite(service, bench.count(4_000, 100))))
        async with child("survey_service", "api", port=ours, env=_settings(bench.uri, ours)):
            answer.write_bytes(await _headers_and_size(ours, paths.read_text().splitlines()[0]))
            async with child("benchmarks.bare_page", str(bare), str(answer), port=bare):
                yield [
                    Comparison(
                        f"survey page, {CONNECTIONS} connections",
                        Unit.PAGES,
                        Contestant("ours", _load(bench, ours, paths, bench.count(4_000, 200))),
                        (Contestant("constant bytes", _load(bench, bare, paths, bench.count(12_000, 200))),),
                    )
                ]


async def _invite(service: Service, count: int) -> list[str]:
    """Addresses of pages that wait for an answer."""
    await post(service, make_events(count))
    await run_stage(service, "intake")
    keyring, rows = service.parts.keyring, service.parts.store.database["invitations"]
    paths = [f"/s/{keyring.survey_token(row['_id'])}" async for row in rows.find({}, {"_id": 1})]
    assert len(paths) == count
    return paths


async def _headers_and_size(port: int, path: str) -> bytes:
    accepted = {"Accept-Encoding": "gzip"}
    async with (
        aiohttp.ClientSession(auto_decompress=False, headers=accepted) as session,
        session.get(f"http://{HOST}:{port}{path}") as answer,
    ):
        assert answer.status == 200
        headers = {str(name): value for name, value in answer.headers.items() if name not in _OF_THE_SERVER}
        return orjson.dumps({"headers": headers, "size": len(await answer.read())})


def _load(bench: Bench, port: int, paths: Path, requests: int) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        arguments = (str(port), str(CONNECTIONS), str(requests), str(paths))
        load = Load(**orjson.loads(await output_of("benchmarks.page_load", *arguments)))
        bench.client_busy.append(load.busy)
        return load.events_per_second

    return measure


def _settings(uri: str, port: int) -> dict[str, str]:
    return {
        "SURVEY_MONGODB_URI": uri.replace("/?", f"/{_DATABASE}?"),
        "SURVEY_SECRET": SECRET,
        "SURVEY_HOST": HOST,
        "SURVEY_PORT": str(port),
        "SURVEY_LOG_LEVEL": "WARNING",
    }
