"""What tests of sending share: a worker held in the provider, a silenced address, the end of a row."""

from __future__ import annotations

import asyncio

from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.suppression import Suppression, SuppressionReason, SuppressionScope
from survey_service.texts.addresses import email_key
from tests.support.pipeline import Pipeline
from tests.support.smtp_server import HANG, Step


async def hold_in_provider(pipeline: Pipeline) -> asyncio.Task[int]:
    """The worker, stopped while the server thinks about the first mail."""
    pipeline.smtp.script(Step.ACCEPTANCE, HANG, times=1)
    running = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(10):
        await pipeline.smtp.until(lambda: pipeline.smtp.hanging == 1)
    return running


async def suppress(pipeline: Pipeline, address: str, brand: str = "acme") -> None:
    subject = pipeline.service.parts.keyring.subject_hash(email_key(address))
    row = Suppression(
        id=f"sup_{subject[:10]}_{brand}",
        scope=SuppressionScope.ADDRESS,
        brand=brand,
        subject_hash=subject,
        reason=SuppressionReason.MANUAL,
        created_at=pipeline.clock.now(),
    )
    await pipeline.store.suppressions.insert([row])


def assert_ended(row: Delivery, state: DeliveryState, reason: Reason) -> None:
    assert (row.state, row.reason, row.due_at, row.lease) == (state, reason, None, None)
