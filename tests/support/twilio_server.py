"""A scripted Twilio: what each send shall meet comes in, the real protocol misbehaves, what was accepted goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from aiohttp import web

from survey_service.embedded.twilio_endpoint import TwilioEndpoint, problem
from survey_service.embedded.twilio_texts import Direction, TextMessage

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "the-test-account-token"


class Act(StrEnum):
    """What the server does instead of answering well."""

    HANG_BEFORE = "hang before"  # take nothing, say nothing until the client leaves
    DROP_BEFORE = "drop before"  # take nothing, cut the connection
    HANG_AFTER = "hang after"  # take the message, then say nothing
    DROP_AFTER = "drop after"  # take the message, then cut the connection
    CUT_SHORT = "cut short"  # take the message, cut the connection in the middle of the answer
    GARBAGE = "garbage"  # take the message, answer with something that is not JSON
    NAMELESS = "nameless"  # take the message, answer without its SID


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error; without a `code` it comes from something in between, as HTML."""

    status: int
    code: int | None = None
    message: str = "refused"
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        if self.code is not None:
            return problem(self.status, self.code, self.message, self.headers)
        return web.Response(status=self.status, text="<h1>Oops</h1>", content_type="text/html", headers=self.headers)


@dataclass(slots=True)
class _Rule:
    act: Act | Refuse
    times: int
    matching: str


class ListedTexts:
    """Messages in memory, in the order in which they came."""

    def __init__(self) -> None:
        self.all: dict[str, TextMessage] = {}

    async def insert(self, message: TextMessage) -> None:
        self.all[message.sid] = message

    async def get(self, sid: str) -> TextMessage | None:
        return self.all.get(sid)

    async def set_status(self, sid: str, status: str, error_code: int | None) -> None:
        self.all[sid] = replace(self.all[sid], status=status, error_code=error_code)

    async def newest(
        self, recipient: str | None, sender: str | None, since: datetime | None, skip: int, limit: int
    ) -> Sequence[TextMessage]:
        found = [
            message
            for message in reversed(self.all.values())
            if recipient in (None, message.recipient)
            and sender in (None, message.sender)
            and (since is None or message.created_at >= since)
        ]
        return found[skip : skip + limit]


class ScriptedTwilio(TwilioEndpoint):
    """The embedded endpoint under a script; `async with` runs it, `stop` and `start` restart it on the same port."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.texts = ListedTexts()
        super().__init__(ACCOUNT_SID, AUTH_TOKEN, self.texts, now)
        self.statuses: Sequence[str | tuple[str, int]] = ("queued", "sent", "delivered")
        self.report_first = False  # whether the statuses are posted before the send is answered
        self.requests = 0  # sends that came in
        self.hanging = 0  # sends that are kept waiting
        self.peak_connections = 0
        self._rules: list[_Rule] = []
        self._row: list[asyncio.Future[None]] = []
        self._row_length = 0
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def accepted(self) -> list[TextMessage]:
        """What was taken, in order: two rows with one text would be a message sent twice."""
        return [message for message in self.texts.all.values() if message.direction is Direction.OUTBOUND]

    @property
    def connections(self) -> int:
        """Open ones at this moment."""
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    def script(self, act: Act | Refuse, *, times: int = 1_000_000, matching: str = "") -> None:
        """Let the next `times` sends do `act` whose recipient contains `matching`."""
        self._rules.append(_Rule(act, times, matching))

    def behave(self) -> None:
        """Forget the script."""
        self._rules.clear()

    def answer_in_reverse(self, length: int) -> None:
        """From now on keep sends waiting until `length` of them are there, then answer the last one first."""
        self._row_length = length

    async def start(self) -> None:
        self._stopping.clear()
        await super().start()

    async def stop(self) -> None:
        self._stopping.set()
        await super().stop()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition on this server holds; it is looked at whenever something happens here."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    async def create(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.peak_connections = max(self.peak_connections, self.connections)
        self._changed.set()
        form = {name: str(value) for name, value in (await request.post()).items()}
        await self._queue_up()
        act = self._take_rule(form.get("To", ""))
        match act:
            case None:
                return await super().create(request)
            case Refuse():
                return act.response()
            case Act.HANG_BEFORE | Act.DROP_BEFORE:
                pass
            case _:
                self.begin_report(await self.take(form))
        self._changed.set()
        if act is Act.GARBAGE:
            return web.Response(status=201, text="<h1>Fine</h1>")
        if act is Act.NAMELESS:
            return web.json_response({"status": "queued"}, status=201)
        if act is Act.CUT_SHORT:
            response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"sid": "SM')
        if act not in (Act.HANG_BEFORE, Act.HANG_AFTER) and request.transport is not None:
            request.transport.abort()
        await self._hang()
        return web.Response(status=500)

    async def take(self, form: Mapping[str, str]) -> TextMessage:
        message = await super().take(form)
        if self.report_first:
            await self._post_statuses(message)
        return message

    async def report(self, message: TextMessage) -> None:
        if not self.report_first:
            await self._post_statuses(message)

    async def _post_statuses(self, message: TextMessage) -> None:
        for entry in self.statuses:
            status, error_code = entry if isinstance(entry, tuple) else (entry, None)
            await self.report_status(message, status, error_code)

    async def _queue_up(self) -> None:
        if not self._row_length:
            return
        turn = asyncio.get_running_loop().create_future()
        self._row.append(turn)
        if len(self._row) == self._row_length:
            row, self._row = self._row, []
            for waiting in reversed(row):
                waiting.set_result(None)
        await turn

    def _take_rule(self, recipient: str) -> Act | Refuse | None:
        for rule in self._rules:
            if rule.times and rule.matching in recipient:
                rule.times -= 1
                return rule.act
        return None

    async def _hang(self) -> None:
        self.hanging += 1
        self._changed.set()
        try:
            await self._stopping.wait()
        finally:
            self.hanging -= 1


@dataclass(frozen=True, slots=True)
class Posted:
    """One form that Twilio posted."""

    url: str  # the public one
    form: dict[str, str]
    signature: str


class CallbackCatcher:
    """A receiver of Twilio's callbacks on a loopback port."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        self.url = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.posted.append(Posted(f"{self.url}{request.raw_path}", form, request.headers.get("X-Twilio-Signature", "")))
        return web.Response(text="<Response/>", content_type="text/xml")
