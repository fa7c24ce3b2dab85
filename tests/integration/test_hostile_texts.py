"""Hostile texts in every text field: refused with the place and the rule, or shown as nothing but text, everywhere."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pymongo
import pytest
from pydantic import BaseModel

from survey_service.models.api_key import Scope
from survey_service.models.brand import BrandContent
from survey_service.models.link import LinkContent
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.texts.printable import printable
from survey_service.texts.segments import fold_typography
from survey_service.wiring import create_app
from tests.support.hostile import BESIDES, BRAND, HOSTILE, LINK, LONG, SURROGATE, SURVEY, TOUCHPOINT
from tests.support.pdf import read_pdf
from tests.support.pipeline import BASE_URL, Pipeline, a_customer, a_trigger, an_event, open_pipeline
from tests.support.plain_text import Structure, read_page
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, client_of
from tests.support.sms_sending import twilio_settings
from tests.support.smtp_server import ReceivedMail, ScriptedSmtpServer
from tests.support.text_leaves import KEY, Path, pointer_to, text_leaves, unset_fields, with_text
from tests.support.twilio_server import ScriptedTwilio

RESOURCES: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "/v1/brands/acme": (BrandContent, BRAND),
    "/v1/surveys/after-delivery": (SurveyContent, SURVEY),
    "/v1/touchpoints/mitte": (TouchpointContent, TOUCHPOINT),
    "/v1/links/door": (LinkContent, LINK),
}
# What only machines read, or a message that names it; all else comes before somebody's eyes.
UNSEEN = {
    "/v1/surveys/after-delivery/name",
    "/v1/touchpoints/mitte/journey_stage",
    "/v1/touchpoints/mitte/region",
}
MARK = re.compile(r"§\d+§")
BOB = "+4915123456780"

Shown = dict[str, object]


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its pages; by mark, the text before it and the place it was put in; the marks that were met."""

    api: ApiClient
    pipeline: Pipeline
    smtp: ScriptedSmtpServer
    twilio: ScriptedTwilio
    planted: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def mark(self, text: str, place: str) -> str:
        """The text with a mark behind it, by which it is found again."""
        mark = f"§{len(self.places)}§"
        self.planted[mark], self.places[mark] = text, place
        return text + mark

    def check(self, shown: str) -> None:
        """Before each mark stands its text, whole and as it was meant."""
        for mark in MARK.findall(shown):
            before = _folded(shown[: shown.index(mark)])
            assert before.endswith(_folded(self.planted[mark])), (self.places[mark], before[-200:])
            self.seen.add(mark)

    def read(self, html: str) -> Structure:
        """The structure of a page whose texts hold."""
        page = read_page(html)
        for text in page.texts:
            self.check(text)
        assert not [code for code in page.code if MARK.search(code)]
        return page.structure

    async def page(self, method: str, url: str, status: int, form: Mapping[str, str] | None = None) -> str:
        """The HTML of a page that answers with this status."""
        async with self.api.request(method, url.removeprefix(BASE_URL), data=form) as answer:
            html = await answer.text()
            assert answer.status == status, html
            assert "script-src" in answer.headers["Content-Security-Policy"]
        return html


def _folded(text: str) -> str:
    """As people compare texts: what cannot be shown, and how spaces and quotes are written, make no difference."""
    return " ".join(fold_typography(printable(text)).split())


