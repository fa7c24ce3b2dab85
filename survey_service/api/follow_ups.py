"""`/v1/follow-ups`: when a response is one to act on, and what is done about it, in and out."""

from __future__ import annotations

from survey_service.api.checks import check_follow_up, check_use_of_anonymous
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import FollowUpView
from survey_service.models.api_key import Scope
from survey_service.models.follow_up import FollowUpContent


@endpoint("GET", "/v1/follow-ups", tag="follow-ups", scope=Scope.CONFIG_READ, answers={200: ListOf[FollowUpView]})
async def list_follow_ups(call: Call, query: ListQuery) -> Reply:
    """List the follow-up rules by id."""
    rows = await call.parts.store.configuration.follow_ups.all()
    return list_by(call, query, rows, lambda row: row.id, FollowUpView.of)


@endpoint("GET", "/v1/follow-ups/{id}", tag="follow-ups", scope=Scope.CONFIG_READ, answers={200: FollowUpView})
async def get_follow_up(call: Call) -> Reply:
    """Read a follow-up rule."""
    name = resource_id(call)
    row = found(await call.parts.store.configuration.follow_ups.get(name), "follow-up", name)
    return Reply(FollowUpView.of(row), etag=row.revision)


@endpoint(
    "PUT",
    "/v1/follow-ups/{id}",
    tag="follow-ups",
    scope=Scope.CONFIG_WRITE,
    answers={200: FollowUpView, 201: FollowUpView},
)
async def put_follow_up(call: Call, body: FollowUpContent) -> Reply:
    """Create or replace a follow-up rule; it looks at the answers that come from then on."""
    name, configuration = resource_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    check_follow_up(body, snapshot.surveys, snapshot.people)
    check_use_of_anonymous(body, snapshot.surveys)
    row, changed = await configuration.follow_ups.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(FollowUpView.of(row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/follow-ups/{id}", tag="follow-ups", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_follow_up(call: Call) -> Reply:
    """Delete a follow-up rule; the cases that it opened stay."""
    await call.parts.store.configuration.follow_ups.delete(resource_id(call))
    return Reply(None, status=204)


ENDPOINTS = (list_follow_ups, get_follow_up, put_follow_up, delete_follow_up)
