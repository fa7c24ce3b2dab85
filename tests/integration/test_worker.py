"""The worker: it wakes for what is due, stops without losing anything, and waits while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog

from survey_service.intake.receiving import PostedEvent
from survey_service.models.decision import Outcome
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.store import invitations
from survey_service.store.claims import Claim, Claims
from survey_service.work.bells import Bells
from survey_service.work.loop import Stage, StageLoop
from tests.support.failpoints import NOT_PRIMARY, failing
from tests.support.inbox import message_ids
from tests.support.pipeline import Pipeline, a_customer, an_event, open_pipeline
from tests.support.smtp_server import HANG, ScriptedSmtpServer, Step
from tests.support.waiting import until

AFTER_THE_LEASE = timedelta(seconds=21)
DEADLINE = 20.0


@asynccontextmanager
async def working(pipeline: Pipeline, grace: float = DEADLINE) -> AsyncIterator[None]:
    """The worker runs; at the end it is told to stop, as by SIGTERM."""
    pipeline.service.worker.start()
    try:
        yield
    finally:
        async with asyncio.timeout(grace + DEADLINE):
            await pipeline.service.worker.stop(grace)


async def mails(pipeline: Pipeline, count: int) -> None:
    """Wait until that many mails have arrived."""
    async with asyncio.timeout(DEADLINE):
        await pipeline.smtp.until(lambda: len(pipeline.smtp.mails) >= count)


def many_events(count: int, start: int = 0) -> list[PostedEvent]:
    """One event a customer."""
    return [an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(start, start + count)]


async def test_an_event_wakes_every_stage_of_its_process(pipeline: Pipeline) -> None:
    await pipeline.configure()
    async with working(pipeline):
        await pipeline.post(an_event())
        await mails(pipeline, 1)
    assert (await pipeline.delivery()).state is DeliveryState.SENT


async def test_an_event_that_another_process_took_is_found(
    pipeline: Pipeline, mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    await pipeline.configure()
    async with working(pipeline), open_pipeline(mongodb_uri, database_name, smtp) as api:
        await api.post(an_event())
        await mails(pipeline, 1)


async def test_a_worker_that_stops_finishes_what_runs_and_holds_no_row(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(*many_events(120))
    async with working(pipeline):
        await mails(pipeline, 5)
    for collection in ("events", "invitations", "deliveries"):
        assert await pipeline.store.database[collection].count_documents({"lease": {"$ne": None}}) == 0, collection
    left = await pipeline.store.database["deliveries"].count_documents({"state": DeliveryState.SENT})
    assert left == len(pipeline.smtp.mails)
    await pipeline.run()
    assert all(len(ids) == 1 for ids in message_ids(pipeline.smtp.mails).values())
    assert len(pipeline.smtp.mails) == 120
    assert await pipeline.store.database["deliveries"].count_documents({"deaths": {"$ne": 0}}) == 0


async def test_a_worker_whose_grace_is_over_gives_back_what_was_not_handed_over(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    url = f"smtp://{smtp.address}?connections=1"
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_SMTP_URL=url) as pipeline:
        await pipeline.configure()
        smtp.script(Step.ACCEPTANCE, HANG, times=1)
        await pipeline.post(*many_events(5))
        async with working(pipeline, grace=0.1), asyncio.timeout(DEADLINE):
            await smtp.until(lambda: smtp.hanging == 1)
        rows = await pipeline.deliveries()
        (handed_over,) = [row for row in rows if row.state is DeliveryState.SENDING]
        assert handed_over.lease is not None  # nobody knows whether it was taken
        assert handed_over.due_at is not None
        assert handed_over.due_at > pipeline.clock.now()
        rest = [row for row in rows if row.id != handed_over.id]
        assert {(row.state, row.lease, row.attempts) for row in rest} == {(DeliveryState.PLANNED, None, 0)}
        # Another worker takes the rest at once, and that one when its lease is over.
        await pipeline.run()
        assert len(smtp.mails) == 4
        pipeline.pass_time(AFTER_THE_LEASE)
        await pipeline.run()
        assert sorted(pipeline.recipients()) == [f"c{number}@example.com" for number in range(5)]
        assert {row.deaths for row in await pipeline.deliveries() if row.id != handed_over.id} == {0}


async def test_a_claim_that_arrives_after_the_word_to_stop_is_given_back(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event())
    intake, planning, *_ = pipeline.service.worker.loops
    await intake.run_until_idle()
    await planning.run_until_idle()
    store = pipeline.store
    asked, go = asyncio.Event(), asyncio.Event()
    handled: list[Claim[Delivery]] = []

    class SlowClaims(Claims[Delivery]):
        async def claim(self, limit: int, *, orphans: bool = True) -> Claim[Delivery] | None:
            found = await super().claim(limit, orphans=orphans)
            asked.set()
            await go.wait()
            return found

    async def handle(claim: Claim[Delivery]) -> None:
        handled.append(claim)

    claims = SlowClaims(store.database["deliveries"], Delivery, store.clock, store.deliveries.claims.lease)
    loop = StageLoop(Stage("slow", claims, handle), Bells())
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(DEADLINE):
        await asked.wait()
        assert (await pipeline.delivery()).lease is not None
        await loop.drain(0)
        go.set()
        await running
    assert handled == []
    row = await pipeline.delivery()
    assert (row.lease, row.state) == (None, DeliveryState.PLANNED)


async def test_a_worker_without_work_stops_at_once(pipeline: Pipeline) -> None:
    async with asyncio.timeout(DEADLINE):
        async with working(pipeline, grace=600):
            await asyncio.sleep(0)


async def test_a_heartbeat_keeps_a_slow_batch(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> None:
    """The provider takes longer than the lease lasts; nobody else may send the same mail meanwhile."""
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_LEASE_SECONDS="1") as pipeline:
        await pipeline.configure()
        smtp.script(Step.ACCEPTANCE, HANG, times=1)
        await pipeline.post(an_event())
        async with working(pipeline, grace=0):
            async with asyncio.timeout(DEADLINE):
                await smtp.until(lambda: smtp.hanging == 1)
            held = (await pipeline.delivery()).due_at

            async def prolonged_twice() -> bool:
                due_at = (await pipeline.delivery()).due_at
                return held is not None and due_at is not None and due_at - held > timedelta(seconds=1.2)

            await until(prolonged_twice, "the lease was prolonged beyond its first end")
            row = await pipeline.delivery()
            assert (row.claim, row.attempts) == (1, 1)


async def test_while_the_database_is_away_the_worker_waits(
    pipeline: Pipeline, mongodb_uri: str, database_name: str
) -> None:
    await pipeline.configure()
    with structlog.testing.capture_logs() as logs:
        async with working(pipeline):
            async with failing(mongodb_uri, f"{database_name}.events", ["find", "update"], errorCode=NOT_PRIMARY):
                await pipeline.post(an_event())

                async def noticed() -> bool:
                    return any(entry["event"] == "stage.database_away" for entry in logs)

                await until(noticed, "the worker noticed")
            await mails(pipeline, 1)
    assert (await pipeline.decision()).outcome is Outcome.INVITED


async def test_a_fault_of_the_database_in_the_middle_of_a_batch_is_no_death_of_its_rows(
    pipeline: Pipeline, mongodb_uri: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "PATIENCE", 0.5)
    await pipeline.configure()
    await pipeline.post(*many_events(10))
    async with failing(mongodb_uri, f"{database_name}.invitations", ["insert"], errorCode=NOT_PRIMARY):
        assert await pipeline.run() == 10
    events = pipeline.store.database["events"]
    assert await events.count_documents({"state": "pending", "lease": None, "deaths": {"$in": [None, 0]}}) == 10
    pipeline.pass_time(timedelta(seconds=3))  # as long as the worker leaves the database alone
    await pipeline.run()
    assert pipeline.recipients() == sorted(f"c{number}@example.com" for number in range(10))
    assert await events.count_documents({"deaths": {"$nin": [None, 0]}}) == 0


@pytest.mark.parametrize("for_good", [True, False])
async def test_what_the_provider_said_is_recorded_later_or_else_the_mail_goes_again_under_the_same_message_id(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, for_good: bool
) -> None:
    settings = {"SURVEY_LEASE_SECONDS": "1"} if for_good else {}
    async with open_pipeline(mongodb_uri, database_name, smtp, **settings) as pipeline:
        await pipeline.configure()
        await pipeline.post(an_event())
        intake, planning, sending, *_ = pipeline.service.worker.loops
        await intake.run_until_idle()
        await planning.run_until_idle()
        # Of the updates on deliveries, the claim and the mark pass; everything after the provider's word fails.
        away = failing(mongodb_uri, f"{database_name}.deliveries", ["update"], {"skip": 2}, errorCode=NOT_PRIMARY)
        with structlog.testing.capture_logs() as logs:
            async with away:
                running = asyncio.create_task(sending.run_until_idle())

                async def insists() -> bool:
                    return any(entry["event"] == "insisting.database_away" for entry in logs)

                await until(insists, "the worker tries again to write what the provider said")
                if for_good:
                    await asyncio.wait([running])  # in the end it cannot even claim
            await asyncio.gather(running, return_exceptions=for_good)
        assert len(smtp.mails) == 1
        state = (await pipeline.delivery()).state
        assert state is (DeliveryState.SENDING if for_good else DeliveryState.SENT)
        pipeline.pass_time(AFTER_THE_LEASE)
        await pipeline.run()
        assert (await pipeline.delivery()).state is DeliveryState.SENT
        assert len(smtp.mails) == (2 if for_good else 1)
        assert {len(ids) for ids in message_ids(smtp.mails).values()} == {1}


async def test_several_workers_send_each_mail_once(
    pipeline: Pipeline, mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    await pipeline.configure()
    async with open_pipeline(mongodb_uri, database_name, smtp) as second, working(pipeline), working(second):
        for start in range(0, 100, 20):
            await pipeline.post(*many_events(20, start))
        await mails(pipeline, 100)
    assert pipeline.recipients() == sorted(f"c{number}@example.com" for number in range(100))
    deliveries = pipeline.store.database["deliveries"]
    assert await deliveries.count_documents({"state": DeliveryState.SENT, "attempts": 1}) == 100