@asynccontextmanager
async def open_everything(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Service]:
    """A service with a survey of every kind of question, a public link to it, and a trigger for each channel."""
    async with ScriptedTwilio() as twilio:
        twilio.statuses = ()
        settings = {"SURVEY_REDIRECT_HOSTS": "acme.example", **twilio_settings(twilio)}
        async with open_pipeline(mongodb_uri, database_name, smtp, **settings) as pipeline:
            parts = pipeline.service.parts
            _, secret = await parts.store.api_keys.create("test", tuple(Scope))
            async with client_of(create_app(parts), secret) as api:
                contents = {"/v1/people/mia": {"name": "Mia", "email": "mia@acme.example"}}
                contents |= {path: content for path, (_, content) in RESOURCES.items()}
                for path, content in (contents | BESIDES).items():
                    answer = await api.put(path, json=content)
                    assert answer.status == 201, await answer.text()
                for channel in ("email", "sms"):
                    trigger = a_trigger(channels=(channel,), event_type=f"ask.{channel}")
                    await parts.store.configuration.triggers.put(channel, trigger)
                yield Service(api, pipeline, smtp, twilio)


@pytest.fixture
async def service(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Service]:
    async with open_everything(mongodb_uri, database_name, smtp) as opened:
        yield opened


@pytest.fixture(scope="module")
def usual(mongodb_uri: str) -> Shown:
    """What everything looks like with texts that are meant well."""
    name = f"test_{uuid.uuid4().hex}"

    async def look() -> Shown:
        async with ScriptedSmtpServer() as smtp, open_everything(mongodb_uri, name, smtp) as opened:
            return await show_everything(opened, "words")

    try:
        return asyncio.run(look())
    finally:
        with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
            client.drop_database(name)


def test_every_field_of_what_can_be_put_is_walked() -> None:
    for model, content in RESOURCES.values():
        assert unset_fields(model, content) == set(), "set the new field in tests/support/hostile.py"


@pytest.mark.parametrize("text", ["other words", *HOSTILE.values()], ids=["plain", *HOSTILE])
async def test_a_text_is_refused_with_its_place_or_shown_as_text(usual: Shown, service: Service, text: str) -> None:
    for path in RESOURCES:
        await plant(service, path, text)
    shown = await show_everything(service, text)
    assert shown.keys() == usual.keys()
    assert [name for name in shown if shown[name] != usual[name]] == []
    unseen = {service.places[mark] for mark in service.planted.keys() - service.seen}
    assert unseen <= UNSEEN


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_a_hundred_kilobytes_are_refused_in_every_field(service: Service, path: str, text: str) -> None:
    model, content = RESOURCES[path]
    for leaf in text_leaves(model, content):
        problem = await assert_problem(await service.api.put(path, json=with_text(content, leaf, text)), 422, "invalid")
        assert _is_named(leaf, text, pointers(problem)), leaf


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_a_hundred_kilobytes_are_no_answer(service: Service, text: str) -> None:
    for name in ("csat", "line", "why", "call", "call.about", "_sheet", "_submission", "unknown"):
        service.read(await service.page("POST", "/l/door", 400, {"csat": "2", name: text}))
    for name in ("line", "why", "call.about"):
        # What a form may hold is more than what an answer may: it is told on the page, and nothing is lost.
        page = await service.page("GET", "/l/door", 200)
        hidden, slot = re.findall(r'name="(?:_sheet|call)" value="([^"n][^"]+)"', page)[:2]
        good = {"csat": "2", "_sheet": hidden, "call": slot, "call.phone": "+4915123456789"}
        again = read_page(await service.page("POST", "/l/door", 422, {**good, name: text[:5_000]}))
        assert text[:5_000] in "".join(again.texts)


@pytest.mark.parametrize("path", RESOURCES)
async def test_what_is_no_text_at_all_is_refused(service: Service, path: str) -> None:
    model, content = RESOURCES[path]
    for leaf in text_leaves(model, content):
        body = json.dumps(with_text(content, leaf, SURROGATE))
        answer = await service.api.put(path, data=body, headers={"Content-Type": "application/json"})
        await assert_problem(answer, 400, "malformed")


