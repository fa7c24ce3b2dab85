"""Bodies and queries that break a rule: each is named as a problem, and nothing is stored."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from survey_service.store.paging import PageRequest
from tests.support.content import put_survey
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client, make_parts, open_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
GOOD: dict[str, Any] = {"survey": "after-delivery", "customer": {"id": "c-42"}, "channels": ["web"]}
PATHS = ["/v1/invitations", "/v1/suppressions", "/v1/suppressions/search", "/v1/events"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(mongodb_uri: str) -> AsyncIterator[ApiClient]:
    """One service for the whole table, since nothing of it is stored."""
    store = await open_store(mongodb_uri, "test_api_bad_input")
    await put_survey(store)
    async with api_client(make_parts(store)) as client:
        yield client
    kept = await store.invitations.page({}, PageRequest(limit=1))
    await store.database.drop()
    store.close()
    assert not kept.rows


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media"),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media"),
        (gzip.compress(b"{}", mtime=0), {**JSON, "Content-Encoding": "gzip"}, 415, "unsupported_media"),
        (b"{}", {**JSON, "Content-Encoding": "br"}, 415, "unsupported_media"),
        (b" " * (1024 * 1024 + 1), JSON, 413, "too_large"),
        (b"", JSON, 400, "malformed"),
        (b"  \n", JSON, 400, "malformed"),
        (b"{", JSON, 400, "malformed"),
        (b'{"a": NaN}', JSON, 400, "malformed"),
        (b'{"a": Infinity}', JSON, 400, "malformed"),
        (b'{"a": 1e999}', JSON, 400, "malformed"),
        (b'{"a": 1, "a": 2}', JSON, 400, "malformed"),
        (b'{"a": "\\ud800"}', JSON, 400, "malformed"),
        (b'{"a": "\xff"}', JSON, 400, "malformed"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", JSON, 400, "malformed"),
        (b'{"a": ' + b"9" * 5_000 + b"}", JSON, 400, "malformed"),
        (b'{"a": 1} {"b": 2}', JSON, 400, "malformed"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, bytes) else None,
)
async def test_a_body_that_cannot_be_read_is_refused(
    api: ApiClient, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    await assert_problem(await api.post(path, data=io.BytesIO(body), headers=headers), status, code)


async def test_an_oversize_body_in_chunks_is_refused(api: ApiClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1025):
            yield b" " * 1024

    await assert_problem(await api.post("/v1/invitations", data=chunks(), headers=JSON), 413, "too_large")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"survey": None}, "/survey"),
        ({"survey": "a\r\nb"}, "/survey"),
        ({"survey": "no-such-survey"}, "/survey"),
        ({"channels": []}, "/channels"),
        ({"channels": ["web", "pigeon"]}, "/channels/1"),
        ({"channels": ["web", "web"]}, ""),
        ({"channels": ["email"]}, "/channels"),
        ({"customer": {}}, "/customer"),
        ({"customer": {"id": True}}, "/customer/id"),
        ({"customer": {"id": 7}}, "/customer/id"),
        ({"customer": {"id": "c-42", "shoe/size": 43}}, "/customer/shoe~1size"),
        ({"customer": {"email": "ada@"}}, "/customer/email"),
        ({"customer": {"phone": "0151"}}, "/customer/phone"),
        ({"customer": {"id": "c-42", "name": "Ada\r\nBcc: all@example.com"}}, "/customer/name"),
        ({"customer": {"id": "c-42", "timezone": "Mars/Base"}}, "/customer/timezone"),
        ({"customer": {"id": "c-42", "attributes": {"$where": 1}}}, "/customer/attributes/$where"),
        ({"data": {"a.b": 1}}, "/data/a.b"),
        ({"data": {"": 1}}, "/data/"),
        ({"data": {"a\0": 1}}, "/data/a\0"),
        ({"data": {"n": [2**63 - 1, "BIG"]}}, "/data/n/1"),
        ({"data": []}, "/data"),
        ({"language": "de_DE!"}, "/language"),
        ({"delay": "2 hours"}, "/delay"),
        ({"delay": 7200}, "/delay"),
        ({"expires_after": "P1M"}, "/expires_after"),
        ({"delay": "P20D"}, ""),
    ],
    ids=str,
)
async def test_a_field_that_breaks_a_rule_is_named_by_its_pointer(
    api: ApiClient, change: dict[str, Any], pointer: str
) -> None:
    body = orjson.dumps(GOOD | change).replace(b'"BIG"', str(2**63).encode())
    refused = await assert_problem(await api.post("/v1/invitations", data=body, headers=JSON), 422, "invalid")
    assert pointers(refused) == {pointer}


@pytest.mark.parametrize("key", ["", "x" * 101, "ключ"])
async def test_an_idempotency_key_is_short_and_printable(api: ApiClient, key: str) -> None:
    response = await api.post("/v1/invitations", json=GOOD, headers={"Idempotency-Key": key})
    await assert_problem(response, 422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": "ada@example.com", "customer": "c-42"},
        {"address": "ada@"},
        {"address": "+1"},
        {"customer": "c-unknown"},
        {"address": "ada@example.com", "brand": "no-such-brand"},
        {"address": "ada@example.com", "reason": "bounced"},
        {"address": "ada@example.com", "note": "line\nbreak"},
        {"address": "ada@example.com", "until": "P1D"},
    ],
    ids=str,
)
async def test_a_suppression_needs_one_subject_that_exists(api: ApiClient, body: dict[str, Any]) -> None:
    refused = await assert_problem(await api.post("/v1/suppressions", json=body), 422, "invalid")
    assert "ada@" not in str(refused)


LISTS = ["events", "decisions", "invitations", "deliveries", "responses", "suppressions"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("colour=red", "/colour"),
        ("cursor=!", "/cursor"),
        ("cursor=AAAA", "/cursor"),
        ("cursor=f_________8", "/cursor"),
    ],
)
async def test_a_query_that_breaks_a_rule_is_named_by_its_pointer(
    api: ApiClient, name: str, query: str, pointer: str
) -> None:
    refused = await assert_problem(await api.get(f"/v1/{name}?{query}"), 422, "invalid")
    assert pointers(refused) == {pointer}


@pytest.mark.parametrize(
    "query",
    [
        "events?state=done",
        "decisions?outcome=maybe",
        "invitations?state=open",
        "deliveries?channel=fax",
        "deliveries?kind=invitation",
        "responses?status=half",
        "responses?suspect=perhaps",
        "responses?updated_since=yesterday",
        "responses?updated_since=2026-11-22T12:00:00",
        "responses?updated_since=17",
        "events?updated_since=0001-01-01T00:00:00%2B14:00",
        "cases?updated_before=9999-12-31T23:59:59-14:00",
        "decisions/counts?from=17&to=18",
        "suppressions?scope=everyone",
    ],
)
async def test_a_filter_takes_its_own_words_only(api: ApiClient, query: str) -> None:
    await assert_problem(await api.get(f"/v1/{query}"), 422, "invalid")


@pytest.mark.parametrize(
    "query",
    [
        "events?state=pending",
        "events?id=ord-1",
        "invitations?state=waiting",
        "invitations?customer=c-3",
        "deliveries?state=sent",
        "deliveries?reason=poison",
        "responses?status=partial",
        "responses?suspect=false",
        "responses?customer=c-3",
        "responses?language=de",
        "cases?active=false",
        "cases?owner=mia",
        "cases?unassigned=false",
        "rewards?state=held",
        "erasures?state=requested",
    ],
)
async def test_readers_of_changes_cannot_ask_for_what_rows_may_leave(api: ApiClient, query: str) -> None:
    name = query.partition("?")[2].partition("=")[0]
    assert (await api.get(f"/v1/{query}")).status == 200
    for window in ("updated_since=2026-01-01T00:00:00Z", "updated_before=2100-01-01T00:00:00Z"):
        refused = await assert_problem(await api.get(f"/v1/{query}&{window}"), 422, "invalid")
        assert pointers(refused) == {f"/{name}"}


@pytest.mark.parametrize(
    "query", ["responses?status=finished&survey=s", "events?state=decided&type=t", "rewards?state=granted"]
)
async def test_readers_of_changes_may_ask_for_what_no_row_leaves(api: ApiClient, query: str) -> None:
    assert (await api.get(f"/v1/{query}&updated_since=2026-01-01T00:00:00Z")).status == 200


@pytest.mark.parametrize("word", ["retried", True, None, ["sent"]])
async def test_a_resolution_is_one_of_three_words(api: ApiClient, word: Any) -> None:
    response = await api.post("/v1/deliveries/dlv_1/resolve", json={"as": word})
    assert pointers(await assert_problem(response, 422, "invalid")) == {"/as"}


@pytest.mark.parametrize(
    "path", ["events/x", "invitations/x", "deliveries/x", "responses/x", "suppressions/x", "events/%00", "events/%ff"]
)
async def test_what_does_not_exist_is_not_found(api: ApiClient, path: str) -> None:
    await assert_problem(await api.get(f"/v1/{path}"), 404, "not_found")
