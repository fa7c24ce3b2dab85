"""Follow-up rules over HTTP: in and out, and every rule that one breaks with its pointer."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client

PATH = "/v1/follow-ups/unhappy"
CASE: dict[str, Any] = {
    "title": "Unhappy customer",
    "priority": "high",
    "due_within": "P2D",
    "assign": {"by": "rota", "people": [], "monthly": 2},
    "remind_before": "PT4H",
    "escalate_to": "sue",
    "ask_resolved": True,
}
RULE: dict[str, Any] = {
    "name": "Unhappy customers",
    "on": "scored",
    "survey": "after-delivery",
    "condition": "response.score <= 6.0 && response.touchpoint == 'berlin-mitte'",
    "case": CASE,
    "alert": {"people": ["mia"], "owner": True, "digest": False},
    "praise": None,
    "enabled": True,
}


@pytest.fixture(autouse=True)
async def known(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    for person in ("mia", "sue"):
        assert (await api.put(f"/v1/people/{person}", json={"name": person.title()})).status == 201


async def test_a_rule_is_created_read_replaced_listed_and_deleted(api: ApiClient) -> None:
    first = await api.put(PATH, json=RULE)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    assert (await first.json()).items() >= {**RULE, "id": "unhappy"}.items()
    assert (await (await api.get(PATH)).json()) == await first.json()
    changed = await api.put(PATH, json={**RULE, "enabled": False}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert [row["id"] for row in (await (await api.get("/v1/follow-ups")).json())["data"]] == ["unhappy"]
    assert (await api.delete(PATH)).status == 204
    body = await assert_problem(await api.get(PATH), 404, "not_found")
    assert body["detail"] == "there is no follow-up unhappy"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": "Unhappy\tcustomers"}, "/name"),
        ({"on": "started"}, "/on"),
        ({"survey": "no-such"}, "/survey"),
        ({"condition": ""}, "/condition"),
        ({"condition": "response.score <"}, "/condition"),
        ({"condition": "response.score"}, "/condition"),
        ({"condition": "answers.nps <= 6.0"}, "/condition"),
        ({"condition": "response.comment.matches('a+')"}, "/condition"),
        ({"case": None, "alert": None}, ""),
        ({"case": {**CASE, "title": "a\nb"}}, "/case/title"),
        ({"case": {**CASE, "priority": "whatever"}}, "/case/priority"),
        ({"case": {**CASE, "due_within": "2 days"}}, "/case/due_within"),
        ({"case": {**CASE, "due_within": "P400D"}}, "/case/due_within"),
        ({"case": {**CASE, "due_within": "PT0S", "remind_before": None}}, "/case/due_within"),
        ({"case": {**CASE, "remind_before": "P1M"}}, "/case/remind_before"),
        ({"case": {**CASE, "remind_before": "P2D"}}, "/case/remind_before"),
        ({"case": {**CASE, "escalate_to": "nobody"}}, "/case/escalate_to"),
        ({"case": {**CASE, "assign": {"by": "luck"}}}, "/case/assign/by"),
        ({"case": {**CASE, "assign": {"by": "person"}}}, "/case/assign/people"),
        ({"case": {**CASE, "assign": {"by": "round_robin", "people": []}}}, "/case/assign/people"),
        ({"case": {**CASE, "assign": {"by": "round_robin", "people": ["mia", "nobody"]}}}, "/case/assign/people/1"),
        ({"case": {**CASE, "assign": {"by": "round_robin", "people": ["mia", "mia"]}}}, "/case/assign/people/1"),
        ({"case": {**CASE, "assign": {"by": "touchpoint", "people": ["mia"]}}}, "/case/assign/people"),
        ({"case": {**CASE, "assign": {"by": "rota", "monthly": 0}}}, "/case/assign/monthly"),
        ({"alert": {"people": ["nobody"]}}, "/alert/people/0"),
        ({"case": None, "alert": {"people": []}}, "/alert/people"),
        ({"alert": {"people": [], "owner": False}}, "/alert/people"),
        ({"praise": {"copy_to": ["nobody"]}}, "/praise/copy_to/0"),
        ({"when": "now"}, "/when"),
    ],
)
async def test_a_rule_that_could_not_act_is_refused_at_that_field(
    api: ApiClient, changes: dict[str, Any], pointer: str
) -> None:
    body = await assert_problem(await api.put(PATH, json={**RULE, **changes}), 422, "invalid")
    assert pointers(body) == {pointer}
    assert (await api.get(PATH)).status == 404


async def test_a_condition_says_at_which_column_it_is_wrong(api: ApiClient) -> None:
    body = await assert_problem(await api.put(PATH, json={**RULE, "condition": "answers.nps > 1.0"}), 422, "invalid")
    (error,) = body["errors"]
    assert "response, event, customer" in error["message"]
    assert "(line 1, column 8)" in error["message"]


async def test_reading_and_writing_need_their_scopes(parts: Parts) -> None:
    async with api_client(parts, Scope.CONFIG_READ) as reader:
        assert (await reader.get("/v1/follow-ups")).status == 200
        await assert_problem(await reader.put(PATH, json=RULE), 403, "forbidden")
