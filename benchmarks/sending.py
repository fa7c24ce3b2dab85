"""Sending: due → sent → recorded by the real stage, against pre-built bytes over pooled aiosmtplib connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosmtplib

from benchmarks.events import make_events
from benchmarks.measuring import Comparison, Contestant, Unit
from benchmarks.own_service import own_service, post, run_stage, time_stage
from benchmarks.processes import HOST, Bench, child, free_port
from channels.mime import assemble
from channels.smtp import parse_smtp_url
from survey_service.delivery.composing import Composer, Draft
from survey_service.store.paging import PageRequest
from survey_service.wiring import Service


@dataclass(frozen=True, slots=True)
class _Prebuilt:
    """A whole mail as the service would send it."""

    recipient: str
    content: bytes


@asynccontextmanager
async def sending(bench: Bench) -> AsyncIterator[list[Comparison]]:
    """Both send the same mails to the same server over as many connections."""
    count = bench.count(1_000, 50)
    port = free_port()
    labels = {"channel": "email", "kind": "invite", "state": "sent", "reason": ""}
    async with (
        child("benchmarks.smtp_sink", str(port), port=port),
        own_service(bench.uri, "bench_sending", port) as service,
    ):

        async def make_due() -> None:
            await post(service, make_events(count))
            await run_stage(service, "intake")
            await run_stage(service, "planning")

        async def send() -> float:
            await make_due()
            return count / await time_stage(service, "sending:email", "survey_deliveries_total", labels, count)

        await make_due()
        mails = await _prebuilt_mails(service)

        async def hand_over() -> float:
            return await _hand_over(mails, count, port)

        yield [
            Comparison(
                "delivery due → sent → recorded",
                Unit.MAILS,
                Contestant("ours", send),
                (Contestant("pre-built bytes, pooled aiosmtplib", hand_over),),
            )
        ]


async def _prebuilt_mails(service: Service) -> list[_Prebuilt]:
    """Mails of what is due, composed as the stage does it."""
    store = service.parts.store
    composer = Composer(service.parts.keyring, service.parts.base_url, service.parts.settings.email_from)
    snapshot = await store.configuration.current()
    mails = []
    for delivery in (await store.deliveries.page({}, PageRequest(limit=100))).rows:
        assert delivery.survey is not None
        assert delivery.invitation is not None
        invitation = await store.invitations.get(delivery.invitation)
        draft = Draft(delivery, snapshot.surveys[delivery.survey], snapshot.brands[delivery.brand], invitation)
        mails.append(_Prebuilt(delivery.to, assemble(composer.compose_email(draft), service.parts.clock.now())))
    return mails


async def _hand_over(mails: list[_Prebuilt], count: int, port: int) -> float:
    waiting = iter([mails[number % len(mails)] for number in range(count)])

    async def work(client: aiosmtplib.SMTP) -> None:
        for mail in waiting:
            await client.sendmail("hello@gull-air.example", [mail.recipient], mail.content)

    connections = parse_smtp_url(f"smtp://{HOST}:{port}").connections
    clients = [
        aiosmtplib.SMTP(hostname=HOST, port=port, local_hostname="localhost", start_tls=False)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.connect() for client in clients))
    started = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    seconds = time.perf_counter() - started
    await asyncio.gather(*(client.quit() for client in clients))
    return count / seconds
