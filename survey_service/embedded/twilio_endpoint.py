"""A Twilio-shaped API on a loopback port: what the SMS channel sends comes in, texts and signed callbacks go out.

It takes messages, lists them, reports `queued`, `sent` and `delivered` to their status URL and hands on what a customer
writes back, so that the whole SMS way runs through the real SDK without an account.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from aiohttp.typedefs import Handler
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator

from survey_service.embedded.twilio_texts import (
    API_VERSION,
    Direction,
    TextMessage,
    TextMessages,
    inbound_form,
    new_message_sid,
    resource,
    status_form,
)
from survey_service.texts.addresses import PHONE_SHAPE

log = structlog.get_logger()

_HOST = "127.0.0.1"
_LONGEST_TEXT = 1600
_PAGE_SIZE = 50
_LARGEST_PAGE = 1000
_CALLBACK_TIMEOUT = ClientTimeout(total=15)  # as Twilio's
_STATUSES = ("queued", "sent", "delivered")


class TwilioEndpoint:
    """The server; `pool_number` writes where a messaging service is named instead of a sender."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        messages: TextMessages,
        now: Callable[[], datetime],
        pool_number: str = "+15005550006",
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.messages = messages
        self._now = now
        self._pool_number = pool_number
        self._signer = RequestValidator(auth_token)
        self._authorization = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._reports: set[asyncio.Task[None]] = set()
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1)
        self._callbacks: ClientSession
        self.port = 0

    @property
    def url(self) -> str:
        """What the SMS channel is given as `api_url`."""
        return f"http://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._callbacks = ClientSession(timeout=_CALLBACK_TIMEOUT)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and reporting."""
        await self._runner.cleanup()
        for report in self._reports:
            report.cancel()
        await asyncio.gather(*self._reports, return_exceptions=True)
        await self._callbacks.close()

    async def until_reported(self) -> None:
        """Wait until every message taken so far has reported its last status."""
        await asyncio.gather(*self._reports)

    async def receive(
        self, url: str, sender: str, recipient: str, text: str, *, media: int = 0, opt_out_type: str | None = None
    ) -> int | None:
        """Let a customer write to our number: post the signed webhook to `url`.

        Returns the HTTP status of the answer; None if there was none.
        """
        message = TextMessage(new_message_sid(), Direction.INBOUND, sender, recipient, text, "received", self._now())
        await self.messages.insert(message)
        return await self.post_signed(url, inbound_form(message, self.account_sid, media, opt_out_type))

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST of one message: take it, say so, and begin to report."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        refusal = _refusal(form)
        if refusal is not None:
            return refusal
        message = await self.take(form)
        response = web.json_response(resource(message, self.account_sid), status=201)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            # Also for a sender that died in the meantime: its message is on its way.
            self.begin_report(message)
        return response

    async def take(self, form: Mapping[str, str]) -> TextMessage:
        """Store a message that is in order."""
        message = TextMessage(
            new_message_sid(),
            Direction.OUTBOUND,
            form.get("From") or self._pool_number,
            form["To"],
            form["Body"],
            "queued" if form.get("From") else "accepted",
            self._now(),
            form.get("StatusCallback"),
        )
        await self.messages.insert(message)
        return message

    def begin_report(self, message: TextMessage) -> None:
        """Report the statuses of a message in the background."""
        task = asyncio.create_task(self.report(message))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def report(self, message: TextMessage) -> None:
        """Lead a message to `delivered`, one callback a status."""
        for status in _STATUSES:
            await self.report_status(message, status)

    async def report_status(self, message: TextMessage, status: str, error_code: int | None = None) -> None:
        """Note one status and post it, if the message has a status URL."""
        await self.messages.set_status(message.sid, status, error_code)
        if message.status_url:
            await self.post_signed(message.status_url, status_form(message, self.account_sid, status, error_code))

    async def post_signed(self, url: str, form: Mapping[str, str]) -> int | None:
        """Post a form as Twilio does; like Twilio, give up on a receiver that does not answer."""
        signature = self._signer.compute_signature(url, form)
        try:
            async with self._callbacks.post(url, data=form, headers={SIGNATURE_HEADER: signature}) as answer:
                return answer.status
        except (ClientError, TimeoutError) as error:
            log.warning("sms_callback_unanswered", error=type(error).__name__)
            return None

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._check_login])
        account = f"/{API_VERSION}/Accounts/{self.account_sid}"
        app.router.add_post(f"{account}/Messages.json", self.create)
        app.router.add_get(f"{account}/Messages.json", self._list)
        app.router.add_get(account + "/Messages/{sid:[A-Za-z0-9]+}.json", self._get)
        return app

    @web.middleware
    async def _check_login(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._authorization.encode()):
            return problem(401, 20003, "Authenticate")
        if request.match_info.http_exception is not None:
            return problem(404, 20404, "The requested resource was not found")
        return await handler(request)

    async def _get(self, request: web.Request) -> web.Response:
        message = await self.messages.get(request.match_info["sid"])
        if message is None:
            return problem(404, 20404, "The requested resource was not found")
        return web.json_response(resource(message, self.account_sid))

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            size = min(int(query.get("PageSize", _PAGE_SIZE)), _LARGEST_PAGE)
            page = int(query.get("Page", 0))
            since = _read_day(query["DateSent>"]) if "DateSent>" in query else None
        except ValueError:
            return problem(400, 20001, "A parameter of the list cannot be read")
        found = await self.messages.newest(query.get("To"), query.get("From"), since, page * size, size + 1)
        more = request.rel_url.update_query(Page=page + 1) if len(found) > size else None
        return web.json_response(
            {
                "messages": [resource(message, self.account_sid) for message in found[:size]],
                "next_page_uri": str(more) if more else None,
                "page": page,
                "page_size": size,
                "uri": str(request.rel_url),
            }
        )


def problem(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as the API shows it."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more_info, "status": status}
    return web.json_response(body, status=status, headers=headers)


def _refusal(form: Mapping[str, str]) -> web.Response | None:
    """Why Twilio would not take this message; None if it would."""
    if not form.get("To"):
        return problem(400, 21604, "A 'To' phone number is required.")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return problem(400, 21603, "A 'From' phone number is required.")
    if not form.get("Body"):
        return problem(400, 21602, "Message body is required.")
    if len(form["Body"]) > _LONGEST_TEXT:
        return problem(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if not PHONE_SHAPE.fullmatch(form["To"]):
        return problem(400, 21211, f"The 'To' number {form['To']} is not a valid phone number.")
    return None


def _read_day(text: str) -> datetime:
    """The beginning of a day in GMT, which is all that Twilio documents for this filter; a time of day is dropped."""
    return datetime.combine(datetime.fromisoformat(text), time(), UTC)
