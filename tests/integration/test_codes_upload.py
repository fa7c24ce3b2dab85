"""Filling pools: over HTTP and from the command line, line by line, any number of times, in bounded memory."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientPayloadError
from rich.console import Console

from survey_service.api.code_import import MAX_LINE_BYTES, MOST_PROBLEMS, CodeFormat, import_codes
from survey_service.cli.codes import import_code_file
from survey_service.errors import InvalidInput
from survey_service.models.api_key import Scope
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client
from tests.support.thanking import VOUCHER, promised, put_incentive

PATH = f"/v1/incentives/{VOUCHER}/codes"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def pool(store: Store) -> str:
    """The pool of an incentive, empty."""
    return (await put_incentive(store)).id


async def post(api: ApiClient, body: Any, headers: dict[str, str] = CSV) -> dict[str, Any]:
    response = await api.post(PATH, data=body, headers=headers)
    answer: dict[str, Any] = await response.json()
    assert response.status == 200, answer
    return answer


async def counts(api: ApiClient) -> tuple[int, int]:
    body = await (await api.get(PATH)).json()
    return body["left"], body["used"]


async def stored(store: Store) -> set[str]:
    return {document["code"] async for document in store.database["codes"].find()}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("A-1\nB-2\nC-3\n", CSV),
        ("A-1\nB-2\nC-3", CSV),
        ("code\nA-1\nB-2\nC-3\n", CSV),
        ("\ufeffCode\r\nA-1\r\n\r\n B-2 \r\nC-3\r\n", CSV),
        ('"code"\n"A-1"\n"B-2"\nC-3\n', CSV),
        ("id,code,note\n1,A-1,x\n2,B-2,\n3,C-3\n", CSV),
        ('{"code":"A-1"}\n\n{"code": "B-2"}\n{"code":"C-3"}', NDJSON),
    ],
)
async def test_codes_come_in_a_column_or_as_objects(
    api: ApiClient, store: Store, pool: str, body: str, headers: dict[str, str]
) -> None:
    assert await post(api, body.encode(), headers) == {"added": 3, "present": 0, "refused": 0, "problems": []}
    assert await stored(store) == {"A-1", "B-2", "C-3"}
    assert await counts(api) == (3, 0)


@pytest.mark.parametrize(
    ("line", "headers", "message"),
    [
        (b"A 1", CSV, "white space"),
        ("A\u00a01".encode(), CSV, "white space"),
        (b"A\x1b1", CSV, "signs that cannot be seen"),
        ("A\u200b1".encode(), CSV, "signs that cannot be seen"),
        (b"A\xff", CSV, "is not UTF-8"),
        (b"A,B", CSV, "2 cells"),
        (b'"A', CSV, "not a line of CSV"),
        (b'""', CSV, "an empty code"),
        (b"A" * 101, CSV, "more than 100 characters"),
        (b"A" * (MAX_LINE_BYTES + 1), CSV, "longer than"),
        (b"A" * 200_000, CSV, "longer than"),
        (b'{"code":7}', NDJSON, "is not of the form"),
        (b'{"code":"A","note":"x"}', NDJSON, "is not of the form"),
        (b'{"code":"A","code":"B"}', NDJSON, "is not JSON"),
        (b'["A"]', NDJSON, "is not of the form"),
        (b"A-1", NDJSON, "is not JSON"),
    ],
)
async def test_a_bad_line_is_named_without_its_words_and_harms_no_other(
    api: ApiClient, pool: str, line: bytes, headers: dict[str, str], message: str
) -> None:
    first, last = (b"first", b"last") if headers is CSV else (b'{"code":"first"}', b'{"code":"last"}')
    body = await post(api, b"\n".join([first, line, last]), headers)
    assert (body["added"], body["refused"]) == (2, 1)
    (problem,) = body["problems"]
    assert problem["line"] == 2
    assert message in problem["message"]
    assert "A1" not in problem["message"]


async def test_of_many_bad_lines_the_first_are_named_and_all_are_counted(api: ApiClient, pool: str) -> None:
    body = await post(api, b"a b\n" * 300)
    assert (body["refused"], len(body["problems"])) == (300, MOST_PROBLEMS)


async def test_a_copy_is_counted_and_added_once(api: ApiClient, pool: str) -> None:
    assert (await post(api, b"A-1\nA-1\nB-2\n"))["present"] == 1
    assert await post(api, b"B-2\nC-3\n") == {"added": 1, "present": 1, "refused": 0, "problems": []}
    assert await counts(api) == (3, 0)


async def test_a_code_that_was_given_does_not_come_back_by_a_second_upload(
    api: ApiClient, parts: Parts, pool: str
) -> None:
    await post(api, b"A-1\n")
    await parts.granting.grant(await promised(parts.store, 1))
    assert (await post(api, b"A-1\n"))["present"] == 1
    assert await counts(api) == (0, 1)


async def test_several_columns_need_one_that_is_called_code(api: ApiClient, pool: str) -> None:
    response = await api.post(PATH, data=b"id,voucher\n1,A-1\n", headers=CSV)
    assert (await assert_problem(response, 422, "invalid"))["errors"][0]["rule"] == "columns"


async def test_only_the_codes_that_nobody_has_are_deleted(api: ApiClient, parts: Parts, pool: str) -> None:
    await post(api, b"A-1\nB-2\nC-3\n")
    await parts.granting.grant(await promised(parts.store, 1))
    answer = await api.delete(PATH)
    assert await answer.json() == {"deleted": 2}
    assert await counts(api) == (0, 1)
    assert (await (await api.get(f"/v1/incentives/{VOUCHER}")).json())["codes_left"] == 0


async def test_only_unique_codes_have_a_pool(api: ApiClient, store: Store) -> None:
    await assert_problem(await api.post(PATH, data=b"A-1\n", headers=CSV), 404, "not_found")
    await put_incentive(store, kind="gesture")
    await assert_problem(await api.post(PATH, data=b"A-1\n", headers=CSV), 409, "conflict")
    await assert_problem(await api.get(PATH), 409, "conflict")


async def test_other_bodies_are_refused(api: ApiClient, pool: str) -> None:
    await assert_problem(await api.post(PATH, json=[]), 415, "unsupported_media")
    gzipped = {**CSV, "Content-Encoding": "gzip"}
    await assert_problem(await api.post(PATH, data=b"A-1\n", headers=gzipped), 415, "unsupported_media")


@pytest.mark.parametrize("method", ["post", "delete"])
async def test_reading_does_not_allow_to_change(parts: Parts, pool: str, method: str) -> None:
    async with api_client(parts, Scope.REWARDS_READ) as reader:
        await assert_problem(await getattr(reader, method)(PATH), 403, "forbidden")
        assert (await reader.get(PATH)).status == 200


async def lines(count: int) -> AsyncIterator[bytes]:
    for start in range(0, count, 500):
        yield b"".join(b"CODE-%07d\n" % number for number in range(start, min(start + 500, count)))


async def test_a_caller_who_accepts_lines_is_told_the_progress(api: ApiClient, pool: str) -> None:
    response = await api.post(PATH, data=lines(25_000), headers={**CSV, "Accept": "application/x-ndjson"})
    told = [orjson.loads(line) async for line in response.content]
    assert [(line["added"], line.get("done")) for line in told] == [(10_000, None), (20_000, None), (25_000, True)]


async def test_an_upload_that_breaks_off_can_be_sent_again(api: ApiClient, store: Store, pool: str) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for chunk in lines(5_000):
            yield chunk
        raise ConnectionResetError

    with pytest.raises((ConnectionResetError, ClientPayloadError, OSError)):
        await api.post(PATH, data=broken(), headers=CSV)
    body = await post(api, lines(6_000))
    assert body["added"] + body["present"] == 6_000
    assert await counts(api) == (6_000, 0)


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
async def test_many_codes_need_as_little_memory_as_few(store: Store, pool: str, count: int) -> None:
    await upload_within(store, count, 12 * 1024 * 1024)


async def upload_within(store: Store, count: int, most: int) -> None:
    """Fill the pool; at no time more than `most` bytes are in use beyond what there was."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        async for step in import_codes(lines(count), CodeFormat.CSV, VOUCHER, store.codes):
            last = step
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert last.shown().added == count
    assert await store.codes.count(VOUCHER) == (count, 0)
    assert peak < most


