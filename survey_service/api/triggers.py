"""`/v1/triggers`: when a survey is asked, in; its versions out; a PUT that changes something makes a new version."""

from __future__ import annotations

from survey_service.api.checks import check_trigger, check_use_of_anonymous
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, list_versions, read_version, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import TriggerView
from survey_service.models.api_key import Scope
from survey_service.models.trigger import TriggerContent


@endpoint("GET", "/v1/triggers", tag="triggers", scope=Scope.CONFIG_READ, answers={200: ListOf[TriggerView]})
async def list_triggers(call: Call, query: ListQuery) -> Reply:
    """List the triggers by id, each in its present version."""
    rows = await call.parts.store.configuration.triggers.all_latest()
    return list_by(call, query, rows, lambda row: row.trigger, TriggerView.of)


@endpoint("GET", "/v1/triggers/{id}", tag="triggers", scope=Scope.CONFIG_READ, answers={200: TriggerView})
async def get_trigger(call: Call) -> Reply:
    """Read a trigger in its present version."""
    name = resource_id(call)
    row = found(await call.parts.store.configuration.triggers.latest(name), "trigger", name)
    return Reply(TriggerView.of(row), etag=row.version)


@endpoint(
    "PUT", "/v1/triggers/{id}", tag="triggers", scope=Scope.CONFIG_WRITE, answers={200: TriggerView, 201: TriggerView}
)
async def put_trigger(call: Call, body: TriggerContent) -> Reply:
    """Create a trigger or give it a new version; the same content again changes nothing."""
    name, configuration = resource_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    check_trigger(body, snapshot.surveys, call.parts.usable_channels, snapshot.incentives)
    check_use_of_anonymous(body, snapshot.surveys)
    row, changed = await configuration.triggers.put(name, body, call.expected_version())
    created = changed and name not in snapshot.triggers
    return Reply(TriggerView.of(row), status=201 if created else 200, etag=row.version)


@endpoint("DELETE", "/v1/triggers/{id}", tag="triggers", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_trigger(call: Call) -> Reply:
    """Delete a trigger; its versions stay readable."""
    await call.parts.store.configuration.triggers.delete(resource_id(call))
    return Reply(None, status=204)


@endpoint(
    "GET", "/v1/triggers/{id}/versions", tag="triggers", scope=Scope.CONFIG_READ, answers={200: ListOf[TriggerView]}
)
async def list_trigger_versions(call: Call, query: ListQuery) -> Reply:
    """List every version of a trigger, the newest first."""
    return await list_versions(call, query, call.parts.store.configuration.triggers, "trigger", TriggerView.of)


@endpoint(
    "GET", "/v1/triggers/{id}/versions/{version}", tag="triggers", scope=Scope.CONFIG_READ, answers={200: TriggerView}
)
async def get_trigger_version(call: Call) -> Reply:
    """Read one version of a trigger, which never changes."""
    row = await read_version(call, call.parts.store.configuration.triggers, "trigger")
    return Reply(TriggerView.of(row), etag=row.version)


ENDPOINTS = (list_triggers, get_trigger, put_trigger, delete_trigger, list_trigger_versions, get_trigger_version)
