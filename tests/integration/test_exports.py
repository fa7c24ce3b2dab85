"""Exports: every row that the lists show, the same in each format, streamed; whoever hangs up leaves nothing behind."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pandas
import polars
import pymongo
import pytest
from pyarrow import parquet

from survey_service.api import exports
from survey_service.models.case import Case
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.event import EventState
from survey_service.models.ids import case_id, event_key, random_id
from survey_service.models.incentive import Offer
from survey_service.models.response import CallWish, ResponseStatus
from survey_service.models.survey import SurveyContent
from survey_service.parts import MAX_EXPORTS, Parts
from survey_service.store.store import Store
from tests.support.factories import NOON, make_delivery, make_event, make_invitation, make_response
from tests.support.pipeline import a_survey
from tests.support.service import ApiClient
from tests.support.waiting import until

Row = dict[str, Any]
RESOURCES = ("responses", "events", "decisions", "invitations", "deliveries", "cases")
LATER = NOON + timedelta(milliseconds=1_500)


def a_case(number: int, **changes: Any) -> Case:
    fields = {
        "id": case_id(f"rsp_{number}", "unhappy"),
        "title": "Somebody is unhappy",
        "rule": "unhappy",
        "response": f"rsp_{number}",
        "survey": "after-delivery",
        "brand": "acme",
        "customer_ref": "c-42",
        "channel": "email",
        "metric": "nps",
        "scale": "0-10",
        "score": 3,
        "due_within": "P1D",
        "due_by": LATER,
        "opened_at": NOON,
    }
    return Case.model_validate(fields | changes)


async def fill(store: Store) -> None:
    """A few rows of each kind, with everything that a row may hold and with nothing that it may miss."""
    decision = Decision(trigger="after-delivery", trigger_version=1, outcome=Outcome.SKIPPED, reason=Reason.COOLDOWN)
    decided = {"state": EventState.DECIDED, "decided_at": LATER, "received_at": LATER}
    events = [
        make_event("ord-0"),
        make_event("ord-1", **decided, decisions=(decision, decision.model_copy(update={"values": {"age": 1.5}}))),
        make_event("ord-2", **decided, reason=Reason.NO_TRIGGER, subject="parcel", extensions={"traceparent": "00-1"}),
    ]
    await store.events.insert([{**event.to_document(), "updated_at": store.clock.now()} for event in events])
    offer = Offer(incentive="thanks", name="10 % off", text={"en": "10 % off"})
    await store.invitations.insert(
        [make_invitation("ord-1"), make_invitation("ord-2", event=None, incentive=offer, sent_at=LATER)]
    )
    invitation = make_invitation()
    waiting = {"due_at": LATER, "state": DeliveryState.PLANNED}
    await store.deliveries.insert(
        [
            make_delivery(invitation, 1, **waiting),
            make_delivery(invitation, 2, **waiting, lease="somebody"),
            make_delivery(invitation, 3, channel="sms", to="+4915123456789", state=DeliveryState.SENT, sent_at=LATER),
        ]
    )
    call = CallWish(at=LATER, minutes=15, about="=the box", phone="+4915123456789")
    answers = {"nps": 9, "why": "=1+1", "also": ("box", "price"), "ok": True, "call": call}
    for response in (
        make_response("ord-1"),
        make_response("ord-2", answers=answers, comment='a "quote", a\nline', dimensions={"id": "mine", "tier": None}),
        make_response(
            "ord-3", event=None, status=ResponseStatus.PARTIAL, finished_by=None, finished_at=None, score=None
        ),
    ):
        await store.responses.save(response)
    await store.cases.insert([a_case(1), a_case(2, call=CallWish(at=LATER, minutes=5), customer_ref=None, score=None)])


async def listed(api: ApiClient, resource: str, **query: str) -> list[Row]:
    answer = await api.get(f"/v1/{resource}", params={"limit": "1000", **query})
    body = await answer.json(loads=orjson.loads)
    assert answer.status == 200, body
    return list(body["data"])


async def exported(api: ApiClient, resource: str, **query: str) -> bytes:
    answer = await api.get(f"/v1/{resource}/export", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.read()


def lines(body: bytes) -> list[Row]:
    return [orjson.loads(line) for line in body.splitlines()]


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


@pytest.mark.parametrize("resource", RESOURCES)
async def test_an_export_has_the_rows_of_the_list_in_its_order_to_the_byte(
    resource: str, store: Store, api: ApiClient
) -> None:
    await fill(store)
    rows = await listed(api, resource)
    assert len(rows) >= 2
    body = await exported(api, resource)
    assert body == b"".join(orjson.dumps(row) + b"\n" for row in rows)


@pytest.mark.parametrize("resource", RESOURCES)
async def test_every_format_has_the_same_rows_under_the_same_columns(
    resource: str, store: Store, api: ApiClient
) -> None:
    await fill(store)
    rows = await listed(api, resource)
    cells = table(await exported(api, resource, format="csv"))
    file = parquet.read_table(io.BytesIO(await exported(api, resource, format="parquet")))
    assert list(cells[0]) == file.column_names
    assert len(cells) == file.num_rows == len(rows)
    for row, line, column in zip(rows, cells, file.to_pylist(), strict=True):
        for name, value in row.items():
            if name not in line:  # a dimension of any survey: together in one cell
                assert orjson.loads(line["dimensions"])[name] == value
            elif isinstance(value, dict | list):
                assert orjson.loads(line[name]) == value
                assert orjson.loads(column[name]) == value
            elif value is None or isinstance(value, bool):
                assert (line[name], column[name]) == ("" if value is None else str(value).lower(), value)
            else:
                assert line[name].removeprefix("'") == str(value)
                assert _plain(column[name]) == (_plain(datetime.fromisoformat(value)) if _is_time(name) else value)


def _is_time(name: str) -> bool:
    return name == "time" or name == "due_by" or name.endswith(("_at", "_time"))


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


async def test_a_surveys_answers_scores_and_dimensions_are_columns_of_all_its_versions(
    store: Store, api: ApiClient
) -> None:
    await store.configuration.surveys.put("after-delivery", _survey("why", {"agent": "event.data.agent"}))
    await store.configuration.surveys.put("after-delivery", _survey("reason", {"id": "event.data.id"}))
    await store.responses.save(make_response("ord-1", dimensions={"agent": "a-7", "id": 7}))
    await store.responses.save(make_response("ord-2", survey="another"))
    (row,) = table(await exported(api, "responses", format="csv", survey="after-delivery"))
    assert [name for name in row if "." in name] == [
        "scores.nps",
        "answers.nps",
        "answers.reason",
        "answers.call",
        "answers.why",
    ]
    names = list(row)
    assert names[names.index("journey_stage") + 1 :][:3] == ["dimension_id", "agent", "channel"]
    assert (row["scores.nps"], row["answers.why"], row["answers.reason"]) == ("9", "fast", "")
    assert (row["agent"], row["dimension_id"]) == ("a-7", "7")
    body = await exported(api, "responses", format="parquet", survey="after-delivery")
    (typed,) = parquet.read_table(io.BytesIO(body)).to_pylist()
    assert (typed["scores.nps"], typed["answers.nps"], typed["dimension_id"], typed["answers.call"]) == (
        9,
        9,
        "7",
        None,
    )


def _survey(question: str, dimensions: Mapping[str, str]) -> SurveyContent:
    call = {"windows": {"mon-fri": ["09:00-17:00"]}}
    questions = [
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}},
        {"id": question, "kind": "text", "text": {"en": "Why?"}},
        {"id": "call", "kind": "call", "text": {"en": "Shall we call?"}, "call": call},
    ]
    return a_survey(questions=questions, dimensions=dimensions)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"]


@pytest.mark.parametrize("text", FORMULAS)
async def test_a_cell_that_a_spreadsheet_would_calculate_is_text(text: str, store: Store, api: ApiClient) -> None:
    await store.responses.save(make_response(comment=text, score=-3, dimensions={text: text}))
    body = await exported(api, "responses", format="csv")
    (row,) = table(body)
    assert (row["comment"], row["score"]) == ("'" + text, "-3")
    assert not any(cell.startswith(tuple("=+-@\uff1d")) for name, cell in row.items() if name != "score")


async def test_csv_is_what_rfc_4180_says(store: Store, api: ApiClient) -> None:
    await store.responses.save(make_response(comment='say "hi",\r\nthen go'))
    body = await exported(api, "responses", format="csv")
    assert b',"say ""hi"",\r\nthen go",' in body
    assert body.endswith(b"\r\n")
    assert b"\n" not in body.replace(b"\r\n", b"")
    with_mark = await exported(api, "responses", format="csv", bom="true")
    assert with_mark == b"\xef\xbb\xbf" + body


async def test_an_empty_export_is_a_whole_file(api: ApiClient) -> None:
    assert await exported(api, "responses") == b""
    assert (await exported(api, "responses", format="csv")).startswith(b"id,status,")
    empty = parquet.read_table(io.BytesIO(await exported(api, "responses", format="parquet")))
    assert (empty.num_rows, empty.column_names[0]) == (0, "id")


async def test_filters_hold_as_in_the_list(store: Store, api: ApiClient) -> None:
    await fill(store)
    for query in ({"status": "partial"}, {"suspect": "true"}, {"customer": "c-42"}, {"survey": "no-such"}):
        assert lines(await exported(api, "responses", **query)) == await listed(api, "responses", **query)
    for query in ({"outcome": "skipped"}, {"reason": "cooldown"}, {"event_type": "none.such"}):
        assert lines(await exported(api, "decisions", **query)) == await listed(api, "decisions", **query)
    for query in ({"active": "true"}, {"customer": "c-42"}, {"state": "closed"}):
        assert lines(await exported(api, "cases", **query)) == await listed(api, "cases", **query)


@pytest.mark.parametrize("resource", RESOURCES)
async def test_what_changed_is_read_oldest_first_once_it_is_settled(
    resource: str, store: Store, api: ApiClient
) -> None:
    await fill(store)
    since = {"updated_since": "2020-01-01T00:00:00Z"}
    assert await exported(api, resource, **since) == b""
    store.clock.shift += timedelta(seconds=10)
    rows = lines(await exported(api, resource, **since))
    assert len(rows) >= 2
    if resource == "decisions":  # whose list cannot be read by what changed
        assert sorted(map(orjson.dumps, rows)) == sorted(map(orjson.dumps, await listed(api, resource)))
    else:
        assert rows == await listed(api, resource, **since)
    assert await exported(api, resource, **since, updated_before="2020-01-02T00:00:00Z") == b""
    assert await exported(api, resource, updated_before="2020-01-02T00:00:00Z") == b""
    assert lines(await exported(api, resource, updated_before="2100-01-01T00:00:00Z")) == rows


async def test_decisions_about_a_forgotten_person_are_tombstones_with_the_time_of_their_change(
    store: Store, api: ApiClient
) -> None:
    await fill(store)
    gone = {"customer": "c-42", "event_id": "", "erased_at": LATER, "updated_at": LATER}
    await store.database["events"].update_one({"event_id": "ord-1"}, {"$set": gone})
    rows = lines(await exported(api, "decisions", updated_since="2020-01-01T00:00:00Z"))
    key = event_key("/shop/berlin", "ord-1")
    at = LATER.isoformat().replace("+00:00", "Z")
    tombstones = [{"id": f"{key}#{number}", "erased": True, "updated_at": at} for number in (0, 1)]
    assert rows == tombstones
    assert [row for row in await listed(api, "decisions") if row.get("erased")] == tombstones
    (other,) = [row for row in await listed(api, "decisions") if not row.get("erased")]
    assert other["updated_at"] > at
    marked = [(row["id"], row["erased"]) for row in table(await exported(api, "decisions", format="csv"))]
    assert sorted(marked) == sorted([(row["id"], "true") for row in tombstones] + [(other["id"], "")])


async def test_the_answer_is_packed_for_those_who_ask(store: Store, api: ApiClient) -> None:
    await fill(store)
    plain = await api.get("/v1/responses/export", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert (plain.headers["Content-Type"], plain.headers["Transfer-Encoding"]) == ("application/x-ndjson", "chunked")
    assert plain.headers["Content-Disposition"] == 'attachment; filename="responses.ndjson"'
    packed = await api.get("/v1/responses/export", headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await packed.read()) == await plain.read()


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"format": "xml"}, "/format"),
        ({"limit": "5"}, "/limit"),
        ({"updated_since": "now"}, "/updated_since"),
        ({"updated_since": "2026-01-01T00:00:00Z", "suspect": "false"}, "/suspect"),
    ],
)
async def test_a_wrong_query_is_refused(query: dict[str, str], pointer: str, api: ApiClient) -> None:
    answer = await api.get("/v1/responses/export", params=query)
    assert answer.status == 422
    assert (await answer.json(content_type=None))["errors"][0]["pointer"] == pointer


async def test_where_pyarrow_is_missing_the_answer_says_what_to_install(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    answer = await api.get("/v1/responses/export", params={"format": "parquet"})
    assert answer.status == 422
    assert "pip install survey-service[parquet]" in (await answer.json(content_type=None))["detail"]


async def put_many(store: Store, count: int) -> None:
    """Responses as large as they get, straight into the collection."""
    text = "It came early, in one piece. " * 100
    document = make_response(comment=text, answers={"nps": 9, "why": text}).to_document()
    documents = [{**document, "_id": random_id("rsp"), "updated_at": NOON} for _ in range(count)]
    await store.database["responses"].insert_many(documents)


async def test_a_caller_who_hangs_up_ends_the_cursor(store: Store, api: ApiClient, mongodb_uri: str) -> None:
    await put_many(store, 5_000)
    answer = await api.get("/v1/responses/export")
    assert await answer.content.readexactly(1_000)

    with pymongo.MongoClient[Row](mongodb_uri) as client:

        async def open_cursors() -> list[Row]:
            idle = {"type": "idleCursor", "ns": store.database["responses"].full_name}
            return list(client.admin.aggregate([{"$currentOp": {"idleCursors": True}}, {"$match": idle}]))

        assert await until(open_cursors, "the export is waiting for its reader")
        answer.close()

        async def is_gone() -> bool:
            return not await open_cursors()

        assert await until(is_gone, "the cursor is gone")


async def test_only_so_many_exports_are_made_at_a_time(store: Store, api: ApiClient) -> None:
    await put_many(store, 5_000)
    slow = [await api.get("/v1/responses/export") for _ in range(MAX_EXPORTS)]
    refused = await api.get("/v1/responses/export")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
    for answer in slow:
        answer.close()

    async def has_room() -> bool:
        return (await api.get("/v1/events/export")).status == 200

    assert await until(has_room, "a place is free")


async def test_a_caller_who_reads_nothing_is_let_go_and_sees_that_it_has_half(
    store: Store, api: ApiClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "STALLED_SECONDS", 0.2)
    for _ in range(MAX_EXPORTS - 1):
        await parts.exporting.acquire()
    await put_many(store, 5_000)
    answer = await api.get("/v1/responses/export", headers={"Accept-Encoding": "identity"})
    assert parts.exporting.locked()

    async def is_let_go() -> bool:
        return not parts.exporting.locked()

    assert await until(is_let_go, "the place is free again")
    with pytest.raises(aiohttp.ClientError):
        await answer.read()


async def test_pandas_and_polars_read_every_format(store: Store, api: ApiClient) -> None:
    await fill(store)
    as_json, as_csv, as_parquet = [
        io.BytesIO(await exported(api, "responses", format=name)) for name in ("ndjson", "csv", "parquet")
    ]
    frames = (pandas.read_json(as_json, lines=True), pandas.read_csv(as_csv), pandas.read_parquet(as_parquet))
    assert [frame["score"].sum() for frame in frames] == [18, 18, 18]
    as_csv.seek(0)
    as_parquet.seek(0)
    assert [polars.read_csv(as_csv)["score"].sum(), polars.read_parquet(as_parquet)["score"].sum()] == [18, 18]


async def test_a_head_request_reads_no_rows(store: Store, api: ApiClient) -> None:
    await fill(store)
    answer = await api.head("/v1/responses/export", params={"format": "csv"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8; header=present")
    assert await answer.read() == b""
