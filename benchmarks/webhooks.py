"""Closing the loop: an answer is posted to a real process, and what follows of it arrives here."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

import aiohttp
import orjson
from aiohttp import web

from benchmarks.events import make_events
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import SECRET, TRIGGER, own_service, post, run_stage
from benchmarks.processes import HOST, Bench, child, free_port
from benchmarks.smtp_sink import Session
from survey_service.models.follow_up import AlertAction, AssignBy, Assignment, CaseAction, FollowUpContent
from survey_service.models.outbox import NewsType
from survey_service.models.person import PersonContent
from survey_service.models.survey import SurveyContent
from survey_service.models.webhook import WebhookContent
from survey_service.wiring import Service

_PATIENCE_SECONDS = 10.0
_LONGEST_PAUSE = 0.75  # as long as a worker sleeps between two looks
_ALERT = "alert"  # the mail to the owner of a case
_GOOD, _BAD = "9", "2"

_RULE = FollowUpContent(
    name="Bad answers",
    condition="response.score <= 6.0",
    case=CaseAction(title="Call back", assign=Assignment(by=AssignBy.PERSON, people=("mia",))),
    alert=AlertAction(),
)

Summary = Callable[[list[float]], float]


@dataclass(slots=True)
class _Sink:
    """An idle receiver in this process, of calls and of mails; `arrived` has an event for each kind of news."""

    port: int
    mail_port: int
    arrived: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    async def take(self, request: web.BaseRequest) -> web.Response:
        news = orjson.loads(await request.read())
        self.arrived[news.get("type", "")].set()
        return web.Response(status=204)

    def take_mail(self) -> None:
        self.arrived[_ALERT].set()

    async def until(self, news: str) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.arrived[news].wait()


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
async def helping(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """From a bad answer to the case that it opens, as a call, and to the mail that alerts the case's owner."""
    async with _stage(bench, "bench_cases", ("serve",)) as scene:
        count = bench.count(30, 3)
        yield [
            scene.compare(f"bad answer posted → {what}, {name}", summary, count, news=news, score=_BAD)
            for what, news in (("case.opened received", NewsType.CASE_OPENED), ("alert handed over", _ALERT))
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

    def compare(
        self,
        what: str,
        summary: Summary,
        count: int,
        *,
        pause: float = 0.0,
        news: str = NewsType.RESPONSE_FINISHED,
        score: str = _GOOD,
    ) -> Comparison:
        """Of answers with `score`, until `news` arrives.

        `pause` is how long a person hesitates at most, so that a sleeping worker is met at any moment.
        """

        async def ours() -> float:
            times = []
            for _ in range(count):
                await asyncio.sleep(random.uniform(0, pause))
                times.append(await self._answer(next(self.paths), score, news))
            return summary(times) * 1000

        async def bare() -> float:
            return summary([await self._write_and_post() for _ in range(count)]) * 1000

        floor = Contestant("one write and one POST", bare)
        return Comparison(what, Unit.MILLISECONDS, Contestant("ours", ours), (floor,))

    async def _answer(self, path: str, score: str, news: str) -> float:
        self.sink.arrived[news].clear()
        started = time.perf_counter()
        async with self.session.post(self.url + path, data={self.question: score}) as page:
            assert page.status == 200
        await self.sink.until(news)
        return time.perf_counter() - started

    async def _write_and_post(self) -> float:
        started = time.perf_counter()
        await self.service.parts.store.database["bench_floor"].insert_one({"score": 9})
        async with self.session.post(self.sink.url, json={"score": 9}) as answer:
            assert answer.status == 204
        return time.perf_counter() - started


@asynccontextmanager
async def _stage(bench: Bench, database: str, roles: tuple[str, ...]) -> AsyncIterator[_Scene]:
    sink = _Sink(free_port(), free_port())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_listening(sink))
        service = await stack.enter_async_context(own_service(bench.uri, database))
        configuration = service.parts.store.configuration
        content = WebhookContent(url=sink.url, types=(NewsType.RESPONSE_FINISHED, NewsType.CASE_OPENED))
        await configuration.webhooks.put("crm", content)
        await configuration.people.put("mia", PersonContent(name="Mia", email="mia@acme.example"))
        await configuration.follow_ups.put("bad", _RULE)
        snapshot = await configuration.current()
        survey = snapshot.surveys[snapshot.triggers[TRIGGER].survey]
        # One question, so that one page is the whole answer.
        changes = {"questions": (survey.primary_question,)}
        await configuration.surveys.put(survey.survey, SurveyContent.model_validate({**survey.model_dump(), **changes}))
        paths = await _invite(service, bench.count(1_000, 20))
        ports = {role: free_port() for role in roles}
        for role, port in ports.items():
            await stack.enter_async_context(
                child("survey_service", role, port=port, env=_settings(bench.uri, database, port, sink))
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


def _settings(uri: str, database: str, port: int, sink: _Sink) -> dict[str, str]:
    return {
        "SURVEY_MONGODB_URI": uri.replace("/?", f"/{database}?"),
        "SURVEY_SECRET": SECRET,
        "SURVEY_HOST": HOST,
        "SURVEY_PORT": str(port),
        "SURVEY_SANDBOX": "on",  # webhooks may lead to this machine
        "SURVEY_SMTP_URL": f"smtp://{HOST}:{sink.mail_port}",
        "SURVEY_LOG_LEVEL": "WARNING",
    }


@asynccontextmanager
async def _listening(sink: _Sink) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(sink.take))
    await runner.setup()
    await web.TCPSite(runner, HOST, sink.port).start()
    mails = await asyncio.get_running_loop().create_server(lambda: Session(sink.take_mail), HOST, sink.mail_port)
    yield
    mails.close()
    await runner.cleanup()
