"""`POST /v1/events`: every form is taken, every bad one is refused by the field, and nothing is half stored."""

from __future__ import annotations

import copy
from io import BytesIO
from typing import Any

import orjson
import pytest

from survey_service.models.ids import event_key
from survey_service.store.store import Store
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient

PATH = "/v1/events"
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "ord-1001",
    "source": "/shop/berlin",
    "type": "order.delivered",
    "time": "2026-11-22T10:00:00Z",
    "data": {
        "customer": {
            "id": "c-42",
            "name": "Ada Weber",
            "email": "ada@example.com",
            "phone": "+4915123456789",
            "locale": "de-DE",
            "timezone": "Europe/Berlin",
            "consent": {"email": True},
            "attributes": {"tier": "gold"},
        },
        "touchpoint": "berlin-mitte",
        "agent": "a-7",
        "amount": 79.9,
    },
}
KEY = event_key("/shop/berlin", "ord-1001")


def changed(path: str, value: object) -> dict[str, Any]:
    """The good event with one value set; `None` as value removes it."""
    event = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    target = event
    for name in parents:
        target = target[name]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return event


def with_data(**fields: object) -> dict[str, Any]:
    return {**GOOD, "data": {**GOOD["data"], **fields}}


async def stored(store: Store) -> int:
    return await store.database["events"].count_documents({})


