"""The whole story with real processes: a two with a comment is heard, taken care of, and answered by what was done."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.test_whole_way import answer
from tests.support.backend import SURVEY, SURVEY_CONTENT, TRIGGER, Backend, Row, address_of, backend_of, make_event
from tests.support.inbox import letters_at, server_until
from tests.support.processes import API_KEY
from tests.support.receiver import Receiver
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.waiting import until

SAID = "It was broken, and nobody answered."
DONE = "we now check each parcel twice"
TOLD = ["case.opened", "case.updated", "case.overdue", "case.closed"]
RULE: Row = {
    "name": "Unhappy customers",
    "on": "scored",
    "survey": SURVEY,
    "condition": "response.score <= 6.0",
    "case": {"title": "Unhappy customer", "priority": "high", "due_within": "P2D", "ask_resolved": True},
}
PEOPLE: dict[str, Row] = {
    "mia": {"name": "Mia Meier", "email": "mia@acme.example", "role": "manager", "touchpoints": ["berlin-mitte"]},
    "bo": {"name": "Bo", "email": "bo@acme.example", "role": "manager", "touchpoints": ["rome"]},
    "all": {"name": "Al", "email": "al@acme.example", "role": "manager"},
}
PATIENT = {"SURVEY_SUSPECTS": "off"}  # tests answer faster than people
CUSTOMER = address_of("ord-1")


async def configure(backend: Backend) -> None:
    """Everything that the story needs; its mails say what was done since last time."""
    for place in ("berlin-mitte", "rome"):
        await backend.put(f"/v1/touchpoints/{place}", {"name": place})
    await backend.configure(cooldown=None)
    intro = {"email": {"intro": {"en": "Since last time: {{last_time.we_did|nothing yet}}."}}}
    await backend.put(f"/v1/surveys/{SURVEY}", {**SURVEY_CONTENT, "messages": intro})
    # Surveys may follow one another at once here, or the story would take weeks.
    await backend.put("/v1/contact-policy", {"limits": [], "cooldown": None})
    for person, content in PEOPLE.items():
        await backend.put(f"/v1/people/{person}", content)
    await backend.put("/v1/follow-ups/unhappy", RULE)


def order(name: str) -> Row:
    """One more order of the same customer."""
    return {**make_event("ord-1"), "id": name}


async def decision(backend: Backend, name: str) -> Row:
    """What was decided about one more order."""
    event = await backend.until_decided(await backend.post_event(order(name)))
    (only,) = event["decisions"]
    return dict(only)


@pytest.fixture
async def other_system() -> Any:
    """A system that is told by webhook."""
    async with Receiver() as receiver:
        yield receiver


async def test_a_two_becomes_a_case_a_reply_and_the_word_that_it_was_heard(
    start: Start, mail_server: ScriptedSmtpServer, other_system: Receiver
) -> None:
    service = await start("serve", SURVEY_SANDBOX="on", **PATIENT)
    async with backend_of(service.url) as backend:
        await configure(backend)
        hook = await backend.put("/v1/webhooks/crm", {"url": other_system.url, "types": TOLD})

        # The customer gives a two, and says why.
        await backend.post_event(order("ord-1"))
        (asked,) = await letters_at(mail_server, 1)
        assert "Since last time: nothing yet." in asked.text
        await answer(asked.survey_url, nps="2", why=SAID)

        # Within a second there is a case with the right owner, and the other system knows.
        (case,) = await backend.until_rows("/v1/cases", 1)
        assert (case["owner"], case["state"], case["priority"]) == ("mia", "open", "high")
        assert (case["score"], case["comment"], case["customer"]) == (2, SAID, "c-ord-1")
        (call,) = await other_system.until_called(1)
        told = call.verify(hook["secret"])
        assert (told["type"], told["data"]["id"], told["data"]["owner"]) == ("case.opened", case["id"], "mia")

        # While it is open nobody asks them again.
        skipped = await decision(backend, "ord-2")
        assert (skipped["outcome"], skipped["reason"], skipped["next_eligible_at"]) == ("skipped", "open_case", None)

        # Mia writes to them, and resolves it.
        await backend.post(
            f"/v1/cases/{case['id']}/reply", {"text": "Dear Ada,\n\na new one is on its way.", "by": "mia"}
        )
        _, reply = await letters_at(mail_server, 2)
        assert reply.to == CUSTOMER
        assert "a new one is on its way" in reply.text
        await patch(service.url, case["id"], {"state": "resolved", "public_note": DONE, "by": "mia"})

        # They are asked whether it helped, and say yes.
        *_, question = await letters_at(mail_server, 3)
        (page,) = [link for link in question.links if "/r/" in link]
        async with aiohttp.ClientSession() as browser, browser.post(page, data={"resolved": "yes"}) as thanks:
            assert thanks.status == 200
        shown = await backend.get(f"/v1/cases/{case['id']}")
        assert (shown["state"], shown["resolved_for_customer"]) == ("resolved", True)
        assert [line["by"] for line in shown["history"]] == ["mia", "mia", "mia", "customer"]
        calls = await other_system.until_called(4)
        assert [one.content["type"] for one in calls] == ["case.opened", "case.updated", "case.closed", "case.updated"]

        # The next invitation says what was done.
        assert (await trigger_another_survey(backend))["outcome"] == "invited"
        *_, invitation = await letters_at(mail_server, 4)
        assert (invitation.to, f"Since last time: {DONE}." in invitation.text) == (CUSTOMER, True)


async def patch(url: str, case: str, body: Row) -> None:
    """Change a case."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.patch(f"{url}/v1/cases/{case}", json=body) as changed,
    ):
        assert changed.status == 200, await changed.text()


async def trigger_another_survey(backend: Backend) -> Row:
    """The same words twice within twelve hours would be too much: the next order is asked about with another survey."""
    intro = {"email": {"intro": {"en": "Since last time: {{last_time.we_did|nothing yet}}."}}}
    await backend.put("/v1/surveys/another", {**SURVEY_CONTENT, "messages": intro})
    await backend.put(
        f"/v1/triggers/{TRIGGER}",
        {"survey": "another", "event_type": "order.delivered", "channels": ["email"], "quiet_hours": None},
    )
    return await decision(backend, "ord-3")


async def test_when_workers_are_killed_each_answer_still_opens_exactly_one_case(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    names = [f"ord-{number}" for number in range(24)]
    api, worker = await asyncio.gather(start("api", **PATIENT), start("worker"))
    async with backend_of(api.url) as backend:
        await configure(backend)
        await backend.post_events([make_event(name) for name in names])
        letters = await letters_at(mail_server, len(names))
        links = {letter.to: letter.survey_url.replace(_base(letter.survey_url), api.url) for letter in letters}
        for number, name in enumerate(names):
            await answer(links[address_of(name)], nps=str(number % 7), why=SAID)
            if number % 8 == 7:
                await worker.kill()
                worker = await start("worker")

        async def all_are_heard() -> bool:
            return len(await backend.rows("/v1/cases")) >= len(names)

        await until(all_are_heard, "every answer has its case")
        cases = await backend.rows("/v1/cases")
        responses = {row["id"] for row in await backend.rows("/v1/responses")}
        assert Counter(case["response"] for case in cases) == Counter(dict.fromkeys(responses, 1))
        assert len(responses) == len(names)
        assert {case["owner"] for case in cases} == {"mia"}
    await server_until(mail_server, lambda: len(mail_server.mails) >= len(names))


def _base(url: str) -> str:
    return url.partition("/s/")[0]
