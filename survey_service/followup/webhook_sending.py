"""Due calls come in; they are posted, and what became of them goes out: delivered, tried again, or dead.

A worker that dies after a post and before the record posts again under the same `webhook-id`: at least once.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog

from survey_service.followup.webhook_alerts import off_letters
from survey_service.followup.webhook_lanes import LaneClaims
from survey_service.followup.webhook_posting import LONGEST_RETRY_AFTER, Answer, Poster
from survey_service.models.webhook import Attempt, CallError, CallState, OffReason, Webhook, WebhookCall
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import WEBHOOK_CALLS, WEBHOOK_SECONDS, WEBHOOKS_SWITCHED_OFF
from survey_service.work.bells import Bells
from survey_service.work.retry import CALL_SCHEDULE, next_try_in

log = structlog.get_logger()

HOLDS = (timedelta(seconds=5), timedelta(minutes=5))  # that a webhook rests after rounds in which nothing passed
PATIENCE = timedelta(days=5)  # of nothing but failures, until a webhook is switched off
FORGOTTEN = timedelta(hours=36)  # without any call, hence more than the longest wait: a failure is the first again


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for its call; `due_at` is when it is tried next."""

    state: CallState
    due_at: datetime | None = None


def verdict_on(answer: Answer, tries: int, now: datetime, jitter: float | None = None) -> Verdict:
    """What follows from the answer to the `tries`-th try. Pure but for the jitter, which only prolongs the wait."""
    if answer.is_delivered:
        return Verdict(CallState.DELIVERED)
    if answer.status == HTTPStatus.GONE:
        return Verdict(CallState.DEAD)
    spread = random.random() if jitter is None else jitter  # noqa: S311 -- spreading load, not a secret
    asked = answer.retry_after.total_seconds() if answer.retry_after is not None else None
    wait = next_try_in(tries, CALL_SCHEDULE, asked, spread, LONGEST_RETRY_AFTER)
    return Verdict(CallState.WAITING, now + wait) if wait is not None else Verdict(CallState.DEAD)


class CallWebhooks:
    """The webhooks stage's handler."""

    def __init__(self, store: Store, bells: Bells, poster: Poster, lanes: LaneClaims) -> None:
        self._store = store
        self._bells = bells
        self._poster = poster
        self._lanes = lanes

    async def __call__(self, claim: Claim[WebhookCall]) -> None:
        """Post a batch; the rounds of several webhooks do not wait for one another."""
        try:
            webhooks = (await self._store.configuration.current()).webhooks
            rounds: defaultdict[str, list[WebhookCall]] = defaultdict(list)
            for row in claim.rows:
                rounds[row.webhook].append(row)
            results = await asyncio.gather(
                *(self._round(webhooks.get(name), rows) for name, rows in rounds.items()), return_exceptions=True
            )
        finally:
            for row in claim.rows:
                self._lanes.leave(row)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _round(self, webhook: Webhook | None, rows: Sequence[WebhookCall]) -> None:
        began_at = self._store.clock.now()
        if webhook is None or not webhook.enabled:
            await self._end_waiting(rows[0].webhook, rows[0].lease)
            return
        answers = await asyncio.gather(*(self._call(webhook, row) for row in rows))
        await self._judge(webhook, answers, began_at)

    async def _call(self, webhook: Webhook, row: WebhookCall) -> Answer:
        now = self._store.clock.now()
        answer = await self._poster.post(webhook.url, webhook.secrets, row.message, row.body, now)
        attempt = Attempt(at=now, status=answer.status, milliseconds=answer.milliseconds, error=answer.error)
        verdict = verdict_on(answer, row.tries + 1, self._store.clock.now())
        if not await self._store.webhook_calls.record(row, attempt, verdict.state, verdict.due_at):
            log.warning("webhooks.claim_lost", call=row.id)
        self._lanes.leave(row)
        result = "again" if verdict.state is CallState.WAITING else verdict.state.value
        WEBHOOK_CALLS.labels(webhook.id, result).inc()
        WEBHOOK_SECONDS.labels(webhook.id).observe(answer.milliseconds / 1000)
        return answer

    async def _judge(self, webhook: Webhook, answers: Sequence[Answer], began_at: datetime) -> None:
        """What a round says of its webhook: it is well, it rests, or it is called no more."""
        calls = self._store.webhook_calls
        if any(answer.status == HTTPStatus.GONE for answer in answers):
            await self._switch_off(webhook, OffReason.GONE)
            return
        if any(answer.is_delivered for answer in answers):
            await calls.note_well(webhook.id)
        else:
            failing_since = await calls.note_failed_round(webhook.id, began_at, HOLDS, FORGOTTEN)
            if self._store.clock.now() - failing_since >= PATIENCE:
                await self._switch_off(webhook, OffReason.FAILING)
                return
        asked = [answer.retry_after for answer in answers if answer.retry_after is not None]
        if asked:
            await calls.hold(webhook.id, self._store.clock.now() + max(asked))

    async def _switch_off(self, webhook: Webhook, reason: OffReason) -> None:
        configuration = self._store.configuration
        letters = off_letters(webhook, reason, await configuration.current(), self._store.clock.now())
        if await configuration.webhooks.switch_off(webhook, reason, letters):
            log.warning("webhooks.switched_off", webhook=webhook.id, reason=reason.value, letters=len(letters))
            WEBHOOKS_SWITCHED_OFF.labels(reason.value).inc()
            self._bells.ring("sending")
            await self._end_waiting(webhook.id)

    async def _end_waiting(self, webhook: str, lease: str | None = None) -> None:
        attempt = Attempt(at=self._store.clock.now(), milliseconds=0, error=CallError.SWITCHED_OFF)
        await self._store.webhook_calls.end_waiting(webhook, attempt, lease)
