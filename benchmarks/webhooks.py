"""Webhooks: an answer is posted to a real process, and its message arrives here; against one write and one POST."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

import aiohttp
from aiohttp import web

from benchmarks.events import make_events
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import SECRET, TRIGGER, own_service, post, run_stage
from benchmarks.processes import HOST, Bench, child, free_port
from survey_service.models.outbox import NewsType
from survey_service.models.survey import SurveyContent
from survey_service.models.webhook import WebhookContent
from survey_service.wiring import Service

_PATIENCE_SECONDS = 10.0
_LONGEST_PAUSE = 0.75  # as long as a worker sleeps between two looks

Summary = Callable[[list[float]], float]


@dataclass(slots=True)
class _Sink:
    """An idle receiver in this process; `arrived` is set with every call."""

    port: int
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    async def take(self, request: web.BaseRequest) -> web.Response:
        await request.read()
        self.arrived.set()
        return web.Response(status=204)

    async def until_called(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.arrived.wait()


@asynccontextmanager
async def together(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """From a person's tap on the button to the receiver's having read the call; one process does everything."""
    async with _stage(bench, "bench_webhooks", ("serve",)) as scene:
        count = bench.count(30, 3)
        yield [
            scene.compare(f"answer posted → webhook received, {name}", summary, count)
            for name, summary in (("p50", median), ("p95", _p95))
        ]


@asynccontextmanager
async def apart(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """The same where the answer is taken by one process and told by another, which looks for it now and then."""
    async with _stage(bench, "bench_webhooks_apart", ("api", "worker")) as scene:
        count = bench.count(12, 2)
        yield [scene.compare("the same, api and worker apart, p95", _p95, count, pause=_LONGEST_PAUSE)]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Running processes that were told of the sink, and people who have not answered yet."""

    sink: _Sink
    url: str
    question: str
    paths: Iterator[str]
    service: Service
    session: aiohttp.ClientSession

    def compare(self, what: str, summary: Summary, count: int, pause: float = 0.0) -> Comparison:
        """`pause` is how long a person hesitates at most, so that a sleeping worker is met at any moment."""

        async def ours() -> float:
            times = []
            for _ in range(count):
                await asyncio.sleep(random.uniform(0, pause))
                times.append(await self._answer(next(self.paths)))
            return summary(times) * 1000

        async def bare() -> float:
            return summary([await self._write_and_post() for _ in range(count)]) * 1000

        floor = Contestant("one write and one POST", bare)
        return Comparison(what, Unit.MILLISECONDS, Contestant("ours", ours), (floor,))

    async def _answer(self, path: str) -> float:
        self.sink.arrived.clear()
        started = time.perf_counter()
        async with self.session.post(self.url + path, data={self.question: "9"}) as page:
            assert page.status == 200
        await self.sink.until_called()
        return time.perf_counter() - started

    async def _write_and_post(self) -> float:
        self.sink.arrived.clear()
        started = time.perf_counter()
        await self.service.parts.store.database["bench_floor"].insert_one({"score": 9})
        async with self.session.post(self.sink.url, json={"score": 9}) as answer:
            assert answer.status == 204
        return time.perf_counter() - started


@asynccontextmanager
async def _stage(bench: Bench, database: str, roles: tuple[str, ...]) -> AsyncIterator[_Scene]:
    sink = _Sink(free_port())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_listening(sink))
        service = await stack.enter_async_context(own_service(bench.uri, database))
        configuration = service.parts.store.configuration
        content = WebhookContent(url=sink.url, types=(NewsType.RESPONSE_FINISHED,))
        await configuration.webhooks.put("crm", content)
        snapshot = await configuration.current()
        survey = snapshot.surveys[snapshot.triggers[TRIGGER].survey]
        # One question, so that one page is the whole answer.
        changes = {"questions": (survey.primary_question,)}
        await configuration.surveys.put(survey.survey, SurveyContent.model_validate({**survey.model_dump(), **changes}))
        paths = await _invite(service, bench.count(1_000, 20))
        ports = {role: free_port() for role in roles}
        for role, port in ports.items():
            await stack.enter_async_context(
                child("survey_service", role, port=port, env=_settings(bench.uri, database, port))
            )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        url = f"http://{HOST}:{ports[roles[0]]}"
        yield _Scene(sink, url, survey.primary_question.id, iter(paths), service, session)


async def _invite(service: Service, count: int) -> list[str]:
    """Addresses of pages that wait for an answer; nothing is left to be decided or planned."""
    await post(service, make_events(count))
    for stage in ("intake", "planning"):
        await run_stage(service, stage)
    keyring, database = service.parts.keyring, service.parts.store.database
    await database["deliveries"].delete_many({})  # mails are not what is measured
    return [f"/s/{keyring.survey_token(row['_id'])}" async for row in database["invitations"].find({}, {"_id": 1})]


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]


def _settings(uri: str, database: str, port: int) -> dict[str, str]:
    return {
        "SURVEY_MONGODB_URI": uri.replace("/?", f"/{database}?"),
        "SURVEY_SECRET": SECRET,
        "SURVEY_HOST": HOST,
        "SURVEY_PORT": str(port),
        "SURVEY_SANDBOX": "on",  # webhooks may lead to this machine
        "SURVEY_LOG_LEVEL": "WARNING",
    }


@asynccontextmanager
async def _listening(sink: _Sink) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(sink.take))
    await runner.setup()
    await web.TCPSite(runner, HOST, sink.port).start()
    yield
    await runner.cleanup()
