"""News come in; a call for each webhook that wants to be told of them goes out, under an id made of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import structlog

from survey_service.followup.telling import Told
from survey_service.models.outbox import News, Telling
from survey_service.models.webhook import Webhook, WebhookCall, call_id
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule
from survey_service.store.store import Store
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "webhooks"
MAX_BODY_BYTES = 256 * 1024

Show = Callable[[Any], Mapping[str, Any]]
"""A stored document in, the row that the API shows of it out."""


class TellWebhooks:
    """Listens to the news of every kind of document; `rows` says how each kind is shown."""

    def __init__(self, store: Store, bells: Bells, rows: Mapping[type[Telling], Show]) -> None:
        self._store = store
        self._bells = bells
        self._rows = rows

    async def __call__(self, told: Sequence[Told[Any]]) -> None:
        """Store a call for each of the news and each webhook that wants it; telling twice stores it once."""
        snapshot = await self._store.configuration.current()
        now = self._store.clock.now()
        calls = []
        for each in told:
            wanting = snapshot.webhooks_for(each.news.type)
            if wanting:
                calls += calls_of(each.news, each.about.id, self._rows[type(each.about)](each.about), wanting, now)
        if calls:
            await self._store.webhook_calls.insert(calls)
            self._bells.ring(STAGE)


def calls_of(
    news: News, about: str, row: Mapping[str, Any], webhooks: Sequence[Webhook], now: datetime
) -> list[WebhookCall]:
    """The calls that tell `news` about a document to those webhooks whose condition holds. Pure."""
    body = body_of(news.type, news.at, row)
    message = cel_value(orjson.loads(body)) if any(webhook.condition for webhook in webhooks) else None
    return [
        new_call(webhook.id, news.id, news.type, body, now, about)
        for webhook in webhooks
        if _is_told(webhook, news, message)
    ]


def new_call(
    webhook: str, message: str, kind: str, body: bytes, now: datetime, about: str | None = None
) -> WebhookCall:
    """A call that is due at once."""
    return WebhookCall(
        id=call_id(webhook, message),
        webhook=webhook,
        message=message,
        type=kind,
        body=body.decode(),
        about=about,
        due_at=now,
        created_at=now,
    )


def body_of(kind: str, at: datetime, row: Mapping[str, Any]) -> bytes:
    """What is posted: compact JSON; a row that is too large to be posted is named, to be read from the API."""
    body = _dump({"type": kind, "timestamp": at, "data": row})
    if len(body) > MAX_BODY_BYTES:
        named = {name: row[name] for name in ("key", "id") if name in row}
        body = _dump({"type": kind, "timestamp": at, "data": {**named, "too_large": True}})
    return body


def _dump(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _is_told(webhook: Webhook, news: News, message: object) -> bool:
    """A condition that fails, such as over a missing key, holds: to tell too much is mended, to lose is not."""
    if webhook.condition is None:
        return True
    try:
        return compile_rule(webhook.condition, RuleScope.WEBHOOK).holds({"message": message})
    except (RuleFailed, RuleInvalid) as error:
        log.warning("webhooks.condition_error", webhook=webhook.id, type=news.type.value, detail=str(error))
        return True
