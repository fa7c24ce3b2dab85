"""Two workers meet over one customer: however many events come at once, the budget holds to the last place."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp

from tests.acceptance.conftest import Start
from tests.support.backend import SURVEY_CONTENT, Backend, Row, backend_of, make_event
from tests.support.inbox import letters_at
from tests.support.processes import ServiceProcess
from tests.support.smtp_server import ScriptedSmtpServer

EVENTS = 1_000
KINDS = 5  # triggers, each with a text of its own: one text alone would come once in twelve hours
ALLOWED = 3
DECIDED = 'survey_decisions_total{outcome="'


async def configure(backend: Backend, allowed: int) -> None:
    """At most `allowed` first messages a person, over five triggers that all would ask."""
    await backend.configure()
    limits = [{"max": allowed, "period": "P90D"}]
    await backend.put("/v1/contact-policy", {"limits": limits, "cooldown": None})
    for kind in range(KINDS):
        await backend.put(f"/v1/surveys/about-{kind}", SURVEY_CONTENT | {"name": f"About {kind}"})
        content = {"survey": f"about-{kind}", "event_type": f"kind.{kind}", "channels": ["email"], "quiet_hours": None}
        await backend.put(f"/v1/triggers/about-{kind}", content)


def events_of(customer: Row) -> list[Row]:
    """A thousand events of the same moment, of all kinds."""
    return [
        make_event(f"event-{number}", type=f"kind.{number % KINDS}", data={"customer": customer})
        for number in range(EVENTS)
    ]


async def decided_by(worker: ServiceProcess) -> int:
    """How many decisions a worker counted."""
    async with aiohttp.ClientSession() as session, session.get(f"{worker.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(DECIDED)))


async def test_two_workers_and_a_thousand_events_of_one_customer_invite_as_many_times_as_allowed(
    start: Start, mail_server: ScriptedSmtpServer
) -> None:
    api = await start("api")
    async with backend_of(api.url) as backend:
        await configure(backend, ALLOWED)
        events = events_of({"id": "c-ada", "email": "ada@example.com"})
        await backend.post_events(events)
        workers = await asyncio.gather(start("worker"), start("worker"))
        decisions = await backend.until_rows("/v1/decisions", EVENTS)
        assert Counter(row["outcome"] for row in decisions) == {"invited": ALLOWED, "skipped": EVENTS - ALLOWED}
        assert {row["reason"] for row in decisions} == {None, "same_text", "contact_limit"}
        assert all(row["next_eligible_at"] for row in decisions if row["outcome"] == "skipped")
        invitations = await backend.until_rows("/v1/invitations", ALLOWED, state="sent")
        assert len(await backend.rows("/v1/invitations")) == len(invitations) == ALLOWED
        assert len(await letters_at(mail_server, ALLOWED)) == ALLOWED
        counts = await asyncio.gather(*(decided_by(worker) for worker in workers))
        assert sum(counts) == EVENTS
