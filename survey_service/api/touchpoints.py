"""`/v1/touchpoints`: where things happen, in and out; an event may name one that is not registered."""

from __future__ import annotations

from survey_service.api.checks import check_touchpoint, check_touchpoint_id, check_use_of_anonymous
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import TouchpointView
from survey_service.models.api_key import Scope
from survey_service.models.touchpoint import TouchpointContent


@endpoint("GET", "/v1/touchpoints", tag="touchpoints", scope=Scope.CONFIG_READ, answers={200: ListOf[TouchpointView]})
async def list_touchpoints(call: Call, query: ListQuery) -> Reply:
    """List the registered touchpoints by id."""
    rows = await call.parts.store.configuration.touchpoints.all()
    return list_by(call, query, rows, lambda row: row.id, TouchpointView.of)


@endpoint("GET", "/v1/touchpoints/{id}", tag="touchpoints", scope=Scope.CONFIG_READ, answers={200: TouchpointView})
async def get_touchpoint(call: Call) -> Reply:
    """Read a touchpoint."""
    name = _touchpoint_id(call)
    row = found(await call.parts.store.configuration.touchpoints.get(name), "touchpoint", name)
    return Reply(TouchpointView.of(row), etag=row.revision)


@endpoint(
    "PUT",
    "/v1/touchpoints/{id}",
    tag="touchpoints",
    scope=Scope.CONFIG_WRITE,
    answers={200: TouchpointView, 201: TouchpointView},
)
async def put_touchpoint(call: Call, body: TouchpointContent) -> Reply:
    """Register or replace a touchpoint."""
    name = _touchpoint_id(call)
    configuration = call.parts.store.configuration
    surveys = (await configuration.current()).surveys
    check_touchpoint(body, surveys)
    check_use_of_anonymous(body, surveys)
    row, changed = await configuration.touchpoints.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(TouchpointView.of(row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/touchpoints/{id}", tag="touchpoints", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_touchpoint(call: Call) -> Reply:
    """Remove a touchpoint from the registry; what happened there stays."""
    await call.parts.store.configuration.touchpoints.delete(_touchpoint_id(call))
    return Reply(None, status=204)


def _touchpoint_id(call: Call) -> str:
    name = call.path("id")
    check_touchpoint_id(name)
    return name


ENDPOINTS = (list_touchpoints, get_touchpoint, put_touchpoint, delete_touchpoint)