async def post(api: ApiClient, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    response = await api.post(PATH, data=body, headers=headers or JSON)
    assert response.status == 202, await response.text()
    found: dict[str, Any] = await response.json()
    return found


def counts(summary: dict[str, Any]) -> dict[str, int]:
    return {name: summary[name] for name in ("accepted", "duplicate", "conflict", "rejected")}


# --- what is taken


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json; charset=utf-8"])
async def test_a_single_event_is_accepted_under_its_key(api: ApiClient, store: Store, content_type: str) -> None:
    summary = await post(api, orjson.dumps(GOOD), {"Content-Type": content_type})
    assert counts(summary) == {"accepted": 1, "duplicate": 0, "conflict": 0, "rejected": 0}
    assert summary["results"] == [{"key": KEY, "source": "/shop/berlin", "id": "ord-1001", "status": "accepted"}]
    event = await store.events.get(KEY)
    assert event is not None
    assert event.data == GOOD["data"]
    assert event.state.value == "pending"


async def test_what_may_be_missing_is_filled_in(api: ApiClient, store: Store) -> None:
    event = {"id": "1", "source": "/s", "type": "t", "data": {"customer": {"email": "ada@example.com"}}}
    await post(api, orjson.dumps(event))
    found = await store.events.get(event_key("/s", "1"))
    assert found is not None
    assert found.time == found.received_at


async def test_the_same_event_again_is_a_duplicate_however_its_keys_are_ordered(api: ApiClient, store: Store) -> None:
    await post(api, orjson.dumps(GOOD))
    again = {name: GOOD[name] for name in reversed(GOOD)}
    again["data"] = {name: GOOD["data"][name] for name in reversed(GOOD["data"])}
    assert counts(await post(api, orjson.dumps(again)))["duplicate"] == 1
    assert await stored(store) == 1


@pytest.mark.parametrize(
    "other", [changed("type", "order.returned"), changed("subject", "x"), with_data(amount=1)], ids=str
)
async def test_another_content_under_the_same_key_is_a_conflict(
    api: ApiClient, store: Store, other: dict[str, Any]
) -> None:
    await post(api, orjson.dumps(GOOD))
    await assert_problem(await api.post(PATH, data=orjson.dumps(other), headers=JSON), 409, "conflict")
    assert await stored(store) == 1


async def test_an_array_takes_the_good_ones_and_says_what_is_wrong_with_the_others(
    api: ApiClient, store: Store
) -> None:
    await post(api, orjson.dumps(GOOD))
    batch = [GOOD, {**GOOD, "id": "2"}, {"id": "3"}, with_data(amount=2), 7, {**GOOD, "id": "2"}]
    summary = await post(api, orjson.dumps(batch))
    assert counts(summary) == {"accepted": 1, "duplicate": 2, "conflict": 1, "rejected": 2}
    assert [result["status"] for result in summary["results"]] == [
        "duplicate",
        "accepted",
        "rejected",
        "conflict",
        "rejected",
        "duplicate",
    ]
    refused = summary["results"][2]
    assert {error["pointer"] for error in refused["errors"]} == {"/source", "/type", "/data"}
    assert refused["id"] == "3"
    assert await stored(store) == 2


async def test_ndjson_takes_a_line_an_event(api: ApiClient, store: Store) -> None:
    lines = [orjson.dumps(GOOD), b"{broken", b"", orjson.dumps({**GOOD, "id": "2"})]
    summary = await post(api, b"\n".join(lines), NDJSON)
    assert [result["status"] for result in summary["results"]] == ["accepted", "rejected", "accepted"]
    assert await stored(store) == 2


async def test_a_batch_of_nothing_good_is_refused_with_every_pointer(api: ApiClient, store: Store) -> None:
    response = await api.post(PATH, data=orjson.dumps([{"id": "1"}, 5]), headers=JSON)
    body = await response.json(content_type="application/problem+json")
    assert response.status == 422
    assert {"/0/source", "/0/type", "/0/data", "/1"} == pointers(body)
    assert body["rejected"] == 2
    assert await stored(store) == 0


async def test_binary_mode_reads_the_attributes_from_headers(api: ApiClient, store: Store) -> None:
    headers = {
        **JSON,
        "ce-specversion": "1.0",
        "ce-id": "ord-1001",
        "ce-source": "/shop/berlin",
        "ce-type": "order.delivered",
        "ce-time": "2026-11-22T10:00:00Z",
        "ce-subject": "Stra%C3%9Fe",
        "ce-traceid": "abc",
    }
    await post(api, orjson.dumps(GOOD["data"]), headers)
    event = await store.events.get(KEY)
    assert event is not None
    assert (event.subject, event.extensions) == ("Straße", {"traceid": "abc"})


async def test_history_is_stored_and_never_asked_about(api: ApiClient, store: Store) -> None:
    response = await api.post(f"{PATH}?decide=false", data=orjson.dumps(GOOD), headers=JSON)
    assert response.status == 202
    event = await store.events.get(KEY)
    assert event is not None
    assert (event.state.value, event.reason, event.due_at) == ("decided", "imported", None)


@pytest.mark.parametrize(
    "data",
    [
        {"amount": 9007199254740993},
        {"empty": {}, "list": [], "null": None, "nested": {"a": [{"b": [1, 2.5, "x"]}]}},
        {"text": "NUL \u0000 inside, <script>, {{7*7}}, 🛫, \u202eright to left"},
        {"amount": 2**63 - 1, "low": -(2**63)},
    ],
    ids=str,
)
async def test_data_comes_back_as_it_was_sent(api: ApiClient, data: dict[str, Any]) -> None:
    await post(api, orjson.dumps(with_data(**data)))
    found = await (await api.get(f"{PATH}/{KEY}")).json()
    assert {name: found["data"][name] for name in data} == data


# --- what is refused


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (changed("id", None), "/id"),
        (changed("source", None), "/source"),
        (changed("type", None), "/type"),
        (changed("data", None), "/data"),
        (changed("id", ""), "/id"),
        (changed("id", "x" * 201), "/id"),
        (changed("id", 7), "/id"),
        (changed("id", True), "/id"),
        (changed("type", "a\r\nb"), "/type"),
        (changed("specversion", "0.3"), "/specversion"),
        (changed("Colour", "red"), "/Colour"),
        (changed("data_base64", "eA=="), "/data_base64"),
        (changed("traceid", {"a": 1}), "/traceid"),
        (changed("datacontenttype", "text/plain"), "/datacontenttype"),
        (changed("data", []), "/data"),
        (changed("data/customer", None), "/data/customer"),
        (changed("data/customer", {}), "/data/customer"),
        (changed("data/customer", {"name": "Ada"}), "/data/customer"),
        (changed("data/customer/shoe", 43), "/data/customer/shoe"),
        (changed("data/customer/email", "ada@"), "/data/customer/email"),
        (changed("data/customer/email", "ada@example.com\r\nBcc: all@example.com"), "/data/customer/email"),
        (changed("data/customer/phone", "0151 2345"), "/data/customer/phone"),
        (changed("data/customer/phone", "+49151²3456"), "/data/customer/phone"),
        (changed("data/customer/name", "Ada\r\nBcc: all@example.com"), "/data/customer/name"),
        (changed("data/customer/timezone", "Mars/Base"), "/data/customer/timezone"),
        (changed("data/customer/timezone", "../../etc/passwd"), "/data/customer/timezone"),
        (changed("data/customer/locale", "german!"), "/data/customer/locale"),
        (changed("data/customer/consent/email", 1), "/data/customer/consent/email"),
        (changed("data/touchpoint", "a\nb"), "/data/touchpoint"),
        (with_data(**{"$where": 1}), "/data/$where"),
        (with_data(**{"a.b": 1}), "/data/a.b"),
        (with_data(**{"": 1}), "/data/"),
        (with_data(**{"a\0": 1}), "/data/a\0"),
        (changed("data/customer/attributes/a.b", 1), "/data/customer/attributes/a.b"),
        *(
            (changed("time", time), "/time")
            for time in (
                "yesterday",
                "2026-11-22",
                "2026-11-22T10:00:00",
                "2026-13-01T00:00:00Z",
                "2026-11-22T25:00:00Z",
                "2026-W47-7T10:00:00Z",
                1763805600,
                "9999-12-31T23:59:59-23:59",
            )
        ),
    ],
    ids=str,
)
async def test_a_field_that_breaks_a_rule_is_named_and_nothing_is_stored(
    api: ApiClient, store: Store, event: dict[str, Any], pointer: str
) -> None:
    body = await assert_problem(await api.post(PATH, data=orjson.dumps(event), headers=JSON), 422, "invalid")
    assert pointer in pointers(body)
    assert await stored(store) == 0


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1" * 60])
async def test_an_integer_beyond_64_bit_is_named(api: ApiClient, store: Store, number: str) -> None:
    raw = orjson.dumps(with_data(amount="NUMBER")).replace(b'"NUMBER"', number.encode())
    body = await assert_problem(await api.post(PATH, data=raw, headers=JSON), 422, "invalid")
    assert pointers(body) == {"/data/amount"}
    assert await stored(store) == 0


