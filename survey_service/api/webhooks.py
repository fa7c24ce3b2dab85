"""`/v1/webhooks`: where news are posted, in and out; secrets are made here, and shown once."""

from __future__ import annotations

from survey_service.api.auth import check_gives
from survey_service.api.checks import check_webhook
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.webhook import Keep, RetireIn, WebhookView, WebhookWithSecret
from survey_service.api.told_rows import scopes_of
from survey_service.errors import Conflict
from survey_service.followup.webhook_addresses import AddressRefused
from survey_service.models.api_key import Scope
from survey_service.models.webhook import MAX_WEBHOOKS, Webhook, WebhookContent


@endpoint("GET", "/v1/webhooks", tag="webhooks", scope=Scope.CONFIG_READ, answers={200: ListOf[WebhookView]})
async def list_webhooks(call: Call, query: ListQuery) -> Reply:
    """List the webhooks by id."""
    store = call.parts.store
    rows, health = await store.configuration.webhooks.all(), await store.webhook_calls.health()
    return list_by(call, query, rows, lambda row: row.id, lambda row: WebhookView.of(row, health.get(row.id)))


@endpoint("GET", "/v1/webhooks/{id}", tag="webhooks", scope=Scope.CONFIG_READ, answers={200: WebhookView})
async def get_webhook(call: Call) -> Reply:
    """Read a webhook, without its secrets."""
    row = await read_webhook(call)
    health = await call.parts.store.webhook_calls.health()
    return Reply(WebhookView.of(row, health.get(row.id)), etag=row.revision)


@endpoint(
    "PUT",
    "/v1/webhooks/{id}",
    tag="webhooks",
    scope=Scope.CONFIG_WRITE,
    answers={200: WebhookView, 201: WebhookWithSecret},
)
async def put_webhook(call: Call, body: WebhookContent) -> Reply:
    """Create or replace a webhook; the first PUT makes its secret, and one with `enabled` forgets earlier failures."""
    check_gives(call.key, scopes_of(body.types))
    name, store = resource_id(call), call.parts.store
    snapshot = await store.configuration.current()
    check_webhook(body, snapshot.people, await _refused(call, body.url))
    if name not in snapshot.webhooks and len(snapshot.webhooks) >= MAX_WEBHOOKS:
        raise Conflict(f"there are {MAX_WEBHOOKS} webhooks already")
    if body.enabled:
        await store.webhook_calls.note_well(name)
    row, changed = await store.configuration.webhooks.put(name, body, call.expected_version())
    if changed and row.revision == 1:
        return Reply(WebhookWithSecret.of(row, secret=row.secrets[0]), status=201, etag=row.revision)
    return Reply(WebhookView.of(row), etag=row.revision)


@endpoint("DELETE", "/v1/webhooks/{id}", tag="webhooks", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_webhook(call: Call) -> Reply:
    """Remove a webhook, its secrets and its calls."""
    name = resource_id(call)
    await call.parts.store.configuration.webhooks.delete(name)
    await call.parts.store.webhook_calls.forget(name)
    return Reply(None, status=204)


@endpoint(
    "POST",
    "/v1/webhooks/{id}/rotate-secret",
    tag="webhooks",
    scope=Scope.CONFIG_WRITE,
    answers={200: WebhookWithSecret},
)
async def rotate_secret(call: Call) -> Reply:
    """Make a new secret; both sign every call until one of them is retired."""
    row = await call.parts.store.configuration.webhooks.rotate(resource_id(call))
    return Reply(WebhookWithSecret.of(row, secret=row.secrets[0]), etag=row.revision)


@endpoint(
    "POST", "/v1/webhooks/{id}/retire-secret", tag="webhooks", scope=Scope.CONFIG_WRITE, answers={200: WebhookView}
)
async def retire_secret(call: Call, body: RetireIn) -> Reply:
    """End a rotation: one of the two secrets signs no more."""
    row = await call.parts.store.configuration.webhooks.retire(resource_id(call), keep_new=body.keep is Keep.NEW)
    return Reply(WebhookView.of(row), etag=row.revision)


async def read_webhook(call: Call) -> Webhook:
    """The webhook that the path names.

    Raises:
        InvalidInput: none can have that id.
        NotFound: there is none.
    """
    name = resource_id(call)
    return found(await call.parts.store.configuration.webhooks.get(name), "webhook", name)


async def _refused(call: Call, url: str) -> str | None:
    try:
        await call.parts.webhook_addresses.check(url)
    except AddressRefused as error:
        return str(error)
    return None


ENDPOINTS = (list_webhooks, get_webhook, put_webhook, delete_webhook, rotate_secret, retire_secret)
