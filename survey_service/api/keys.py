"""`/v1/keys`: who may call what; a new key is shown once."""

from __future__ import annotations

from survey_service.api.auth import check_gives
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import list_by
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import KeyIn, KeyView, NewKeyView
from survey_service.errors import NotFound
from survey_service.models.api_key import ApiKey, Scope


@endpoint("GET", "/v1/keys", tag="keys", scope=Scope.KEYS_WRITE, answers={200: ListOf[KeyView]})
async def list_keys(call: Call, query: ListQuery) -> Reply:
    """List the keys, the newest first, without the keys themselves."""
    return list_by(call, query, await call.parts.store.api_keys.all(), _place, KeyView.of, descending=True)


@endpoint("POST", "/v1/keys", tag="keys", scope=Scope.KEYS_WRITE, answers={201: NewKeyView})
async def create_key(call: Call, body: KeyIn) -> Reply:
    """Make a key with scopes that the caller's own key has; the answer is the only place that shows it."""
    check_gives(call.key, body.scopes)
    row, secret = await call.parts.store.api_keys.create(body.name, tuple(dict.fromkeys(body.scopes)))
    return Reply(
        NewKeyView(id=row.id, name=row.name, scopes=row.scopes, created_at=row.created_at, key=secret), status=201
    )


@endpoint("DELETE", "/v1/keys/{id}", tag="keys", scope=Scope.KEYS_WRITE, answers={204: None})
async def revoke_key(call: Call) -> Reply:
    """Revoke a key; within two seconds no process takes it any more."""
    name = call.path("id")
    if await call.parts.store.api_keys.revoke(name) is None:
        raise NotFound(f"there is no live key {name}")
    return Reply(None, status=204)


def _place(row: ApiKey) -> str:
    return f"{row.created_at.isoformat(timespec='milliseconds')} {row.id}"


ENDPOINTS = (list_keys, create_key, revoke_key)