DEEP = b'{"id":"1","source":"/s","type":"t","data":' + b'{"a":' * 40 + b"1" + b"}" * 41


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"1" * 5000 + b"}",
        DEEP,
        b'{"a": 1} {"b": 2}',
    ],
    ids=lambda body: str(body[:24]),
)
async def test_a_body_that_is_no_json_is_refused_whole(api: ApiClient, store: Store, body: bytes) -> None:
    await assert_problem(await api.post(PATH, data=body, headers=JSON), 400, "malformed")
    assert await stored(store) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({**JSON, "Content-Encoding": "gzip"}, 415),
        ({**JSON, "Content-Encoding": "br"}, 415),
    ],
    ids=str,
)
async def test_other_types_and_encodings_are_not_taken(
    api: ApiClient, store: Store, headers: dict[str, str], status: int
) -> None:
    await assert_problem(await api.post(PATH, data=orjson.dumps(GOOD), headers=headers), status, "unsupported_media")
    assert await stored(store) == 0


async def test_sizes_have_limits(api: ApiClient, store: Store) -> None:
    large_body = orjson.dumps([with_data(text="x" * 60_000)] * 20)
    await assert_problem(await api.post(PATH, data=BytesIO(large_body), headers=JSON), 413, "too_large")
    large_event = orjson.dumps(with_data(text="x" * 70_000))
    await assert_problem(await api.post(PATH, data=large_event, headers=JSON), 413, "too_large")
    many = b"\n".join([b'{"id":"1"}'] * 1001)
    await assert_problem(await api.post(PATH, data=many, headers=NDJSON), 413, "too_large")
    assert await stored(store) == 0


async def test_one_event_that_is_too_large_harms_no_other_of_its_batch(api: ApiClient, store: Store) -> None:
    batch = [GOOD, {**with_data(text="x" * 70_000), "id": "2"}]
    summary = await post(api, orjson.dumps(batch))
    assert [result["status"] for result in summary["results"]] == ["accepted", "rejected"]
    assert await stored(store) == 1


async def test_a_thousand_events_are_taken_at_once(api: ApiClient, store: Store) -> None:
    lines = [orjson.dumps({**GOOD, "id": str(number)}) for number in range(1000)]
    assert counts(await post(api, b"\n".join(lines), NDJSON))["accepted"] == 1000
    assert await stored(store) == 1000