async def test_a_take_reads_a_handful_of_entries_however_many_codes_there_are(store: Store, pool: str) -> None:
    codes = [f"A-{number}" for number in range(5_000)]
    for start in range(0, len(codes), 1_000):
        await store.codes.add(VOUCHER, codes[start : start + 1_000])
    query = {"pool": VOUCHER, "free": True, "_id": {"$gte": "cod_A"}}
    plan = await store.database["codes"].find(query).sort("_id", 1).limit(1).explain()
    assert plan["executionStats"]["totalKeysExamined"] <= 2
    assert plan["executionStats"]["totalDocsExamined"] <= 2


@pytest.mark.parametrize("there_are", [100, pytest.param(1_000, marks=pytest.mark.long)])
async def test_ten_times_as_many_takes_at_once_as_codes(store: Store, pool: str, there_are: int) -> None:
    await store.codes.add(VOUCHER, [f"A-{number}" for number in range(there_are)])
    claims = [f"rwd_{number}" for number in range(10 * there_are)]
    taken = dict(zip(claims, await asyncio.gather(*(store.codes.take(VOUCHER, one) for one in claims)), strict=True))
    winners = {one: code for one, code in taken.items() if code is not None}
    assert len(winners) == len(set(winners.values())) == there_are
    again = await asyncio.gather(*(store.codes.take(VOUCHER, one) for one in winners))
    assert dict(zip(winners, again, strict=True)) == winners


async def test_the_same_claim_at_once_takes_one_code(store: Store, pool: str) -> None:
    await store.codes.add(VOUCHER, [f"A-{number}" for number in range(100)])
    taken = await asyncio.gather(*(store.codes.take(VOUCHER, "rwd_1") for _ in range(50)))
    assert len(set(taken)) == 1
    assert await store.codes.count(VOUCHER) == (99, 1)


@pytest.mark.parametrize("name", ["codes.csv", "codes.ndjson"])
async def test_a_file_is_imported_with_a_word_on_each_bad_line(
    parts: Parts, pool: str, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    rows = [f"A-{number}" if name.endswith("csv") else f'{{"code":"A-{number}"}}' for number in range(1_500)]
    rows[700] = "a b"
    file.write_text("\n".join(rows), encoding="utf-8")
    said = io.StringIO()
    for added in (1_499, 0):
        with file.open("rb") as stream:
            done = await import_code_file(stream, VOUCHER, parts.store, parts.granting, Console(file=said, width=200))
        assert (done.added, done.present, done.refused) == (added, 1_499 - added, 1)
    assert said.getvalue().count("line 701: ") == 2
    assert (await parts.store.incentive_states.get_many([VOUCHER]))[VOUCHER].left == 1_499


async def test_a_file_needs_an_incentive_with_codes(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("A-1\n")
    with (tmp_path / "codes.csv").open("rb") as stream, pytest.raises(InvalidInput):
        await import_code_file(stream, "unknown", parts.store, parts.granting, Console(file=io.StringIO()))
