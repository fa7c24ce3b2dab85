"""Every way a rule about whom to ask, and when, can be wrong: refused with its pointer, and nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.content import put_survey
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client, make_parts, open_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = "/v1/contact-policy"
TRIGGER: dict[str, Any] = {"survey": "after-delivery", "event_type": "order.delivered", "channels": ["email", "web"]}
FALLS_BACK = {"channel_mode": "fallback"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(mongodb_uri: str) -> AsyncIterator[ApiClient]:
    """One service for all tables, with one survey, where mails and the web can be used."""
    store = await open_store(mongodb_uri, "test_api_bad_rules")
    await put_survey(store)
    async with api_client(make_parts(store)) as client:
        yield client
    snapshot = await store.configuration.current()
    await store.database.drop()
    store.close()
    assert (dict(snapshot.triggers), sorted(snapshot.brands)) == ({}, ["acme"])


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({"limits": [{"max": 0, "period": "P1D"}]}, "/limits/0/max"),
        ({"limits": [{"max": 1.5, "period": "P1D"}]}, "/limits/0/max"),
        ({"limits": [{"max": 1, "period": "P1D"}, {"max": 1, "period": "-P1D"}]}, "/limits/1/period"),
        ({"limits": [{"max": 1, "period": "P366D"}]}, "/limits/0/period"),
        ({"limits": [{"max": 1}]}, "/limits/0/period"),
        ({"limits": [{"max": 1, "period": "P1D", "per": "channel"}]}, "/limits/0/per"),
        ({"limits": [{"max": 1, "period": "P1D"}] * 6}, "/limits"),
        ({"cooldown": "P1M"}, "/cooldown"),
        ({"cooldown": "P99999999999D"}, "/cooldown"),
        ({"less_often": "seldom"}, "/less_often"),
        ({"less_often": None}, "/less_often"),
        ({"hourly_cap": 0}, "/hourly_cap"),
        ({"hourly_cap": 1_000_001}, "/hourly_cap"),
        ({"hourly_cap": True}, "/hourly_cap"),
        ({"exempt": ["after-delivery"]}, "/exempt"),
    ],
)
async def test_a_policy_that_cannot_be_kept_is_refused(api: ApiClient, content: dict[str, Any], pointer: str) -> None:
    body = await assert_problem(await api.put(POLICY, json=content), 422, "invalid")
    assert pointers(body) == {pointer}
    assert (await (await api.get(POLICY)).json())["revision"] == 0


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"survey": "nowhere"}, "/survey"),
        ({"survey": ""}, "/survey"),
        ({"condition": "event.data.amount >"}, "/condition"),
        ({"condition": "event.data.amount"}, "/condition"),
        ({"condition": "order.total > 1.0"}, "/condition"),
        ({"condition": "event.data.items.all(item, item.price > 1.0)"}, "/condition"),
        # Sampling and variants.
        ({"sample": -0.01}, "/sample"),
        ({"sample": 1.01}, "/sample"),
        ({"sample": "0.5"}, "/sample"),
        ({"sample": None}, "/sample"),
        ({"variants": [{"name": "a", "weight": 0}]}, "/variants/0/weight"),
        ({"variants": [{"name": "a", "weight": 1001}]}, "/variants/0/weight"),
        ({"variants": [{"name": "a"}, {"name": "a"}]}, "/variants/1/name"),
        ({"variants": [{"name": "A B"}]}, "/variants/0/name"),
        ({"variants": [{"name": "a", "survey": "nowhere"}]}, "/variants/0/survey"),
        # Periods.
        ({"delay": "-PT2H"}, "/delay"),
        ({"delay": "PT1.5H"}, "/delay"),
        ({"delay": "P999999999D"}, "/delay"),
        ({"delay": "2 hours"}, "/delay"),
        ({"delay": 7200}, "/delay"),
        ({"max_event_age": "P1Y"}, "/max_event_age"),
        ({"expires_after": ""}, "/expires_after"),
        ({"delay": "P2D", "expires_after": "P2D"}, "/expires_after"),
        ({"cooldown": "P3651D"}, "/cooldown"),
        ({"cooldown": "P366D"}, "/cooldown"),
        ({"cooldown_after_answer": "P366D"}, "/cooldown_after_answer"),
        ({"hourly_cap": 0}, "/hourly_cap"),
        ({"when_not_allowed": "wait"}, "/when_not_allowed"),
        # Windows.
        ({"quiet_hours": {"allow": {}}}, "/quiet_hours/allow"),
        ({"quiet_hours": {"allow": {"mon-sun": []}}}, "/quiet_hours/allow"),
        ({"quiet_hours": {"allow": {"mon-sun": ["21:00-08:00"]}}}, "/quiet_hours/allow/mon-sun"),
        ({"quiet_hours": {"allow": {"mon-sun": ["08:00-08:00"]}}}, "/quiet_hours/allow/mon-sun"),
        ({"quiet_hours": {"allow": {"mon-sun": ["08:00-25:00"]}}}, "/quiet_hours/allow/mon-sun"),
        ({"quiet_hours": {"allow": {"mon-sun": ["8-21"]}}}, "/quiet_hours/allow/mon-sun"),
        ({"quiet_hours": {"allow": {"mon-fri": ["08:00-21:00"], "wed": ["20:00-22:00"]}}}, "/quiet_hours/allow/wed"),
        ({"quiet_hours": {"allow": {"sun-mon": ["08:00-21:00"]}}}, "/quiet_hours/allow/sun-mon"),
        ({"quiet_hours": {"allow": {"holiday": ["08:00-21:00"]}}}, "/quiet_hours/allow/holiday"),
        ({"quiet_hours": {"allow": {"mon/tue": ["08:00-21:00"]}}}, "/quiet_hours/allow/mon~1tue"),
        ({"quiet_hours": {"forbid": {"sun": ["00:00-24:00"]}}}, "/quiet_hours/forbid"),
        # Channels, fallback and reminders.
        ({"channels": []}, "/channels"),
        ({"channels": ["fax"]}, "/channels/0"),
        ({"channels": ["email", "sms"]}, "/channels/1"),
        ({"channels": ["web", "web"]}, "/channels/1"),
        ({"channel_mode": "all"}, "/channel_mode"),
        ({"fallback_after": "P1D"}, "/fallback_after"),
        ({**FALLS_BACK, "fallback_after": "PT0S"}, "/fallback_after"),
        ({**FALLS_BACK, "fallback_after": "tomorrow"}, "/fallback_after"),
        ({"reminders": [{"after": "P3D"}, {"after": "P3D"}]}, "/reminders/1/after"),
        ({"reminders": [{"after": "P7D"}, {"after": "P3D"}]}, "/reminders/1/after"),
        ({"reminders": [{"after": "PT0S"}]}, "/reminders/0/after"),
        ({"reminders": [{"after": "PT11H59M"}]}, "/reminders/0/after"),
        ({"reminders": [{"after": "PT12H"}, {"after": "PT13H"}]}, "/reminders/1/after"),
        ({**FALLS_BACK, "fallback_after": "P3D", "reminders": [{"after": "P3D"}]}, "/reminders/0/after"),
        ({**FALLS_BACK, "fallback_after": "P1D", "reminders": [{"after": "PT13H"}]}, "/reminders/0/after"),
        ({"reminders": [{"after": "P14D"}]}, "/reminders/0/after"),
        ({"reminders": [{"after": "P1D", "channel": "sms"}]}, "/reminders/0/channel"),
        ({"reminders": [{"after": "P1D"}, {"after": "P2D"}, {"after": "P3D"}]}, "/reminders"),
        ({"cancel_on": ["order.delivered"]}, "/cancel_on/0"),
        ({"timezone": "Europe/Berlin"}, "/timezone"),
    ],
)
async def test_a_trigger_that_could_not_be_kept_is_refused_with_the_pointer(
    api: ApiClient, changes: dict[str, Any], pointer: str
) -> None:
    answer = await api.put("/v1/triggers/after-delivery", json=TRIGGER | changes)
    body = await assert_problem(answer, 422, "invalid")
    assert pointers(body) == {pointer}
    await assert_problem(await api.get("/v1/triggers/after-delivery"), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/brands/acme", "/v1/touchpoints/mitte"])
@pytest.mark.parametrize("zone", ["Europe/Atlantis", "europe/berlin", "+02:00", "", "../../etc/localtime"])
async def test_a_zone_that_iana_does_not_know_is_refused(api: ApiClient, path: str, zone: str) -> None:
    body = await assert_problem(await api.put(path, json={"name": "Acme", "timezone": zone}), 422, "invalid")
    assert pointers(body) == {"/timezone"}


async def test_everything_wrong_with_a_trigger_is_told_at_once(api: ApiClient) -> None:
    wrong = {"survey": "nowhere", "delay": "soon", "quiet_hours": {"allow": {"mon": ["9-5"]}}, "condition": "1 +"}
    body = await assert_problem(await api.put("/v1/triggers/after", json=TRIGGER | wrong), 422, "invalid")
    assert pointers(body) == {"/survey", "/delay", "/quiet_hours/allow/mon", "/condition"}
