"""`/v1/topics`: what comments may be about, in and out."""

from __future__ import annotations

from survey_service.api.checks import check_topic
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import TopicView
from survey_service.models.api_key import Scope
from survey_service.models.topic import TopicContent


@endpoint("GET", "/v1/topics", tag="topics", scope=Scope.CONFIG_READ, answers={200: ListOf[TopicView]})
async def list_topics(call: Call, query: ListQuery) -> Reply:
    """List the topics by id."""
    rows = await call.parts.store.configuration.topics.all()
    return list_by(call, query, rows, lambda row: row.id, TopicView.of)


@endpoint("GET", "/v1/topics/{id}", tag="topics", scope=Scope.CONFIG_READ, answers={200: TopicView})
async def get_topic(call: Call) -> Reply:
    """Read a topic."""
    name = resource_id(call)
    row = found(await call.parts.store.configuration.topics.get(name), "topic", name)
    return Reply(TopicView.of(row), etag=row.revision)


@endpoint("PUT", "/v1/topics/{id}", tag="topics", scope=Scope.CONFIG_WRITE, answers={200: TopicView, 201: TopicView})
async def put_topic(call: Call, body: TopicContent) -> Reply:
    """Create or replace a topic; all comments are then read again."""
    name, configuration = resource_id(call), call.parts.store.configuration
    check_topic(name, body, (await configuration.current()).topics)
    row, changed = await configuration.topics.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(TopicView.of(row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/topics/{id}", tag="topics", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_topic(call: Call) -> Reply:
    """Delete a topic; all comments are then read again, and none is about it any more."""
    await call.parts.store.configuration.topics.delete(resource_id(call))
    return Reply(None, status=204)


ENDPOINTS = (list_topics, get_topic, put_topic, delete_topic)
