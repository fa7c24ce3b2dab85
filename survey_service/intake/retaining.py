"""Retaining: rows that became too old come in; tombstones that still count are left, as after an erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from survey_service.models.retention import Retention
from survey_service.settings import Settings
from survey_service.store.claims import Claim
from survey_service.store.forgetting import BATCH, KINDS, Forgetting
from survey_service.store.store import Store

log = structlog.get_logger()

STAGE = "retaining"
EVERY = timedelta(minutes=10)  # between two looks for what became too old
_OF_EVENTS = ("events", "invitations", "deliveries")
_OF_ANSWERS = ("responses", "cases", "rewards", "mails", "inbound_texts")


def retention_periods(settings: Settings) -> dict[str, timedelta]:
    """How long each collection keeps people; those that keep them for good are not in it."""
    days = {
        **dict.fromkeys(_OF_EVENTS, settings.retain_events_days),
        **dict.fromkeys(_OF_ANSWERS, settings.retain_answers_days),
    }
    return {name: timedelta(days=number) for name, number in days.items() if number is not None}


class ForgetOld:
    """The handler of the stage that forgets by itself, a bounded batch of each collection at a time."""

    def __init__(self, store: Store, periods: Mapping[str, timedelta]) -> None:
        self._store = store
        self._periods = periods
        self._forgetting = Forgetting(store.database, store.configuration)

    async def __call__(self, claim: Claim[Retention]) -> None:
        """Blank what is too old by now; where more is left than one batch takes, it goes on at once."""
        for row in claim.rows:
            await self._forget(row)

    async def _forget(self, row: Retention) -> None:
        period = self._periods.get(row.id)
        if period is None:
            await self._store.retentions.go_on(row, row.until, EVERY)
            return
        cutoff = self._store.clock.now() - period
        count, until = await self._forgetting.forget_older(KINDS[row.id], row.until, cutoff)
        await self._store.retentions.go_on(row, until, EVERY if count < BATCH else timedelta())
        if count:
            log.info("retention.blanked", collection=row.id, rows=count)
