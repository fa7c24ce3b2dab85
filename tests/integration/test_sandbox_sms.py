"""`/sandbox/sms`: a conversation as a phone shows it; what is typed there takes the way of a real text."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer, unused_port

from survey_service.api.app import RUNNER_OPTIONS
from survey_service.models.api_key import Scope
from survey_service.models.response import ResponseStatus
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.pages.sandbox_door import NEEDED
from survey_service.settings import read_settings
from survey_service.store.paging import PageRequest
from survey_service.wiring import Service, create_app, open_service
from tests.support.pipeline import NAME, SECRET, a_brand, a_customer, a_survey, a_trigger, an_event
from tests.support.service import ApiClient, client_of

ADA = "+4915123456789"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A service whose texts stay in the sandbox, and a browser of it."""

    service: Service
    web: ApiClient

    async def run(self) -> None:
        """Do everything that is due."""
        await self.service.worker.run_until_idle()

    async def ask(self, survey: SurveyContent | None = None) -> None:
        """Ask Ada by SMS."""
        configuration = self.service.parts.store.configuration
        await configuration.brands.put("acme", a_brand())
        await configuration.surveys.put(NAME, survey or a_survey())
        await configuration.triggers.put(NAME, a_trigger(channels=("sms",)))
        await self.service.parts.receiving.receive([an_event(customer=a_customer(phone=ADA))])
        await self.run()

    async def write(self, text: str, number: str = ADA) -> ClientResponse:
        """Fill in the form, and let everything be done."""
        answer = await self.web.post("/sandbox/sms", data={"number": number, "text": text})
        await self.run()
        return answer

    async def bubbles(self, path: str = "/sandbox/sms") -> list[tuple[str, str]]:
        """(whose, what) of the opened conversation."""
        page = await (await self.web.get(path)).text()
        found = re.findall(r'<li class="(ours|theirs)">\s*<p><span[^>]*>[^<]*</span>(.*?)</p>', page, re.DOTALL)
        return [(whose, re.sub(r"<[^>]+>", "", text)) for whose, text in found]


@pytest.fixture
async def sandbox(mongodb_uri: str, database_name: str) -> AsyncIterator[Sandbox]:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    settings = read_settings(
        {"SURVEY_MONGODB_URI": mongodb_uri, "SURVEY_SECRET": SECRET, "SURVEY_SANDBOX": "on", "SURVEY_PORT": str(port)}
    )
    async with open_service(settings, base_url=url, database=database_name) as service:
        server = TestServer(create_app(service.parts), port=port)
        await server.start_server(**RUNNER_OPTIONS)
        async with TestClient(server) as web:
            yield Sandbox(service, web)


async def test_an_empty_sandbox_says_how_to_fill_it(sandbox: Sandbox) -> None:
    page = await (await sandbox.web.get("/sandbox/sms")).text()
    assert "No text message yet" in page
    assert '<a href="/sandbox/sms" aria-current="page">SMS</a>' in page
    assert '<a href="/sandbox" aria-current="page">Mail</a>' in await (await sandbox.web.get("/sandbox")).text()


async def test_one_answers_as_the_customer_and_reads_the_reply(sandbox: Sandbox) -> None:
    await sandbox.ask()
    answer = await sandbox.write("9, quick")
    assert answer.status == 200
    assert ADA not in str(answer.url)
    bubbles = await sandbox.bubbles()
    assert [whose for whose, _ in bubbles] == ["ours", "theirs", "ours"]
    assert [text for _, text in bubbles[1:]] == ["9, quick", "Thank you. We are glad that it went well."]
    (response,) = (await sandbox.service.parts.store.responses.page({}, PageRequest(limit=10))).rows
    assert (response.status, response.score, response.comment) == (ResponseStatus.FINISHED, 9, "quick")


async def test_beside_a_message_stands_where_it_comes_from(sandbox: Sandbox) -> None:
    await sandbox.ask()
    page = await (await sandbox.web.get("/sandbox/sms")).text()
    for step in ("order.delivered", "invited", "invite by sms: sent"):
        assert step in page


async def test_a_stranger_may_begin_with_a_keyword(sandbox: Sandbox) -> None:
    await sandbox.ask()
    content = TouchpointContent(name="Mitte", keyword="MITTE", keyword_survey=NAME)
    await sandbox.service.parts.store.configuration.touchpoints.put("mitte", content)
    await sandbox.write("Mitte 9", "+49 151 23456780")
    assert await sandbox.bubbles() == [("theirs", "Mitte 9"), ("ours", "Why?")]
    page = await (await sandbox.web.get("/sandbox/sms")).text()
    assert page.count("<b>+49") == 2


@pytest.mark.parametrize(
    ("number", "text", "fault"), [("12", "9", "country code"), (ADA, "  ", "write something"), ("", "", "country code")]
)
async def test_what_cannot_be_sent_comes_back_with_what_to_do(
    sandbox: Sandbox, number: str, text: str, fault: str
) -> None:
    answer = await sandbox.write(text, number)
    assert answer.status == 422
    assert fault in await answer.text()
    assert await sandbox.bubbles() == []


async def test_nothing_in_a_text_is_markup(sandbox: Sandbox) -> None:
    await sandbox.ask()
    await sandbox.write("<script>alert(1)</script> {{ 7*7 }}")
    page = await (await sandbox.web.get("/sandbox/sms")).text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in page


ELSEWHERE = [{"Host": "evil.example"}, {"Host": "[1"}, {"X-Forwarded-For": "192.0.2.7"}]


@pytest.mark.parametrize("path", ["/sandbox", "/sandbox/mail/mail_1/html", "/sandbox/sms"])
@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_strangers_are_asked_for_a_key_and_told_which(
    sandbox: Sandbox, path: str, headers: dict[str, str]
) -> None:
    for login in ({}, {"Authorization": "Basic !"}, basic("sk_unknown"), {"Authorization": "Bearer x"}):
        answer = await sandbox.web.get(path, headers=headers | login)
        assert (answer.status, answer.headers["Cache-Control"]) == (401, "no-store")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert "the scopes cases:read" in await answer.text()


async def test_elsewhere_a_key_that_may_see_all_of_it_opens_the_sandbox(sandbox: Sandbox) -> None:
    keys = sandbox.service.parts.store.api_keys
    for scopes, status in ((NEEDED, 200), (NEEDED - {Scope.OPERATE}, 401)):
        _, secret = await keys.create("staging", tuple(scopes))
        for headers in ELSEWHERE:
            for path in ("/sandbox", "/sandbox/sms"):
                assert (await sandbox.web.get(path, headers=headers | basic(secret))).status == status


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_no_other_site_writes_as_a_customer(sandbox: Sandbox, site: str) -> None:
    answer = await sandbox.web.post(
        "/sandbox/sms", data={"number": ADA, "text": "STOP"}, headers={"Sec-Fetch-Site": site}
    )
    assert answer.status == 403
    assert await sandbox.bubbles() == []


def basic(secret: str) -> dict[str, str]:
    """What a browser sends once somebody typed the key."""
    return {"Authorization": "Basic " + b64encode(f"me:{secret}".encode()).decode()}


async def test_with_an_account_the_page_writes_nothing(sandbox: Sandbox) -> None:

    parts = replace(sandbox.service.parts, write_as_customer=None)
    async with client_of(create_app(parts)) as web:
        answer = await web.post("/sandbox/sms", data={"number": ADA, "text": "9"})
        assert answer.status == 422
        assert "through Twilio" in await answer.text()
