"""`/v1/webhooks/{id}/attempts|replay|test`: what was posted and how it went goes out; posting it again is asked for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ListOf, ListQuery, page_reply
from survey_service.api.shapes.webhook import ReplayIn, ReplayView, WebhookCallRow, WebhookTestView
from survey_service.api.webhooks import read_webhook
from survey_service.errors import Conflict, InvalidInput
from survey_service.followup.webhooks import STAGE, body_of, new_call
from survey_service.models.api_key import Scope
from survey_service.models.ids import random_id
from survey_service.models.webhook import TEST_TYPE, CallState, Webhook
from survey_service.store.paging import Cursor, PageRequest

MAX_REPLAYED = 10_000


class CallsQuery(ListQuery):
    """Filters; all that are given must hold."""

    state: CallState | None = None
    type: str | None = Field(default=None, max_length=50, description="Such as `response.finished`")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        return self.model_dump(exclude_none=True, include={"state", "type"})


@endpoint(
    "GET",
    "/v1/webhooks/{id}/attempts",
    tag="webhooks",
    scope=Scope.CONFIG_READ,
    answers={200: ListOf[WebhookCallRow]},
)
async def list_attempts(call: Call, query: CallsQuery) -> Reply:
    """List the messages of a webhook with every try, the newest first; they are kept for 30 days."""
    webhook = await read_webhook(call)
    request = PageRequest(query.limit, Cursor.decode(query.cursor) if query.cursor else None)
    page = await call.parts.store.webhook_calls.page({"webhook": webhook.id, **query.filters()}, request)
    return page_reply(call, page, WebhookCallRow.show)


@endpoint("POST", "/v1/webhooks/{id}/replay", tag="webhooks", scope=Scope.OPERATE, answers={200: ReplayView})
async def replay_webhook(call: Call, body: ReplayIn) -> ReplayView:
    """Post the messages of a period again under the ids that they had, at most 10,000 of them."""
    if body.start >= body.end:
        raise InvalidInput.at("/to", "order", "must be later than `from`")
    webhook = await _enabled(call)
    calls = call.parts.store.webhook_calls
    states = [CallState.DEAD] if body.only_dead else list(CallState)
    replayed, rest_from = await calls.replay(webhook.id, body.start, body.end, body.types, states, MAX_REPLAYED)
    await _go_on(call, webhook)
    return ReplayView(replayed=replayed, rest_from=rest_from)


@endpoint("POST", "/v1/webhooks/{id}/test", tag="webhooks", scope=Scope.OPERATE, answers={202: WebhookTestView})
async def post_test(call: Call) -> Reply:
    """Post a `webhook.test`, whatever types the webhook wants; `attempts` shows how it went."""
    webhook, now = await _enabled(call), call.parts.clock.now()
    message = random_id("msg")
    body = body_of(TEST_TYPE, now, {"webhook": webhook.id})
    await call.parts.store.webhook_calls.insert([new_call(webhook.id, message, TEST_TYPE, body, now)])
    await _go_on(call, webhook)
    return Reply(WebhookTestView(message=message), status=202)


async def _enabled(call: Call) -> Webhook:
    webhook = await read_webhook(call)
    if not webhook.enabled:
        raise Conflict("the webhook is switched off; switch it on first")
    return webhook


async def _go_on(call: Call, webhook: Webhook) -> None:
    """Somebody wants it to be called now, however it fared before."""
    await call.parts.store.webhook_calls.lift_hold(webhook.id)
    call.parts.bells.ring(STAGE)


ENDPOINTS = (list_attempts, replay_webhook, post_test)
