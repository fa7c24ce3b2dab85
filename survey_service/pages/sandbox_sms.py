"""`/sandbox/sms`: text messages as a phone shows them, with a field to answer as the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

from survey_service.pages.responses import html_response, read_form, unknown_page
from survey_service.pages.sandbox import origin_of
from survey_service.pages.sandbox_door import for_insiders
from survey_service.pages.sandbox_look import (
    SANDBOX_POLICY,
    SandboxCounts,
    SandboxSmsView,
    SandboxTalkView,
    SandboxTextView,
    render_sandbox_sms,
)
from survey_service.parts import PARTS, Parts
from survey_service.store.sandbox import SandboxText
from survey_service.texts.addresses import PHONE_SHAPE

_LISTED = 500  # texts, over all conversations
_INBOUND = "inbound"
_LONGEST = 1600


async def show_texts(request: web.Request) -> web.Response:
    """The conversations; `text` opens the one that this text is part of, and shows where it comes from."""
    parts = request.app[PARTS]
    texts = await parts.store.sandbox_texts.newest(None, None, None, 0, _LISTED)
    chosen = request.query.get("text", "")
    number = next((number_of(text) for text in texts if text.id == chosen), None)
    if number is None and "new" not in request.query and texts:
        number = number_of(texts[0])
    return await _page(parts, texts, number, chosen)


async def write_text(request: web.Request) -> web.Response:
    """Write to our number as a customer, by the signed callback that Twilio would post; then show the conversation."""
    parts = request.app[PARTS]
    form = await read_form(request)
    if form is None:
        return unknown_page(request, status=400)
    number, text = form.get("number", "").replace(" ", ""), form.get("text", "").strip()[:_LONGEST]
    error = _fault(number, text)
    if error is None and parts.write_as_customer is not None:
        if await parts.write_as_customer(number, text):
            newest = await parts.store.sandbox_texts.newest(None, number, None, 0, 1)
            raise web.HTTPSeeOther(f"/sandbox/sms?text={newest[0].id}#message" if newest else "/sandbox/sms")
        error = "Our own callback did not take it. Is SURVEY_PUBLIC_URL an address that leads here?"
    texts = await parts.store.sandbox_texts.newest(None, None, None, 0, _LISTED)
    known = number if any(number_of(row) == number for row in texts) else None
    return await _page(parts, texts, known, "", typed=text, error=error or "Text messages leave through Twilio here.")


async def _page(
    parts: Parts,
    texts: Sequence[SandboxText],
    number: str | None,
    chosen: str,
    typed: str = "",
    error: str | None = None,
) -> web.Response:
    talks = talks_of(texts)
    shown = [text for text in reversed(texts) if number_of(text) == number]
    ours = [text.id for text in shown if text.direction != _INBOUND]
    origin = chosen if chosen in ours else (ours[-1] if ours else None)
    delivery = next((delivery_of(text) for text in shown if text.id == origin), None)
    view = SandboxSmsView(
        talks=talks,
        counts=SandboxCounts(**await parts.store.counts()),
        selected=next((talk for talk in talks if talk.number == number), None),
        texts=tuple(text_view(text) for text in shown),
        chosen=origin,
        steps=await origin_of(parts, delivery) if delivery else (),
        typed=typed,
        error=error,
    )
    status = 200 if error is None else 422
    return html_response(render_sandbox_sms(view), status=status, policy=SANDBOX_POLICY)


def number_of(text: SandboxText) -> str:
    """The customer's number of a text, whoever wrote it."""
    return text.sender if text.direction == _INBOUND else text.recipient


def delivery_of(text: SandboxText) -> str | None:
    """The delivery that a text of ours carries, by the address where its statuses go."""
    return urlsplit(text.status_url).path.rpartition("/")[2] if text.status_url else None


def text_view(text: SandboxText) -> SandboxTextView:
    """One bubble."""
    said = f"{text.status} ({text.error_code})" if text.error_code else text.status
    return SandboxTextView(text.id, text.text, text.direction != _INBOUND, text.created_at, said)


def talks_of(texts: Sequence[SandboxText]) -> tuple[SandboxTalkView, ...]:
    """A conversation for each number, the one with the newest text first; `texts` are newest first."""
    talks: dict[str, SandboxTalkView] = {}
    for text in texts:
        number = number_of(text)
        talks.setdefault(number, SandboxTalkView(number, text.id, text.text, text.created_at))
    return tuple(talks.values())


def _fault(number: str, text: str) -> str | None:
    faults: Mapping[str, bool] = {
        "Please write the number with its country code, such as +4915123456789.": not PHONE_SHAPE.fullmatch(number),
        "Please write something.": not text,
    }
    return next((fault for fault, holds in faults.items() if holds), None)


ROUTES = (
    web.get("/sandbox/sms", for_insiders(show_texts)),
    web.post("/sandbox/sms", for_insiders(write_text)),
)
