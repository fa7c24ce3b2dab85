"""Webhooks over HTTP: what is stored, what is refused, secrets that are shown once, attempts and replays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.api import webhook_calls
from survey_service.api.told_rows import scopes_of
from survey_service.followup.webhook_addresses import Addresses
from survey_service.followup.webhooks import new_call
from survey_service.models.api_key import Scope
from survey_service.models.outbox import NewsType
from survey_service.models.person import PersonContent
from survey_service.models.webhook import Attempt, CallState, OffReason, WebhookCall
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client, make_parts

WEBHOOK: dict[str, Any] = {"url": "https://acme.example/hooks", "types": ["response.finished"]}
PATH = "/v1/webhooks/crm"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
NAMES = {"acme.example": ["93.184.215.14"], "inside.example": ["10.0.0.1"], "both.example": ["93.184.215.14", "::1"]}
MINUTE = timedelta(minutes=1)


async def resolve(host: str, port: int) -> Sequence[str]:
    return NAMES[host]


@pytest.fixture
def parts(store: Store) -> Parts:
    """The parts of a service whose names lead where the tests say."""
    return replace(make_parts(store), webhook_addresses=Addresses(resolve=resolve))


async def put(api: ApiClient, path: str = PATH, **changes: Any) -> dict[str, Any]:
    answer = await api.put(path, json=WEBHOOK | changes)
    body: dict[str, Any] = await answer.json()
    assert answer.status in {200, 201}, body
    return body


async def fill(parts: Parts, *messages: str, at: datetime | None = None, **fields: Any) -> list[WebhookCall]:
    """Calls of `crm`, as tellings and workers would have left them."""
    now = at or parts.clock.now()
    calls = [new_call("crm", message, "response.finished", b"{}", now) for message in messages]
    calls = [call.model_copy(update=fields) for call in calls]
    await parts.store.webhook_calls.insert(calls)
    return calls


async def test_a_webhook_is_created_read_replaced_and_deleted(api: ApiClient) -> None:
    first = await api.put(PATH, json=WEBHOOK)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    made = await first.json()
    assert SECRET.fullmatch(made.pop("secret"))
    assert made.pop("updated_at")
    assert made == {
        "id": "crm",
        "url": "https://acme.example/hooks",
        "types": ["response.finished"],
        "condition": None,
        "enabled": True,
        "alert": [],
        "revision": 1,
        "secrets": 1,
        "disabled_reason": None,
        "failing_since": None,
        "held_until": None,
    }
    assert (await api.put(PATH, json=WEBHOOK)).headers["ETag"] == '"1"'
    changed = await api.put(
        PATH, json=WEBHOOK | {"condition": "message.data.score <= 6.0"}, headers={"If-Match": '"1"'}
    )
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    await assert_problem(await api.put(PATH, json=WEBHOOK, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    listed = await (await api.get("/v1/webhooks")).json()
    assert [row["id"] for row in listed["data"]] == ["crm"]
    assert (await api.delete(PATH)).status == 204
    await assert_problem(await api.get(PATH), 404, "not_found")


async def test_a_secret_is_shown_once_and_never_again(api: ApiClient, parts: Parts) -> None:
    secret = (await put(api))["secret"]
    for answer in (await api.get(PATH), await api.get("/v1/webhooks"), await api.put(PATH, json=WEBHOOK)):
        assert secret not in await answer.text()
    await put(api, enabled=False)
    row = await parts.store.configuration.webhooks.get("crm")
    assert row is not None
    assert row.secrets == (secret,)


async def test_secrets_rotate_and_either_can_be_kept(api: ApiClient, parts: Parts) -> None:
    webhooks = parts.store.configuration.webhooks
    first = (await put(api))["secret"]
    rotated = await (await api.post(f"{PATH}/rotate-secret")).json()
    second = rotated["secret"]
    assert SECRET.fullmatch(second)
    assert (second != first, rotated["secrets"], rotated["revision"]) == (True, 2, 2)
    await assert_problem(await api.post(f"{PATH}/rotate-secret"), 409, "conflict")
    await put(api, types=["response.scored"])
    for _ in range(2):
        retired = await (await api.post(f"{PATH}/retire-secret", json={"keep": "new"})).json()
        assert (retired["secrets"], retired["revision"], "secret" in retired) == (1, 4, False)
    row = await webhooks.get("crm")
    assert row is not None
    assert row.secrets == (second,)
    third = (await (await api.post(f"{PATH}/rotate-secret")).json())["secret"]
    assert third != second
    assert (await api.post(f"{PATH}/retire-secret", json={"keep": "old"})).status == 200
    row = await webhooks.get("crm")
    assert row is not None
    assert row.secrets == (second,)


async def test_no_secret_is_made_for_a_webhook_that_is_not_there(api: ApiClient) -> None:
    await assert_problem(await api.post(f"{PATH}/rotate-secret"), 404, "not_found")
    await assert_problem(await api.post(f"{PATH}/retire-secret", json={"keep": "new"}), 404, "not_found")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"url": "http://acme.example/hooks"}, "/url"),
        ({"url": "https://user:secret@acme.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://inside.example/"}, "/url"),
        ({"url": "https://both.example/"}, "/url"),
        ({"url": "https://acme.example/" + "x" * 2000}, "/url"),
        ({"url": ""}, "/url"),
        ({"types": []}, "/types"),
        ({"types": ["response.deleted"]}, "/types/0"),
        ({"types": ["response.finished", "response.finished"]}, "/types/1"),
        ({"condition": "message.data.score <="}, "/condition"),
        ({"condition": "response.score <= 6.0"}, "/condition"),
        ({"condition": "message.data.score"}, "/condition"),
        ({"alert": ["nobody"]}, "/alert/0"),
        ({"enabled": "yes"}, "/enabled"),
        ({"secret": "whsec_mine"}, "/secret"),
    ],
)
async def test_a_webhook_that_could_not_be_called_is_refused(
    api: ApiClient, changes: dict[str, Any], pointer: str
) -> None:
    body = await assert_problem(await api.put(PATH, json=WEBHOOK | changes), 422, "invalid")
    assert pointers(body) == {pointer}


async def test_everything_that_is_wrong_is_told_at_once(api: ApiClient) -> None:
    wrong = {"url": "https://inside.example/", "types": ["case.opened"], "condition": "1.0", "alert": ["nobody"]}
    body = await assert_problem(await api.put(PATH, json=wrong), 422, "invalid")
    assert pointers(body) == {"/url", "/condition", "/alert/0"}


async def test_a_refusal_tells_nothing_of_where_a_name_leads(api: ApiClient) -> None:
    answer = await api.put(PATH, json=WEBHOOK | {"url": "https://inside.example/"})
    assert "10.0.0.1" not in await answer.text()


async def test_people_who_exist_may_be_alerted(api: ApiClient, parts: Parts) -> None:
    await parts.store.configuration.people.put("mia", PersonContent(name="Mia", email="mia@acme.example"))
    assert (await put(api, alert=["mia"]))["alert"] == ["mia"]


async def test_attempts_are_listed_newest_first_in_pages_and_by_state_and_type(api: ApiClient, parts: Parts) -> None:
    await put(api)
    start = parts.clock.now() - 10 * MINUTE
    tried = Attempt(at=start, status=500, milliseconds=12)
    for number in range(5):
        await fill(parts, f"msg_{number}", at=start + number * MINUTE)
    await fill(parts, "msg_dead", at=start, state=CallState.DEAD, due_at=None, attempts=(tried,))
    page = await (await api.get(f"{PATH}/attempts", params={"limit": "2"})).json()
    seen = [row["message"] for row in page["data"]]
    while page["next"]:
        page = await (await api.get(page["next"].removeprefix(parts.base_url))).json()
        seen += [row["message"] for row in page["data"]]
    assert seen[:4] == ["msg_4", "msg_3", "msg_2", "msg_1"]
    assert set(seen[4:]) == {"msg_0", "msg_dead"}
    (dead,) = (await (await api.get(f"{PATH}/attempts", params={"state": "dead"})).json())["data"]
    assert (dead["next_at"], dead["type"]) == (None, "response.finished")
    (attempt,) = dead["attempts"]
    assert (attempt["status"], attempt["milliseconds"], attempt["error"]) == (500, 12, None)
    assert "body" not in dead
    none = await (await api.get(f"{PATH}/attempts", params={"type": "case.opened"})).json()
    assert none["data"] == []


async def test_the_attempts_of_a_deleted_webhook_are_gone(api: ApiClient, parts: Parts) -> None:
    await put(api)
    await fill(parts, "msg_1")
    await api.delete(PATH)
    await assert_problem(await api.get(f"{PATH}/attempts"), 404, "not_found")
    await put(api)
    assert (await (await api.get(f"{PATH}/attempts")).json())["data"] == []


def period(start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
    return {"from": start.isoformat(), "to": end.isoformat(), **more}


async def test_a_period_is_replayed_under_the_same_ids(api: ApiClient, parts: Parts) -> None:
    await put(api)
    start = parts.clock.now() - 60 * MINUTE
    done = {"state": CallState.DELIVERED, "due_at": None, "tries": 1}
    await fill(parts, "before", at=start - MINUTE, **done)
    await fill(parts, "first", at=start, **done)
    await fill(parts, "dead", at=start + MINUTE, state=CallState.DEAD, due_at=None, tries=10)
    await fill(parts, "after", at=start + 2 * MINUTE, **done)
    whole = period(start, start + 2 * MINUTE)
    answer = await (await api.post(f"{PATH}/replay", json=whole | {"only_dead": True})).json()
    assert answer == {"replayed": 1, "rest_from": None}
    assert await due(parts) == {"dead"}
    assert (await (await api.post(f"{PATH}/replay", json=whole)).json())["replayed"] == 2
    assert await due(parts) == {"first", "dead"}
    assert (await (await api.post(f"{PATH}/replay", json=whole | {"types": ["case.opened"]})).json())["replayed"] == 0


async def test_a_replay_is_bounded_and_says_where_the_rest_begins(
    api: ApiClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_calls, "MAX_REPLAYED", 2)
    await put(api)
    start = parts.clock.now() - 60 * MINUTE
    for number in range(3):
        await fill(parts, f"msg_{number}", at=start + number * MINUTE, state=CallState.DELIVERED, due_at=None)
    answer = await (await api.post(f"{PATH}/replay", json=period(start, start + 10 * MINUTE))).json()
    assert answer["replayed"] == 2
    rest = datetime.fromisoformat(answer["rest_from"])
    assert rest == start + 2 * MINUTE
    answer = await (await api.post(f"{PATH}/replay", json=period(rest, start + 10 * MINUTE))).json()
    assert answer == {"replayed": 1, "rest_from": None}
    assert await due(parts) == {"msg_0", "msg_1", "msg_2"}


async def due(parts: Parts) -> set[str]:
    claim = await parts.store.webhook_calls.claims.claim(100)
    assert claim is not None
    await parts.store.webhook_calls.claims.release(claim.lease)
    return {row.message for row in claim.rows}


async def test_what_is_under_way_is_not_replayed(api: ApiClient, parts: Parts) -> None:
    await put(api)
    await fill(parts, "msg_1")
    assert await parts.store.webhook_calls.claims.claim(10) is not None
    now = parts.clock.now()
    answer = await (await api.post(f"{PATH}/replay", json=period(now - MINUTE, now + MINUTE))).json()
    assert answer["replayed"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:00:00Z"}, "/to"),
        ({"from": "2026-11-22T10:00:00", "to": "2026-11-23T10:00:00Z"}, "/from"),
        ({"from": "2026-11-22T10:00:00Z"}, "/to"),
        ({"from": "2026-11-22T10:00:00Z", "to": "2026-11-23T10:00:00Z", "types": ["all"]}, "/types/0"),
        ({"from": "2026-11-22T10:00:00Z", "to": "2026-11-23T10:00:00Z", "limit": 1}, "/limit"),
    ],
)
async def test_a_replay_of_no_period_is_refused(api: ApiClient, body: dict[str, Any], pointer: str) -> None:
    await put(api)
    assert pointers(await assert_problem(await api.post(f"{PATH}/replay", json=body), 422, "invalid")) == {pointer}


async def test_a_test_is_a_message_like_any_other(api: ApiClient, parts: Parts) -> None:
    await put(api)
    answer = await api.post(f"{PATH}/test")
    assert answer.status == 202
    message = (await answer.json())["message"]
    (row,) = (await (await api.get(f"{PATH}/attempts")).json())["data"]
    assert (row["message"], row["type"], row["state"]) == (message, "webhook.test", "waiting")


async def test_a_webhook_that_is_off_takes_neither_tests_nor_replays(api: ApiClient) -> None:
    await put(api, enabled=False)
    now = datetime.now(UTC)
    await assert_problem(await api.post(f"{PATH}/test"), 409, "conflict")
    await assert_problem(await api.post(f"{PATH}/replay", json=period(now - MINUTE, now)), 409, "conflict")


async def test_switching_on_forgets_why_it_was_off(api: ApiClient, parts: Parts) -> None:
    await put(api)
    calls, webhooks = parts.store.webhook_calls, parts.store.configuration.webhooks
    await calls.note_failed_round("crm", parts.clock.now(), (MINUTE,), 60 * MINUTE)
    row = await webhooks.get("crm")
    assert row is not None
    assert await webhooks.switch_off(row, OffReason.FAILING, ())
    assert not await webhooks.switch_off(row, OffReason.FAILING, ())
    off = await (await api.get(PATH)).json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "failing")
    assert off["failing_since"]
    assert off["held_until"]
    on = await put(api)
    shown = ("enabled", "disabled_reason", "failing_since", "held_until", "secrets")
    assert [on[name] for name in shown] == [True, None, None, None, 1]


async def test_a_hundred_webhooks_are_enough(api: ApiClient, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey_service.api.webhooks.MAX_WEBHOOKS", 1)
    await put(api)
    await put(api, enabled=False)
    await assert_problem(await api.put("/v1/webhooks/second", json=WEBHOOK), 409, "conflict")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/webhooks", Scope.CONFIG_READ),
        ("GET", f"{PATH}/attempts", Scope.CONFIG_READ),
        ("PUT", PATH, Scope.CONFIG_WRITE),
        ("DELETE", PATH, Scope.CONFIG_WRITE),
        ("POST", f"{PATH}/rotate-secret", Scope.CONFIG_WRITE),
        ("POST", f"{PATH}/retire-secret", Scope.CONFIG_WRITE),
        ("POST", f"{PATH}/replay", Scope.OPERATE),
        ("POST", f"{PATH}/test", Scope.OPERATE),
    ],
)
async def test_each_route_wants_its_scope(parts: Parts, method: str, path: str, scope: Scope) -> None:
    others = [other for other in Scope if other is not scope]
    async with api_client(parts, *others) as client:
        await assert_problem(await client.request(method, path, json={}), 403, "forbidden")


@pytest.mark.parametrize(
    ("types", "scopes"),
    [
        (["response.finished", "response.scored", "mail.received"], [Scope.RESPONSES_READ]),
        (["case.opened", "reward.granted"], [Scope.CASES_READ, Scope.REWARDS_READ]),
        (["delivery.dead", "suppression.created"], [Scope.INVITATIONS_READ, Scope.SUPPRESSIONS_READ]),
        (["event.decided", "incentive.low"], [Scope.EVENTS_READ, Scope.CONFIG_READ]),
    ],
)
async def test_a_webhook_tells_nobody_what_its_maker_may_not_read(
    parts: Parts, types: list[str], scopes: list[Scope]
) -> None:
    for lacking in scopes:
        own = {Scope.CONFIG_WRITE, *scopes} - {lacking}
        async with api_client(parts, *own) as client:
            refusal = await assert_problem(await client.put(PATH, json=WEBHOOK | {"types": types}), 403, "forbidden")
            assert refusal["detail"] == f"a key cannot give what it lacks itself: {lacking}"
    async with api_client(parts, Scope.CONFIG_WRITE, *scopes) as client:
        await put(client, types=types)


def test_each_kind_of_news_has_the_scope_that_its_row_is_read_with() -> None:
    assert len(scopes_of(NewsType)) == 7
