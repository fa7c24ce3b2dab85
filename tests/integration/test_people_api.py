"""Our own people over HTTP: in and out, every rule with its pointer, and nobody is deleted who is needed."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.models.api_key import OF_A_PERSON, Scope
from survey_service.models.case import Case, CaseState
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.factories import NOON
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client

PATH = "/v1/people/mia"
MIA: dict[str, Any] = {
    "name": "Mia Meier",
    "email": "mia@acme.example",
    "phone": "+4915123456789",
    "alerts_by": "sms",
    "language": "de",
    "timezone": "Europe/Berlin",
    "quiet_hours": {"allow": {"mon-fri": ["08:00-18:00"]}},
    "role": "manager",
    "touchpoints": ["berlin-mitte"],
}


@pytest.fixture(autouse=True)
async def place(api: ApiClient) -> None:
    assert (await api.put("/v1/touchpoints/berlin-mitte", json={"name": "Berlin Mitte"})).status == 201


def a_case(**changes: Any) -> Case:
    fields = {
        "id": "cas_1",
        "title": "Unhappy customer",
        "rule": "unhappy",
        "response": "rsp_1",
        "survey": "after-delivery",
        "brand": "acme",
        "channel": "email",
        "metric": "nps",
        "scale": "0-10",
        "owner": "mia",
        "due_within": "P2D",
        "due_by": NOON,
        "opened_at": NOON,
    }
    return Case.model_validate(fields | changes)


async def test_a_person_is_created_read_replaced_listed_and_deleted(api: ApiClient) -> None:
    first = await api.put(PATH, json=MIA)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    assert (await first.json()).items() >= {**MIA, "id": "mia", "active": True, "weekly_report": False}.items()
    again = await api.put(PATH, json=MIA)
    assert (again.status, again.headers["ETag"]) == (200, '"1"')
    changed = await api.put(PATH, json={**MIA, "active": False}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    await assert_problem(await api.put(PATH, json=MIA, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    assert [row["id"] for row in (await (await api.get("/v1/people")).json())["data"]] == ["mia"]
    assert (await api.delete(PATH)).status == 204
    await assert_problem(await api.get(PATH), 404, "not_found")
    body = await assert_problem(await api.delete(PATH), 404, "not_found")
    assert body["detail"] == "there is no person mia"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": "Mia\nMeier"}, "/name"),
        ({"name": ""}, "/name"),
        ({"email": "Mia <mia@acme.example>"}, "/email"),
        ({"email": "mia@"}, "/email"),
        ({"phone": "015123456789"}, "/phone"),
        ({"phone": "+49 151 23456789"}, "/phone"),
        ({"phone": "+4912"}, "/phone"),
        ({"phone": None}, "/phone"),
        ({"alerts_by": "web"}, "/alerts_by"),
        ({"alerts_by": "pigeon"}, "/alerts_by"),
        ({"email": None, "weekly_report": True}, "/email"),
        ({"language": "xx-"}, "/language"),
        ({"timezone": "Berlin"}, "/timezone"),
        ({"quiet_hours": {"allow": {"mon-fri": ["8-18"]}}}, "/quiet_hours/allow/mon-fri"),
        ({"quiet_hours": {"allow": {"never": ["08:00-18:00"]}}}, "/quiet_hours/allow/never"),
        ({"role": "boss"}, "/role"),
        ({"touchpoints": ["berlin-mitte", "rome"]}, "/touchpoints/1"),
        ({"touchpoints": ["berlin-mitte", "berlin-mitte"]}, "/touchpoints/1"),
        ({"boss": True}, "/boss"),
        ({"active": "yes"}, "/active"),
    ],
)
async def test_a_person_who_breaks_a_rule_is_refused_at_that_field(
    api: ApiClient, changes: dict[str, Any], pointer: str
) -> None:
    body = await assert_problem(await api.put(PATH, json={**MIA, **changes}), 422, "invalid")
    assert pointers(body) == {pointer}
    assert (await api.get(PATH)).status == 404


@pytest.mark.parametrize("name", ["customer", "service", "api:erp", "a%0Ab", "%20"])
async def test_an_id_that_means_something_else_or_nothing_is_refused(api: ApiClient, name: str) -> None:
    await assert_problem(await api.put(f"/v1/people/{name}", json=MIA), 422, "invalid")


async def test_an_agent_may_be_called_as_events_call_them(api: ApiClient) -> None:
    assert (await api.put("/v1/people/Agent%207", json={"name": "Seven"})).status == 201
    assert (await (await api.get("/v1/people/Agent%207")).json())["id"] == "Agent 7"


async def test_who_owns_an_active_case_is_not_deleted_and_the_case_is_named(api: ApiClient, store: Store) -> None:
    await api.put(PATH, json=MIA)
    await store.cases.insert([a_case(), a_case(id="cas_2", state=CaseState.CLOSED), a_case(id="cas_3", owner="bo")])
    body = await assert_problem(await api.delete(PATH), 409, "conflict")
    assert body["detail"].endswith(": cas_1")
    await store.database["cases"].delete_one({"_id": "cas_1"})
    assert (await api.delete(PATH)).status == 204


@pytest.mark.parametrize(
    "action",
    [
        {"case": {"title": "Call", "assign": {"by": "person", "people": ["mia"]}}},
        {"case": {"title": "Call", "escalate_to": "mia"}},
        {"alert": {"people": ["mia"]}},
        {"praise": {"copy_to": ["mia"]}},
    ],
)
async def test_whom_a_follow_up_names_is_not_deleted(api: ApiClient, store: Store, action: dict[str, Any]) -> None:
    await put_survey(store)
    await api.put(PATH, json=MIA)
    rule = {"name": "Unhappy", "condition": "response.score <= 6.0", **action}
    assert (await api.put("/v1/follow-ups/unhappy", json=rule)).status == 201
    body = await assert_problem(await api.delete(PATH), 409, "conflict")
    assert "unhappy" in body["detail"]
    assert (await api.delete("/v1/follow-ups/unhappy")).status == 204
    assert (await api.delete(PATH)).status == 204


async def test_reading_and_writing_need_their_scopes(parts: Parts) -> None:
    async with api_client(parts, Scope.CONFIG_READ) as reader:
        assert (await reader.get("/v1/people")).status == 200
        await assert_problem(await reader.put(PATH, json=MIA), 403, "forbidden")
    needed = {Scope.CONFIG_WRITE, *OF_A_PERSON}
    for lacking in OF_A_PERSON:
        async with api_client(parts, *needed - {lacking}) as writer:
            refusal = await assert_problem(await writer.put(PATH, json=MIA), 403, "forbidden")
            assert refusal["detail"] == f"a key cannot give what it lacks itself: {lacking}"
            refusal = await assert_problem(await writer.post(f"{PATH}/report", json={}), 403, "forbidden")
            assert refusal["detail"].endswith(f": {lacking}")
    async with api_client(parts, *needed) as writer:
        assert (await writer.put(PATH, json=MIA)).status == 201
    async with api_client(parts, Scope.CASES_READ) as stranger:
        await assert_problem(await stranger.get("/v1/people"), 403, "forbidden")
