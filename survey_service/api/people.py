"""`/v1/people`: our own people, who own cases, are alerted and read reports, in and out."""

from __future__ import annotations

from survey_service.api.checks import check_person, check_person_id
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import PersonView
from survey_service.errors import Conflict
from survey_service.models.api_key import OF_A_PERSON, Scope
from survey_service.models.follow_up import FollowUp
from survey_service.models.person import PersonContent


@endpoint("GET", "/v1/people", tag="people", scope=Scope.CONFIG_READ, answers={200: ListOf[PersonView]})
async def list_people(call: Call, query: ListQuery) -> Reply:
    """List our people by id."""
    rows = await call.parts.store.configuration.people.all()
    return list_by(call, query, rows, lambda row: row.id, PersonView.of)


@endpoint("GET", "/v1/people/{id}", tag="people", scope=Scope.CONFIG_READ, answers={200: PersonView})
async def get_person(call: Call) -> Reply:
    """Read a person."""
    name = _person_id(call)
    row = found(await call.parts.store.configuration.people.get(name), "person", name)
    return Reply(PersonView.of(row), etag=row.revision)


@endpoint(
    "PUT",
    "/v1/people/{id}",
    tag="people",
    scope=Scope.CONFIG_WRITE,
    answers={200: PersonView, 201: PersonView},
    gives=OF_A_PERSON,
)
async def put_person(call: Call, body: PersonContent) -> Reply:
    """Create or replace a person, who may sign in; one who is not `active` gets no new cases, and may not."""
    name, configuration = _person_id(call), call.parts.store.configuration
    check_person(body, await configuration.touchpoints.get_many(body.touchpoints))
    row, changed = await configuration.people.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(PersonView.of(row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/people/{id}", tag="people", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_person(call: Call) -> Reply:
    """Delete a person whom no follow-up names and who owns no active case."""
    name, configuration = _person_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    if rules := sorted(rule.id for rule in snapshot.follow_ups.values() if name in _named_by(rule)):
        raise Conflict(f"the person is named by the follow-ups {', '.join(rules)}")
    if cases := await call.parts.store.cases.active_of(name):
        raise Conflict(f"the person owns active cases, which need another owner first: {', '.join(cases)}")
    await configuration.people.delete(name)
    return Reply(None, status=204)


def _named_by(rule: FollowUp) -> set[str | None]:
    """Everybody whom a rule names."""
    named: set[str | None] = set()
    if rule.case is not None:
        named |= {*rule.case.assign.people, rule.case.escalate_to}
    if rule.alert is not None:
        named |= set(rule.alert.people)
    if rule.praise is not None:
        named |= set(rule.praise.copy_to)
    return named


def _person_id(call: Call) -> str:
    name = call.path("id")
    check_person_id(name)
    return name


ENDPOINTS = (list_people, get_person, put_person, delete_person)
