"""`/v1/incentives` and `/v1/rewards`: what is offered, what became of it, and what people say about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from survey_service.cli.apply import apply_folder
from survey_service.models.api_key import Scope
from survey_service.models.delivery import ChannelName
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import SURVEY, put_survey
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client
from tests.support.thanking import TEN_OFF, VOUCHER, promised, put_incentive

PATH = f"/v1/incentives/{VOUCHER}"
CONTENT: dict[str, Any] = {"name": "Voucher", "kind": "shared_code", "code": "THANKS", "text": {"en": TEN_OFF}}


async def test_an_incentive_is_stored_and_shown_with_what_became_of_it(api: ApiClient, parts: Parts) -> None:
    made = await api.put(PATH, json={**CONTENT, "value": 5.5, "currency": "EUR"})
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    body = await made.json()
    assert (body["id"], body["per_person"], body["period"], body["hold"]["most"]) == (VOUCHER, 1, "P365D", 3)
    await parts.granting.grant(await promised(parts.store, 1))
    for path in (PATH, "/v1/incentives"):
        answer = await api.get(path, headers={"If-None-Match": '"1"'})
        assert answer.status == 200
        shown = await answer.json()
        row = shown["data"][0] if "data" in shown else shown
        assert (row["granted"], row["held"], row["spent"], row["codes_left"]) == (1, 0, 5.5, None)


async def test_a_change_asks_for_the_present_revision(api: ApiClient) -> None:
    await api.put(PATH, json=CONTENT)
    stale = await api.put(PATH, json={**CONTENT, "name": "Other"}, headers={"If-Match": '"7"'})
    await assert_problem(stale, 412, "precondition_failed")
    assert (await api.put(PATH, json={**CONTENT, "name": "Other"}, headers={"If-Match": '"1"'})).status == 200


async def test_a_removed_incentive_leaves_its_rewards(api: ApiClient, parts: Parts) -> None:
    await api.put(PATH, json=CONTENT)
    await parts.granting.grant(await promised(parts.store, 1))
    assert (await api.delete(PATH)).status == 204
    await assert_problem(await api.get(PATH), 404, "not_found")
    (row,) = (await (await api.get("/v1/rewards")).json())["data"]
    assert row["name"] == "Voucher"


@pytest.mark.parametrize(
    "condition",
    [
        "score >= 9.0",
        "response.score > 8.0",
        "answers.nps == 10.0",
        'event.data.amount > 5.0 && scores["nps"] > 8.0',
        "customer.last_score >= 9.0",
        'customer["last_score"] >= 9.0',
    ],
)
async def test_a_condition_on_the_score_is_refused_with_the_reason(api: ApiClient, condition: str) -> None:
    answer = await api.put(PATH, json={**CONTENT, "condition": condition})
    (problem,) = (await assert_problem(answer, 422, "invalid"))["errors"]
    assert (problem["pointer"], problem["rule"]) == ("/condition", "no_score")
    assert "rewards must not buy good scores" in problem["message"]


@pytest.mark.parametrize(
    "condition",
    ['customer.attributes.tier == "gold"', 'event.data.kind == "response"', "event.data.score > 3.0"],
)
async def test_a_condition_on_event_and_customer_is_taken(api: ApiClient, condition: str) -> None:
    assert (await api.put(PATH, json={**CONTENT, "condition": condition})).status == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": None}, "/code"),
        ({"kind": "gesture"}, "/code"),
        ({"kind": "unique_code"}, "/code"),
        ({"text": {"en": "{{customer.name}} gets 10 %"}}, "/text/en"),
        ({"text": {"en": "two\nlines"}}, "/text/en"),
        ({"text": {"xx-zz-qq": "?"}}, "/text/xx-zz-qq"),
        ({"condition": "event.data.amount +"}, "/condition"),
        ({"period": "a year"}, "/period"),
        ({"period": "PT0S"}, "/period"),
        ({"expires_after": "P20Y"}, "/expires_after"),
        ({"hold": {"most": 3, "period": "P0D"}}, "/hold/period"),
        ({"hold": {"most": 0}}, "/hold/most"),
        ({"budget": 100.0}, "/budget"),
        ({"budget": 1.0, "value": 2.0}, "/budget"),
        ({"value": 0.0001}, "/value"),
        ({"per_person": 0}, "/per_person"),
        ({"currency": "euro"}, "/currency"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_what_could_not_be_given_is_refused_at_its_place(
    api: ApiClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await api.put(PATH, json={**CONTENT, **change})
    problem = await assert_problem(answer, 422, "invalid")
    assert pointer in {error["pointer"] for error in problem["errors"]}


async def test_a_trigger_names_an_incentive_that_exists(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    trigger = {"survey": "after-delivery", "event_type": "order.delivered", "channels": ["email"], "incentive": VOUCHER}
    problem = await assert_problem(await api.put("/v1/triggers/after", json=trigger), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/incentive"]
    await api.put(PATH, json=CONTENT)
    assert (await api.put("/v1/triggers/after", json=trigger)).status == 201


async def test_rewards_are_listed_by_what_they_are_about_and_show_no_code(api: ApiClient, parts: Parts) -> None:
    await put_incentive(parts.store, codes=["SECRET-CODE-7QX"])
    responses = [await promised(parts.store, number) for number in range(3)]
    for response in responses:
        await parts.granting.grant(response)

    async def listed(query: str) -> list[dict[str, Any]]:
        answer = await api.get(f"/v1/rewards?{query}")
        assert "SECRET" not in await answer.text()
        return list((await answer.json())["data"])

    (granted,) = await listed("state=granted")
    assert (granted["code"], granted["customer"], granted["response"]) == ("•••7QX", "c-0", responses[0].id)
    assert len(await listed("state=refused&reason=no_codes")) == 2
    assert len(await listed(f"incentive={VOUCHER}")) == 3
    assert len(await listed("incentive=other")) == 0
    assert [row["customer"] for row in await listed("customer=c-1")] == ["c-1"]
    assert [row["response"] for row in await listed(f"response={responses[2].id}")] == [responses[2].id]
    assert await listed("updated_since=2020-01-01T00:00:00Z") == []  # they settle for five seconds
    one = await (await api.get(f"/v1/rewards/{granted['id']}")).json()
    assert one["code"] == "•••7QX"
    await assert_problem(await api.get("/v1/rewards/rwd_unknown"), 404, "not_found")


async def test_what_is_held_is_approved_or_rejected(api: ApiClient, parts: Parts) -> None:
    await put_incentive(parts.store, codes=["A-1", "A-2", "A-3"], hold={"most": 1, "most_of_network": 1})
    for number in range(3):
        await parts.granting.grant(await promised(parts.store, number, network="ab" * 16))
    held = (await (await api.get("/v1/rewards?state=held")).json())["data"]
    assert (await (await api.get(PATH)).json())["held"] == 2
    approved = await (await api.post(f"/v1/rewards/{held[0]['id']}/approve")).json()
    rejected = await (await api.post(f"/v1/rewards/{held[1]['id']}/reject")).json()
    assert (approved["state"], rejected["state"], rejected["reason"]) == ("granted", "refused", "rejected")
    assert approved["by"].startswith("key_")
    await assert_problem(await api.post(f"/v1/rewards/{held[0]['id']}/reject"), 409, "conflict")


async def test_a_refused_one_is_granted_when_nothing_stands_against_it_any_more(api: ApiClient, parts: Parts) -> None:
    await put_incentive(parts.store, codes=["A-1"])
    response = await promised(parts.store, 1, suspect="too_fast", suspect_by="service")
    reward = await parts.granting.grant(response)
    assert reward is not None
    path = f"/v1/rewards/{reward.id}/grant"
    assert "suspect" in (await assert_problem(await api.post(path), 409, "conflict"))["detail"]
    await api.put(f"/v1/responses/{response.id}/suspect", json={"suspect": None})
    assert (await (await api.post(path)).json())["state"] == "granted"
    await assert_problem(await api.post(path), 409, "conflict")


async def test_a_reward_is_given_by_hand_once(api: ApiClient, parts: Parts) -> None:
    await put_incentive(parts.store, kind="gesture")
    response = await promised(parts.store, 1)
    body = {"incentive": VOUCHER, "response": response.id}
    made, again = await api.post("/v1/rewards", json=body), await api.post("/v1/rewards", json=body)
    assert (made.status, again.status) == (201, 200)
    assert (await made.json())["id"] == (await again.json())["id"]
    for name in body:
        problem = await assert_problem(await api.post("/v1/rewards", json={**body, name: "unknown"}), 422, "invalid")
        assert problem["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/v1/rewards"), ("post", "/v1/rewards/rwd_1/approve"), ("post", "/v1/rewards/rwd_1/grant")],
)
async def test_reading_does_not_allow_to_decide(parts: Parts, method: str, path: str) -> None:
    async with api_client(parts, Scope.REWARDS_READ) as reader:
        await assert_problem(await getattr(reader, method)(path), 403, "forbidden")
        assert (await reader.get("/v1/rewards")).status == 200


async def test_a_folder_brings_its_incentives_before_its_triggers(store: Store, tmp_path: Path) -> None:
    await put_survey(store)
    for kind, name, content in (
        ("incentives", VOUCHER, CONTENT),
        (
            "triggers",
            "after",
            {"survey": SURVEY, "event_type": "order.delivered", "channels": ["web"], "incentive": VOUCHER},
        ),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    changes = await apply_folder(tmp_path, store.configuration, {ChannelName.WEB}, confirm=lambda _: True)
    assert [change.file.path for change in changes] == [f"incentives/{VOUCHER}.json", "triggers/after.json"]
    assert VOUCHER in (await store.configuration.current()).incentives
