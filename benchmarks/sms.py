"""SMS: the channel with the real SDK, against a bare aiohttp loop that posts the same forms to the same server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.processes import HOST, Bench, child, free_port
from channels.base import SmsMessage
from channels.twilio_sms import TwilioSettings, TwilioSmsChannel

_ACCOUNT = "AC00000000000000000000000000000000"
_SENDER = "+15005550006"
_AT_ONCE = 20
_TEXT = "Gull Air: How likely are you to recommend us? Reply 0-10. STOP to opt out"


@asynccontextmanager
async def sending(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """Twenty messages under way at the same time, which is the channel's capacity."""
    count = bench.count(4_000, 100)
    port = free_port()
    url = f"http://{HOST}:{port}"
    settings = TwilioSettings(_ACCOUNT, "token", sender=_SENDER, api_url=url, connections=_AT_ONCE)
    async with child("benchmarks.twilio_sink", str(port), port=port):
        channel = TwilioSmsChannel(settings)
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        async with aiohttp.ClientSession(connector=connector, auth=aiohttp.BasicAuth(_ACCOUNT, "token")) as session:

            async def send(number: int) -> None:
                await channel.send(SmsMessage(f"dlv_{number}", f"+1201555{number % 10_000:04}", _TEXT))

            async def post(number: int) -> None:
                form = {"To": f"+1201555{number % 10_000:04}", "From": _SENDER, "Body": _TEXT}
                async with session.post(f"{url}/2010-04-01/Accounts/{_ACCOUNT}/Messages.json", data=form) as answer:
                    assert answer.status == 201
                    await answer.read()

            yield [
                Comparison(
                    "text message → accepted",
                    Unit.MESSAGES,
                    Contestant("ours", lambda: _rate(send, count)),
                    (Contestant("bare aiohttp POST loop", lambda: _rate(post, count)),),
                )
            ]
        await channel.close()


async def _rate(one: Callable[[int], Awaitable[None]], count: int) -> float:
    """How many a second, `_AT_ONCE` of them under way at a time."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await one(number)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - started)