@pytest.mark.parametrize("raw", [b"%00", b"%ED%A0%80", b"%FF%FE", b"%", b"a%00b&why=%C0%80", b"&&==&a=%u0041"])
async def test_bytes_that_are_no_text_make_no_answer_and_no_fault(service: Service, raw: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for field_name in (b"line", b"csat", b"_sheet", b"_submission"):
        answer = await service.api.post("/l/door", data=field_name + b"=" + raw, headers=headers)
        assert answer.status in (400, 422), await answer.text()
        service.read(await answer.text())


async def plant(service: Service, path: str, text: str) -> None:
    """Put `text` wherever the resource takes it; every refusal names fields that hold it, and the rule."""
    model, content = RESOURCES[path]
    planted = {leaf: service.mark(text, path + pointer_to(leaf)) for leaf in text_leaves(model, content)}
    while True:
        body = content
        for leaf, value in planted.items():
            body = with_text(body, leaf, value)
        answer = await service.api.put(path, json=body)
        if answer.status == 200:
            break
        problem = await assert_problem(answer, 422, "invalid")
        assert all(entry["rule"] for entry in problem["errors"])
        refused = [leaf for leaf, value in planted.items() if _is_named(leaf, value, pointers(problem))]
        assert refused, problem
        for leaf in refused:
            del service.planted[MARK.findall(planted.pop(leaf))[-1]]
    stored = await (await service.api.get(path)).json()
    assert model.model_validate(stored) == model.model_validate(body)


def _is_named(leaf: Path, value: str, named: set[str]) -> bool:
    """Whether a pointer leads to the text, into it, or to the list that it is an item of."""
    *above, last = leaf
    place = pointer_to((*above[:-1], value)) if last == KEY else pointer_to(leaf)
    places = {place, pointer_to(tuple(above))} if isinstance(last, int) else {place}
    return any(pointer in places or pointer.startswith(f"{place}/") for pointer in named)


async def show_everything(service: Service, text: str) -> Shown:
    """Ask somebody on each channel, let them answer with `text`, look at all that is shown; structures by name."""
    shown: Shown = {}
    survey_url, opt_out_url = await _ask(service, shown)
    await _answer(service, survey_url, text, shown)
    await _walk_in(service, shown)
    await _look_ahead(service, shown)
    shown["way out"] = service.read(await service.page("GET", opt_out_url, 200))
    shown["out"] = service.read(await service.page("POST", opt_out_url, 200, {"choice": "never"}))
    return shown


async def _ask(service: Service, shown: Shown) -> tuple[str, str]:
    """Mail one person and text another; the addresses of the survey and of the way out, from the mail."""
    mailed = an_event("mailed", a_customer("ada"), type="ask.email", data={"touchpoint": "mitte"})
    texted = an_event("texted", a_customer("bob", phone=BOB), type="ask.sms")
    await service.pipeline.handle(mailed, texted)
    message = _read_mail(service, service.smtp.mails[-1], "mail", shown)
    (text_message,) = service.twilio.accepted
    service.check(text_message.text)
    text = message.get_body(("plain",))
    assert text is not None
    found = re.search(r"https?://\S+/s/\w+", text.get_content())
    assert found
    return found[0], str(message["List-Unsubscribe"]).strip("<>")


async def _answer(service: Service, url: str, text: str, shown: Shown) -> None:
    """Go through the survey, wrong things first; then its row, and the mail that confirms the call."""
    first = await service.page("GET", url, 200)
    shown["survey"] = service.read(first)
    shown["survey in German"] = service.read(await service.page("GET", f"{url}?lang=de&score=4", 200))
    said = {name: service.mark(text, name) for name in ("line", "why", "call.about", "fix")}
    chosen = dict.fromkeys(("csat", "nps", "ease", "choice", "choices", "call", "call.phone"), text)
    shown["faults"] = service.read(await service.page("POST", url, 422, said | chosen))
    slots = re.findall(r'name="call" value="(20[^"]+)"', first)
    good = {"csat": "2", "choice": "price", "choices": "speed", "call": slots[0], "call.phone": "+4915123456789"}
    shown["second page"] = service.read(await service.page("POST", url, 200, said | good))
    shown["thanks"] = service.read(await service.page("POST", url, 200, {"fix": said["fix"]}))
    shown["answered"] = service.read(await service.page("GET", url, 200))
    row = (await (await service.api.get("/v1/responses?limit=1")).json())["data"][0]
    answers = {**row["answers"], "call.about": row["answers"]["call"]["about"]}
    for name, value in said.items():
        service.check(answers[name])
        assert _folded(answers[name]) == _folded(value)
    await service.pipeline.run()
    _read_mail(service, service.smtp.mails[-1], "confirmation", shown)


async def _walk_in(service: Service, shown: Shown) -> None:
    """Public links: the page, the brand's own thanks, the printed sheet, and the word for who comes too late."""
    shown["link"] = service.read(await service.page("GET", "/l/door", 200))
    for language in ("en", "de"):
        url = f"/l/bare?lang={language}"
        page = await service.page("GET", url, 200)
        (sheet,) = re.findall(r'name="_sheet" value="([^"]+)"', page)
        thanks = await service.page("POST", url, 200, {"csat": "4", "_sheet": sheet})
        shown[f"link in {language}"], shown[f"thanks in {language}"] = service.read(page), service.read(thanks)
        await _print(service, language)
    shown["closed"] = service.read(await service.page("GET", "/l/shut", 410))


async def _print(service: Service, language: str) -> None:
    answer = await service.api.get(f"/v1/links/door/sheet.pdf?language={language}")
    if answer.status == 422:  # letters that its fonts do not have
        assert pointers(await assert_problem(answer, 422, "invalid")) == {"/language"}
    drawn = read_pdf(await answer.read()).text if answer.status == 200 else None
    for mark, text in service.planted.items():
        if service.places[mark].endswith(f"/call_to_action/{language}"):
            # Letters that run from right to left are drawn from left to right.
            assert drawn is None or not text.isascii() or "".join((text + mark).split()) in drawn
            service.seen.add(mark)


async def _look_ahead(service: Service, shown: Shown) -> None:
    """The preview of each language: page, thanks, mail and text message."""
    answer = await service.api.get("/v1/surveys/after-delivery/preview")
    assert answer.status == 200, await answer.text()
    for preview in (await answer.json())["previews"]:
        language = preview["language"]
        shown[f"preview in {language}"] = service.read(await service.page("GET", preview["page"], 200))
        for score, name in (("5", "end"), ("4", "reply at the end")):  # the survey's thanks, and its reply to a score
            thanks = await service.page("POST", preview["page"], 200, {"csat": score})
            shown[f"{name} of the preview in {language}"] = service.read(thanks)
        shown[f"mail in {language}"] = service.read(preview["email"]["html"])
        for text in (preview["email"]["subject"], preview["email"]["text"], preview["sms"]["text"]):
            service.check(text)


def _read_mail(service: Service, mail: ReceivedMail, name: str, shown: Shown) -> EmailMessage:
    """The mail as clients read it: which headers it has, the structure of its parts."""
    message = message_from_bytes(mail.content, policy=default)
    assert isinstance(message, EmailMessage)
    shown[f"{name}, headers"] = [header.lower() for part in message.walk() for header in part]
    shown[f"{name}, senders and recipients"] = (len(mail.recipients), mail.sender.rpartition("@")[2])
    for header in message.values():
        service.check(str(header))
    for part in message.walk():
        content = part.get_content() if part.get_content_maintype() == "text" else ""
        if part.get_content_subtype() == "html":
            shown[name] = service.read(content)
        elif part.get_content_subtype() == "calendar":
            lines = content.replace("\r\n", "\n").replace("\n ", "").splitlines()
            shown[f"{name}, calendar"] = [re.split("[:;]", line)[0] for line in lines]
            service.check(re.sub(r"\\([;,\\])", r"\1", "\n".join(lines)).replace("\\n", "\n"))
        else:
            service.check(content)
    return message
