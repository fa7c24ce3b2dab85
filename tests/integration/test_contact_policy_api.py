"""The contact policy over HTTP, and a trigger with every rule: what was stored is what is read."""

from __future__ import annotations

from typing import Any

from survey_service.models.api_key import Scope
from survey_service.models.contact_policy import ContactPolicyContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client

PATH = "/v1/contact-policy"
POLICY = {"limits": [{"max": 2, "period": "P30D"}, {"max": 5, "period": "P365D"}], "cooldown": "P3D"}
TRIGGER: dict[str, Any] = {"survey": "after-delivery", "event_type": "order.delivered", "channels": ["email", "web"]}


async def test_before_one_is_stored_the_services_own_policy_stands(api: ApiClient) -> None:
    answer = await api.get(PATH)
    shown = await answer.json()
    assert (answer.status, answer.headers["ETag"]) == (200, '"0"')
    assert shown == {
        **ContactPolicyContent().model_dump(mode="json"),
        "revision": 0,
        "updated_at": None,
    }
    assert shown["limits"] == [{"max": 3, "period": "P90D"}]
    assert (shown["cooldown"], shown["less_often"], shown["hourly_cap"]) == ("P7D", "P90D", 1_000)


async def test_a_policy_is_replaced_whole_and_read_back(api: ApiClient, store: Store) -> None:
    answer = await api.put(PATH, json=POLICY)
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    shown = await (await api.get(PATH)).json()
    assert shown.items() >= {**POLICY, "less_often": "P90D", "hourly_cap": 1_000, "revision": 1}.items()
    policy = (await store.configuration.current()).policy
    assert [limit.max for limit in policy.limits] == [2, 5]
    none = await (await api.put(PATH, json={"limits": [], "cooldown": None})).json()
    assert (none["limits"], none["cooldown"], none["revision"]) == ([], None, 2)


async def test_a_policy_that_somebody_else_changed_is_not_overwritten(api: ApiClient) -> None:
    await api.put(PATH, json=POLICY)
    late = await api.put(PATH, json={"cooldown": None}, headers={"If-Match": '"0"'})
    await assert_problem(late, 412, "precondition_failed")
    assert (await api.put(PATH, json={"cooldown": None}, headers={"If-Match": '"1"'})).status == 200


async def test_reading_and_writing_need_their_scopes(parts: Parts) -> None:
    async with api_client(parts, Scope.CONFIG_READ) as reader:
        assert (await reader.get(PATH)).status == 200
        await assert_problem(await reader.put(PATH, json=POLICY), 403, "forbidden")
    async with api_client(parts, Scope.EVENTS_READ) as stranger:
        await assert_problem(await stranger.get(PATH), 403, "forbidden")


async def test_a_trigger_with_every_rule_is_stored_as_it_was_sent(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    rules = {
        "condition": "customer.invitations_90d < 2.0",
        "sample": 0.25,
        "variants": [{"name": "plain", "weight": 3.0, "survey": None}, {"name": "warm", "weight": 1.0, "survey": None}],
        "delay": "PT2H",
        "max_event_age": "P2D",
        "channels": ["web", "email"],
        "channel_mode": "fallback",
        "fallback_after": "P1D",
        "reminders": [{"after": "P3D", "channel": None}, {"after": "P7D", "channel": "email"}],
        "expires_after": "P21D",
        "cooldown": "P30D",
        "cooldown_after_answer": "P60D",
        "hourly_cap": 500,
        "exempt": False,
        "when_not_allowed": "defer",
        "quiet_hours": {"allow": {"mon-fri": ["08:00-12:00", "13:00-20:00"], "sat": ["10:00-24:00"]}},
    }
    answer = await api.put("/v1/triggers/after-delivery", json=TRIGGER | rules)
    assert answer.status == 201
    assert (await answer.json()).items() >= (TRIGGER | rules).items()
