"""Surveys, triggers, brands, touchpoints, keys and pauses over HTTP, on a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.parts import Parts
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client

BRAND = {"name": "Acme", "test_addresses": ["QA@Acme.example"]}
SURVEY: dict[str, Any] = {
    "name": "After delivery",
    "brand": "acme",
    "primary": "nps",
    "questions": [{"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}],
}
TRIGGER = {"survey": "after", "event_type": "order.delivered", "channels": ["email"]}
TOUCHPOINT = {"name": "Berlin Mitte", "timezone": "Europe/Berlin"}

RESOURCES = [
    ("/v1/brands/acme", BRAND, "name"),
    ("/v1/surveys/after", SURVEY, "name"),
    ("/v1/triggers/after", TRIGGER, "event_type"),
    ("/v1/touchpoints/mitte", TOUCHPOINT, "name"),
]


@pytest.fixture
async def configured(api: ApiClient) -> ApiClient:
    """A client of a service that has one brand, survey and trigger."""
    for path, content, _ in RESOURCES[:3]:
        assert (await api.put(path, json=content)).status == 201
    return api


async def ids(api: ApiClient, path: str) -> list[str]:
    return [row["id"] for row in (await (await api.get(path)).json())["data"]]


@pytest.mark.parametrize(("path", "content", "field"), RESOURCES)
async def test_a_resource_is_created_read_replaced_and_deleted(
    configured: ApiClient, path: str, content: dict[str, Any], field: str
) -> None:
    path += "-two"
    first = await configured.put(path, json=content)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    shown = await first.json()
    assert shown["id"] == path.rpartition("/")[2]
    assert shown[field] == content[field]

    again = await configured.put(path, json=content)
    assert (again.status, again.headers["ETag"]) == (200, '"1"')
    changed = await configured.put(path, json={**content, field: "another"})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')

    read = await configured.get(path)
    assert (await read.json())[field] == "another"
    assert (await configured.get(path, headers={"If-None-Match": read.headers["ETag"]})).status == 304
    assert shown["id"] in await ids(configured, path.rpartition("/")[0])

    gone = await configured.delete(path)
    assert (gone.status, await gone.read()) == (204, b"")
    await assert_problem(await configured.get(path), 404, "not_found")
    await assert_problem(await configured.delete(path), 404, "not_found")
    assert shown["id"] not in await ids(configured, path.rpartition("/")[0])


@pytest.mark.parametrize(("path", "content", "field"), RESOURCES)
async def test_a_stale_if_match_changes_nothing(
    configured: ApiClient, path: str, content: dict[str, Any], field: str
) -> None:
    await configured.put(path, json=content)
    await configured.put(path, json={**content, field: "second"}, headers={"If-Match": '"1"'})
    late = await configured.put(path, json={**content, field: "late"}, headers={"If-Match": '"1"'})
    await assert_problem(late, 412, "precondition_failed")
    assert (await (await configured.get(path)).json())[field] == "second"


@pytest.mark.parametrize("tag", ['"²"', '"٣"', '"x"', "", '"9999999999"', '"\udcff"', '"1", "2"'])
async def test_if_match_holds_one_etag_of_ours(configured: ApiClient, tag: str) -> None:
    answer = await configured.put("/v1/surveys/after", json=SURVEY, headers={"If-Match": tag})
    await assert_problem(answer, 422, "invalid")


@pytest.mark.parametrize(("path", "content", "field"), RESOURCES)
async def test_what_is_shown_can_be_put_again_without_its_own_fields(
    configured: ApiClient, path: str, content: dict[str, Any], field: str
) -> None:
    first = await configured.put(path, json=content)
    shown = await first.json()
    for own in ("id", "version", "revision", "deleted", "created_at", "updated_at"):
        shown.pop(own, None)
    again = await configured.put(path, json=shown)
    assert (again.status, again.headers["ETag"]) == (200, first.headers["ETag"])


@pytest.mark.parametrize(("path", "content", "field"), RESOURCES)
async def test_an_unknown_field_is_refused_with_its_pointer(
    configured: ApiClient, path: str, content: dict[str, Any], field: str
) -> None:
    body = await assert_problem(await configured.put(path, json={**content, "colour": "red"}), 422, "invalid")
    assert pointers(body) == {"/colour"}


async def test_nested_shapes_are_strict_and_closed_too(configured: ApiClient) -> None:
    question = {**SURVEY["questions"][0], "required": 1, "colour": "red"}
    body = await assert_problem(
        await configured.put("/v1/surveys/after", json={**SURVEY, "questions": [question]}), 422, "invalid"
    )
    assert pointers(body) >= {"/questions/0/required", "/questions/0/colour"}


@pytest.mark.parametrize(
    ("path", "content", "pointer"),
    [
        ("/v1/surveys/after", {**SURVEY, "brand": "nobody"}, "/brand"),
        ("/v1/triggers/after", {**TRIGGER, "survey": "nothing"}, "/survey"),
        ("/v1/triggers/after", {**TRIGGER, "condition": "event.data.amount >"}, "/condition"),
        ("/v1/triggers/after", {**TRIGGER, "channels": ["sms"]}, "/channels/0"),
        ("/v1/brands/acme", {**BRAND, "name": "Acme\r\nBcc: a@b.example"}, "/name"),
        ("/v1/touchpoints/mitte", {**TOUCHPOINT, "timezone": "Mars"}, "/timezone"),
        ("/v1/surveys/A", SURVEY, "/id"),
        ("/v1/triggers/a%2Fb", TRIGGER, "/id"),
        ("/v1/brands/%C3%A4", BRAND, "/id"),
        ("/v1/touchpoints/a%0Ab", TOUCHPOINT, "/id"),
    ],
)
async def test_content_that_breaks_a_rule_is_not_stored(
    configured: ApiClient, path: str, content: dict[str, Any], pointer: str
) -> None:
    revision = (await (await configured.get("/v1/brands/acme")).json())["revision"]
    assert pointers(await assert_problem(await configured.put(path, json=content), 422, "invalid")) == {pointer}
    assert (await (await configured.get("/v1/brands/acme")).json())["revision"] == revision
    assert await ids(configured, "/v1/surveys/after/versions") == ["after"]


async def test_every_version_of_a_survey_stays_readable(configured: ApiClient) -> None:
    await configured.put("/v1/surveys/other", json=SURVEY)
    await configured.put("/v1/surveys/other", json={**SURVEY, "name": "second"})
    await configured.delete("/v1/surveys/other")
    versions = (await (await configured.get("/v1/surveys/other/versions")).json())["data"]
    assert [(row["version"], row["name"], row["deleted"]) for row in versions] == [
        (3, "second", True),
        (2, "second", False),
        (1, "After delivery", False),
    ]
    first = await configured.get("/v1/surveys/other/versions/1")
    assert (await first.json())["name"] == "After delivery"
    assert (await configured.put("/v1/surveys/other", json=SURVEY)).status == 201


@pytest.mark.parametrize("number", ["2", "0", "x", "-1", "²", "٣", "9" * 40, "9" * 4400])
async def test_a_version_that_never_was_is_not_found(configured: ApiClient, number: str) -> None:
    await assert_problem(await configured.get(f"/v1/surveys/after/versions/{number}"), 404, "not_found")
    await assert_problem(await configured.get(f"/v1/triggers/after/versions/{number}"), 404, "not_found")
    await assert_problem(await configured.get("/v1/triggers/nothing/versions"), 404, "not_found")


async def test_what_is_in_use_is_not_deleted(configured: ApiClient) -> None:
    body = await assert_problem(await configured.delete("/v1/surveys/after"), 409, "conflict")
    assert "after" in body["detail"]
    body = await assert_problem(await configured.delete("/v1/brands/acme"), 409, "conflict")
    assert "after" in body["detail"]
    for path in ("/v1/triggers/after", "/v1/surveys/after", "/v1/brands/acme"):
        assert (await configured.delete(path)).status == 204


async def test_lists_go_on_where_the_page_before_ended(api: ApiClient) -> None:
    for name in ("c", "a", "b/ä", "e", "d"):
        assert (await api.put(f"/v1/touchpoints/{name.replace('/', '%2F')}", json=TOUCHPOINT)).status == 201
    seen: list[str] = []
    path: str | None = "/v1/touchpoints?limit=2"
    while path:
        response = await api.get(path)
        page = await response.json()
        seen += [row["id"] for row in page["data"]]
        assert ("Link" in response.headers) is (page["next"] is not None)
        path = page["next"].removeprefix("http://service.test") if page["next"] else None
    assert seen == ["a", "b/ä", "c", "d", "e"]
    assert (await api.get("/v1/touchpoints/b%2F%C3%A4")).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "someone@acme.example"}, "/to"),
        ({"to": "nobody"}, "/to"),
        ({"to": "qa@acme.example", "language": "es"}, "/language"),
        ({"to": "qa@acme.example", "channel": "sms"}, "/channel"),
    ],
)
async def test_a_test_goes_to_the_brands_own_addresses_only(
    configured: ApiClient, parts: Parts, body: dict[str, str], pointer: str
) -> None:
    refused = await assert_problem(await configured.post("/v1/surveys/after/test-send", json=body), 422, "invalid")
    assert pointers(refused) == {pointer}
    assert await parts.store.deliveries.claims.waiting() == 0


async def test_a_test_send_requests_one_delivery_at_once(configured: ApiClient, parts: Parts) -> None:
    parts.bells.silence("sending")
    body = {"to": "qa@acme.example", "language": "de"}
    response = await configured.post("/v1/surveys/after/test-send", json=body)
    assert response.status == 202
    delivery = await parts.store.deliveries.get((await response.json())["delivery"])
    assert delivery is not None
    assert (delivery.kind, delivery.channel, delivery.state) == (
        DeliveryKind.TEST,
        ChannelName.EMAIL,
        DeliveryState.REQUESTED,
    )
    assert (delivery.to, delivery.language, delivery.survey, delivery.survey_version) == (
        "QA@acme.example",
        "de",
        "after",
        1,
    )
    assert delivery.due_at is not None
    assert delivery.due_at <= parts.clock.now() < delivery.expires_at
    await parts.bells.wait("sending", timeout=0)


async def test_a_key_is_shown_once_and_ends_when_it_is_revoked(api: ApiClient) -> None:
    made = await api.post("/v1/keys", json={"name": "bi", "scopes": ["responses:read", "config:read"]})
    assert made.status == 201
    key = await made.json()
    listed = (await (await api.get("/v1/keys")).json())["data"]
    assert [row["name"] for row in listed] == ["bi", "test"]
    assert key["key"] not in str(listed)
    assert "sha256" not in listed[0]

    as_bi = {"Authorization": f"Bearer {key['key']}"}
    assert (await api.get("/v1/brands", headers=as_bi)).status == 200
    await assert_problem(await api.get("/v1/keys", headers=as_bi), 403, "forbidden")
    assert (await api.delete(f"/v1/keys/{key['id']}")).status == 204
    await assert_problem(await api.get("/v1/brands", headers=as_bi), 401, "unauthorized")
    await assert_problem(await api.delete(f"/v1/keys/{key['id']}"), 404, "not_found")
    assert (await (await api.get("/v1/keys")).json())["data"][0]["revoked_at"]


async def test_a_key_cannot_give_scopes_that_it_lacks(parts: Parts) -> None:
    async with api_client(parts, Scope.KEYS_WRITE, Scope.CONFIG_READ) as limited:
        wanted = {"name": "more", "scopes": ["config:read", "operate"]}
        body = await assert_problem(await limited.post("/v1/keys", json=wanted), 403, "forbidden")
        assert "operate" in body["detail"]
        assert len(await parts.store.api_keys.all()) == 1
        assert (await limited.post("/v1/keys", json={"name": "same", "scopes": ["config:read"]})).status == 201


@pytest.mark.parametrize("body", [{"name": "x", "scopes": []}, {"name": "x", "scopes": ["root"]}, {"scopes": []}])
async def test_a_key_needs_a_name_and_known_scopes(api: ApiClient, body: dict[str, Any]) -> None:
    await assert_problem(await api.post("/v1/keys", json=body), 422, "invalid")


@pytest.mark.parametrize(
    "name",
    ["everything", "channel:email", "trigger:after", "brand:acme", "touchpoint:Gate 7"],
)
async def test_a_pause_stands_until_it_is_lifted(configured: ApiClient, parts: Parts, name: str) -> None:
    path = f"/v1/pauses/{name}"
    first = await configured.put(path, json={"note": "storm"})
    assert first.status == 201
    pause = await first.json()
    again = await configured.put(path, json={})
    assert again.status == 200
    assert await again.json() == {**pause, "note": None}
    assert await ids(configured, "/v1/pauses") == [name]
    assert set((await parts.store.configuration.current()).pauses) == {name}

    parts.bells.silence("sending")
    assert (await configured.delete(path)).status == 204
    await parts.bells.wait("sending", timeout=0)
    assert await ids(configured, "/v1/pauses") == []
    await assert_problem(await configured.delete(path), 404, "not_found")


@pytest.mark.parametrize(
    "name",
    ["all", "channel:", "channel:fax", "trigger:none", "brand:none", "everything:x", "touchpoint:", "touchpoint:a%0Ab"],
)
async def test_a_pause_of_what_cannot_exist_is_refused(configured: ApiClient, name: str) -> None:
    body = await assert_problem(await configured.put(f"/v1/pauses/{name}", json={}), 422, "invalid")
    assert pointers(body) == {"/id"}


async def test_lifting_a_pause_lets_go_of_what_it_held(configured: ApiClient, parts: Parts) -> None:
    await configured.put("/v1/pauses/brand:acme", json={})
    now = parts.clock.now()
    held = Delivery(
        id="dlv_held",
        kind=DeliveryKind.INVITE,
        channel=ChannelName.EMAIL,
        brand="acme",
        to="ada@example.com",
        language="en",
        held_by="brand:acme",
        due_at=now + timedelta(hours=1),
        created_at=now,
        planned_at=now,
        expires_at=now + timedelta(days=1),
    )
    await parts.store.deliveries.insert([held, held.model_copy(update={"id": "dlv_else", "held_by": "everything"})])
    await configured.delete("/v1/pauses/brand:acme")
    freed, other = await parts.store.deliveries.get("dlv_held"), await parts.store.deliveries.get("dlv_else")
    assert freed is not None
    assert other is not None
    assert freed.held_by is None
    assert freed.due_at is not None
    assert freed.due_at <= parts.clock.now()
    assert (other.held_by, other.due_at) == ("everything", held.due_at)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/surveys", Scope.CONFIG_WRITE),
        ("PUT", "/v1/surveys/after", Scope.CONFIG_READ),
        ("DELETE", "/v1/brands/acme", Scope.CONFIG_READ),
        ("PUT", "/v1/pauses/everything", Scope.CONFIG_WRITE),
        ("POST", "/v1/keys", Scope.OPERATE),
        ("POST", "/v1/surveys/after/test-send", Scope.CONFIG_READ),
    ],
)
async def test_a_key_without_the_scope_is_refused(parts: Parts, method: str, path: str, scope: Scope) -> None:
    async with api_client(parts, scope) as limited:
        await assert_problem(await limited.request(method, path, json={}), 403, "forbidden")
