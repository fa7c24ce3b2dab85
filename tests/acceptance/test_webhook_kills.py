"""Workers die while answers come in: each answer's webhooks arrive all the same, each under the one id of its news."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import aiohttp

from tests.acceptance.conftest import Start
from tests.support.backend import SURVEY, Backend, backend_of
from tests.support.processes import ServiceProcess
from tests.support.receiver import Receiver, accept, hang
from tests.support.waiting import until

ROUNDS = 2
ANSWERS = 16  # a round
IN_DEVELOPMENT = {"SURVEY_SANDBOX": "on"}  # webhooks may lead to this machine
TYPES = ("response.scored", "response.finished")


async def answer_all(backend: Backend, names: Sequence[str]) -> None:
    """These people are asked on the web and answer at once, all at the same time."""

    async def answer(name: str) -> None:
        request = {"survey": SURVEY, "customer": {"id": name}, "channels": ["web"], "ignore_rules": True}
        invitation = await backend.post("/v1/invitations", request)
        async with aiohttp.ClientSession() as browser, browser.post(invitation["url"], data={"nps": "9"}) as page:
            assert page.status == 200, await page.text()

    await asyncio.gather(*(answer(name) for name in names))


async def until_all_are_delivered(backend: Backend, count: int) -> None:
    async def look() -> bool:
        return len(await backend.rows("/v1/webhooks/crm/attempts", state="delivered")) == count

    await until(look, f"{count} messages are delivered")


async def test_when_workers_are_killed_while_answers_come_in_every_message_arrives_under_its_own_id(
    start: Start,
) -> None:
    api, worker = await asyncio.gather(start("api", **IN_DEVELOPMENT), start("worker", **IN_DEVELOPMENT))
    async with backend_of(api.url) as backend, Receiver() as receiver:
        await backend.configure()
        webhook = await backend.put("/v1/webhooks/crm", {"url": receiver.url, "types": list(TYPES)})
        held: set[str] = set()
        for number in range(ROUNDS):
            worker = await killed_in_the_middle(start, worker, backend, receiver, number, held)
        messages = ROUNDS * ANSWERS * len(TYPES)
        await until_all_are_delivered(backend, messages)

        responses = {row["id"] for row in await backend.rows("/v1/responses")}
        assert len(responses) == ROUNDS * ANSWERS
        news: dict[tuple[str, str], set[str]] = {(name, kind): set() for name in responses for kind in TYPES}
        for call in receiver.calls:
            content = call.verify(webhook["secret"])
            news[content["data"]["id"], content["type"]].add(call.message)
        assert all(len(ids) == 1 for ids in news.values())
        assert len(set.union(*news.values())) == messages
        arrivals = Counter(receiver.messages)
        assert all(arrivals[message] >= 2 for message in held), "what was under way was posted again"
        bodies = {(call.message, call.body) for call in receiver.calls}
        assert len(bodies) == messages, "the same bytes on every try"


async def killed_in_the_middle(
    start: Start, worker: ServiceProcess, backend: Backend, receiver: Receiver, number: int, held: set[str]
) -> ServiceProcess:
    """One round: answers come in, calls hang at the receiver, their worker dies; the next one is returned."""
    before = len(receiver.calls)
    receiver.always(hang)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer_all(backend, [f"c-{number}-{each}" for each in range(ANSWERS)]))
        calls = await receiver.until_called(before + 1)
        await worker.kill()
    held |= {call.message for call in calls[before:]}
    receiver.always(accept)
    return await start("worker", **IN_DEVELOPMENT)
