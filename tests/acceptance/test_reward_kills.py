"""Answers keep coming in while every process is killed: each finished one has exactly one reward, with its own code."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import aiohttp
import pytest

from tests.acceptance.conftest import Start
from tests.support.backend import SURVEY, Backend, Row, backend_of
from tests.support.processes import API_KEY, ServiceProcess
from tests.support.waiting import until

VOUCHER = "voucher"
INCENTIVE: Row = {
    "name": "Voucher",
    "kind": "unique_code",
    "text": {"en": "10 % off your next order"},
    "value": 5.0,
    "currency": "EUR",
    "hold": None,
    "low_at": 0,
}
CUSTOMERS = 8
HASTY = {"SURVEY_SUSPECTS": "off"}  # tests answer faster than people, and all from one network
CHANCES = random.Random(20261122)  # noqa: S311 -- when to kill


class Shoppers:
    """Customers who answer one after the other, and try again whenever the service is away."""

    def __init__(self) -> None:
        self.api: ServiceProcess | None = None
        self.answered: set[str] = set()
        self._waiting: list[tuple[str, str]] = []

    async def invite(self, backend: Backend, count: int) -> None:
        """Offer each of them the voucher."""
        people = [{"id": f"c-{number}", "email": f"c-{number}@example.com"} for number in range(count)]
        for start in range(0, count, 500):
            asked = [
                {"survey": SURVEY, "customer": person, "channels": ["web"], "incentive": VOUCHER}
                for person in people[start : start + 500]
            ]
            made = await backend.post("/v1/invitations/batch", {"invitations": asked})
            self._waiting += [(each["id"], each["url"].rpartition("/")[2]) for each in made["results"]]

    async def answer(self) -> None:
        """Answer until everybody has; a page that got lost is sent again."""
        async with aiohttp.ClientSession() as session:
            while self._waiting:
                invitation, token = self._waiting.pop()
                if await self._send(session, token):
                    self.answered.add(invitation)
                else:
                    self._waiting.append((invitation, token))
                    await asyncio.sleep(0.05)

    async def _send(self, session: aiohttp.ClientSession, token: str) -> bool:
        if self.api is None or not self.api.is_running:
            return False
        form = {"nps": "9", "_page": "nps why"}
        try:
            async with session.post(f"{self.api.url}/s/{token}", data=form) as answer:
                await answer.read()
                return answer.status == 200
        except aiohttp.ClientError:
            return False


async def one_reward_a_response(start: Start, customers: int, kills: int) -> None:
    """Kill API and worker by turns while `customers` answer, until `kills` processes are dead."""
    shoppers = Shoppers()
    shoppers.api, worker = await asyncio.gather(start("api", **HASTY), start("worker", **HASTY))
    async with backend_of(shoppers.api.url) as backend:
        await backend.configure()
        await backend.put(f"/v1/incentives/{VOUCHER}", INCENTIVE)
        await post_codes(shoppers.api.url, customers + 50)
        await shoppers.invite(backend, customers)
    async with asyncio.TaskGroup() as crowd:
        for _ in range(CUSTOMERS):
            crowd.create_task(shoppers.answer())
        for kill in range(kills):
            await asyncio.sleep(CHANCES.uniform(0.05, 0.4))
            if kill % 2:
                await shoppers.api.kill()
                shoppers.api = await start("api", **HASTY)
            else:
                await worker.kill()
                worker = await start("worker", **HASTY)
    async with backend_of(shoppers.api.url) as backend:
        rewards = await backend.until_rows("/v1/rewards", customers)

        async def all_is_told() -> bool:
            return len(await backend.rows("/v1/rewards", state="granted")) == customers

        await until(all_is_told, f"{customers} rewards are granted")
        responses = await backend.rows("/v1/responses", status="finished")
        assert len(responses) == customers
        assert Counter(row["response"] for row in rewards) == Counter(row["id"] for row in responses)
        pool = await backend.get(f"/v1/incentives/{VOUCHER}/codes")
        incentive = await backend.get(f"/v1/incentives/{VOUCHER}")
    assert pool == {"left": 50, "used": customers}
    # A kill may cost a place in the count, never hide one.
    assert customers <= incentive["granted"] <= customers + kills


async def post_codes(url: str, count: int) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "text/csv"}
    codes = "".join(f"CODE-{number}\n" for number in range(count))
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/v1/incentives/{VOUCHER}/codes", data=codes) as answer,
    ):
        assert (await answer.json())["added"] == count


async def test_whoever_dies_each_finished_answer_has_one_reward(start: Start) -> None:
    await one_reward_a_response(start, customers=120, kills=4)


@pytest.mark.long
async def test_forty_deaths_cost_and_double_no_reward(start: Start) -> None:
    await one_reward_a_response(start, customers=1_500, kills=40)
