"""Erasure: a person who asked to be forgotten is nowhere any more, and what was counted still counts."""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pyarrow import parquet

from survey_service.intake.erasing import ask_to_erase
from survey_service.intake.receiving import Fate
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.erasure import ErasureState
from survey_service.models.invitation import InvitationState
from survey_service.models.suppression import SuppressionReason
from survey_service.store.claims import Claims
from survey_service.wiring import create_app
from tests.support.cases import answer
from tests.support.lives import (
    CUSTOMER,
    OLD_PHONE,
    PHONE,
    SECRETS,
    WORDS,
    dump,
    erase,
    finds,
    go_on,
    has_lived,
    was_known_before,
    writes_back,
)
from tests.support.pipeline import NAME, Pipeline, an_event
from tests.support.service import ApiClient, client_of
from tests.support.texting import Texting

LONG_AGO = "2020-01-01T00:00:00Z"
PATHS = ("responses", "events", "decisions", "invitations", "deliveries", "cases")


@asynccontextmanager
async def api_of(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    parts = pipeline.service.parts
    _, secret = await parts.store.api_keys.create("test", tuple(_all_scopes()))
    async with client_of(create_app(parts), secret) as client:
        yield client


def _all_scopes() -> Iterator[Any]:
    from survey_service.models.api_key import Scope

    yield from Scope


async def copies(pipeline: Pipeline) -> dict[str, str]:
    """Whatever a list or an export shows, by its address, as text in lower case."""
    found = {}
    async with api_of(pipeline) as api:
        for path in PATHS:
            queries = ["format=ndjson", "format=csv", "format=parquet", f"format=ndjson&updated_since={LONG_AGO}"]
            if path == "responses":
                queries += [f"format=csv&survey={NAME}", f"format=parquet&survey={NAME}"]
            for address in (*(f"/v1/{path}/export?{query}" for query in queries), f"/v1/{path}?limit=1000"):
                answer = await api.get(address)
                assert answer.status == 200, address
                found[address] = as_text(await answer.read()).lower()
        for path in ("", "/export", "/notes"):
            answer = await api.get(f"/v1/customers/{CUSTOMER['id']}{path}")
            found[path] = (await answer.text()).lower() if answer.status == 200 else ""
    return found


def as_text(body: bytes) -> str:
    """What a body says; Parquet is packed, so that nothing could be found in its bytes."""
    return str(parquet.read_table(io.BytesIO(body)).to_pylist()) if body.startswith(b"PAR1") else body.decode()


async def test_after_an_erasure_no_collection_no_log_and_no_export_holds_anything_of_the_person(
    texting: Texting, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, store = texting.pipeline, texting.store
    await was_known_before(texting)
    customer = await has_lived(texting)
    unanswered = await writes_back(pipeline)
    before = await finds(store)
    everywhere = {"events", "customers", "invitations", "deliveries", "responses", "cases", "webhook_calls", "digests"}
    assert before.keys() >= everywhere | {"inbound_texts", "mails", "sandbox_messages", "sandbox_texts"}
    rows = await pipeline.deliveries()
    assert len([row for row in rows if row.to == OLD_PHONE]) == 3, "what was said to a number that she had"
    assert len([row for row in rows if unanswered in row.responses]) == 1, "what our people were told of a mail"
    assert await store.database["digests"].count_documents({"items.response": unanswered}) == 1
    pipeline.pass_time(timedelta(seconds=10))
    shown = await copies(pipeline)
    silent = [address for address, text in shown.items() if not any(secret in text for secret in SECRETS)]
    assert all(address.startswith("/v1/deliveries") for address in silent), "whose addresses are masked"
    await erase(pipeline, customer)
    assert await finds(store) == {}
    # Our own id of her is made of hers, and would lead whoever knows that back to the rows.
    assert [name for name, raw in (await dump(store)).items() if customer.lower().encode() in raw] == []
    pipeline.pass_time(timedelta(seconds=10))
    for address, text in (await copies(pipeline)).items():
        assert [secret for secret in (*SECRETS, customer.lower()) if secret in text] == [], address
    # A line of log cannot be taken back: none may ever have held anything of her.
    printed = "".join(capsys.readouterr()).lower()
    assert "erasure.done" in printed
    assert [secret for secret in SECRETS if secret in printed] == []


async def test_what_was_counted_still_counts(texting: Texting) -> None:
    customer = await has_lived(texting)
    (before,) = await texting.pipeline.responses()
    await erase(texting.pipeline, customer)
    (after,) = await texting.pipeline.responses()
    kept = ("id", "score", "scores", "measures", "status", "survey", "channel", "started_at", "finished_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (after.answers, after.dimensions) == ({"nps": 3}, {"agent": "a-7"})
    assert after.erased_at is not None
    assert after.event is not None
    assert (after.event.key, after.event.type) == (before.event and before.event.key, "order.delivered")


async def test_readers_of_changes_see_a_tombstone_of_each_row(texting: Texting) -> None:
    pipeline = texting.pipeline
    customer = await has_lived(texting)
    began = pipeline.clock.now() - timedelta(seconds=1)  # MongoDB's clock stands still for some milliseconds at a time
    await erase(pipeline, customer)
    pipeline.pass_time(timedelta(seconds=10))
    async with api_of(pipeline) as api:
        for path, name in (("responses", "id"), ("events", "key"), ("invitations", "id"), ("cases", "id")):
            answer = await api.get(f"/v1/{path}", params={"updated_since": began.isoformat()})
            rows = [row for row in (await answer.json(loads=orjson.loads))["data"] if row.get("erased")]
            assert rows, path
            assert all(row.keys() == {name, "erased", "updated_at"} for row in rows)
            lines = await (await api.get(f"/v1/{path}/export", params={"updated_since": began.isoformat()})).read()
            assert [row for line in lines.splitlines() if (row := orjson.loads(line)).get("erased")] == rows
            one = await api.get(f"/v1/{path}/{rows[0][name]}")
            assert one.status == 404


async def test_a_replayed_event_of_an_erased_person_is_a_duplicate_and_asks_nobody(texting: Texting) -> None:
    pipeline = texting.pipeline
    customer = await has_lived(texting)
    await erase(pipeline, customer)
    left = len(pipeline.letters())
    data = {"agent": "a-7", "delivered_to": "flat above the bakery"}
    posted = an_event("ord-parrot-1", dict(CUSTOMER), data=data, subject="for Ottilie")
    imported = an_event("ord-parrot-0", dict(CUSTOMER), data=data, type="order.placed")
    assert await pipeline.post(posted, imported) == [Fate.DUPLICATE, Fate.DUPLICATE]
    await pipeline.run()
    assert len(pipeline.letters()) == left
    assert await finds(texting.store) == {}


async def test_the_opt_out_outlives_the_person(texting: Texting) -> None:
    pipeline = texting.pipeline
    customer = await has_lived(texting)
    await erase(pipeline, customer)
    left = len(pipeline.letters())
    await pipeline.handle(an_event("ord-new", {"id": "another-id", "email": CUSTOMER["email"]}))
    assert (await pipeline.decision("ord-new")).reason is Reason.SUPPRESSED
    assert len(pipeline.letters()) == left
    assert {row[2] for row in await texting.suppressions()} == {SuppressionReason.ERASED}


async def test_what_waits_is_cancelled_first_and_open_links_are_closed(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    await pipeline.configure(delay="PT1H")
    await pipeline.handle(an_event("ord-1", dict(CUSTOMER)))
    token = await pipeline.token()
    (person,) = await pipeline.customers()
    await erase(pipeline, person.id)
    row = await pipeline.invitation()
    assert (row.state, row.reason, row.customer, row.recipient.email) == (
        InvitationState.CANCELLED,
        Reason.ERASED,
        "",
        None,
    )
    pipeline.pass_time(timedelta(hours=2))
    await pipeline.run()
    assert pipeline.letters() == []
    assert (await pipeline.service.parts.recording.submit_token(token, {"nps": "9"})).taken is False
    assert await store.database["responses"].count_documents({}) == 0


async def test_a_half_given_answer_is_closed_with_its_link(texting: Texting) -> None:
    pipeline = texting.pipeline
    await pipeline.configure()
    await pipeline.handle(an_event("ord-1", dict(CUSTOMER)))
    token = await pipeline.token()
    await answer(pipeline, token, nps="3", why=WORDS)
    await erase(pipeline, (await pipeline.customers())[0].id)
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED
    assert (await pipeline.service.parts.recording.submit_token(token, {"fix": WORDS})).taken is False
    (row,) = await pipeline.responses()
    assert (row.score, row.answers, row.comment) == (3, {"nps": 3}, None)


async def test_nobody_else_is_touched(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    customer = await has_lived(texting)
    await pipeline.handle(an_event("ord-bob", {"id": "c-bob", "name": "Bob", "email": "bob@example.com"}))
    imported = an_event("old-bob", {"id": "c-bob", "email": CUSTOMER["email"]}, type="order.placed")
    await pipeline.post(imported, decide=False)

    async def others() -> list[Mapping[str, Any]]:
        rows = []
        for name in ("events", "invitations", "deliveries", "customers"):
            which = {"$or": [{"customer_ref": "c-bob"}, {"data.customer.id": "c-bob"}, {"keys": "id:c-bob"}]}
            rows += [row async for row in store.database[name].find(which, {"conflicts": 0, "updated_at": 0})]
        return rows

    before = await others()
    await erase(pipeline, customer)
    assert await others() == before


async def test_whoever_shares_an_address_keeps_it_and_forgets_whom_they_share_it_with(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    customer = await has_lived(texting)
    await pipeline.handle(an_event("ord-bob", {"id": "c-bob", "email": "bob@example.com", "phone": PHONE}))
    (bob,) = [row for row in await pipeline.customers() if row.id != customer]
    assert [conflict.other for conflict in bob.conflicts] == [customer]
    await erase(pipeline, customer)
    (after,) = await pipeline.customers()
    assert (after.conflicts, after.profile) == ((), bob.profile)
    assert [name for name, raw in (await dump(store)).items() if customer.lower().encode() in raw] == []


@pytest.mark.parametrize("crash_after", [0, 1, 3, 5, 7, 9, 11])
async def test_an_erasure_that_is_cut_off_anywhere_is_taken_up_again(
    crash_after: int, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's connection breaks at the n-th blanking of rows; whoever claims the erasure next ends it."""
    pipeline = texting.pipeline
    customer = await has_lived(texting)
    from survey_service.store import forgetting

    calls, real = itertools.count(), forgetting.Forgetting.forget_rows

    async def cut_off(self: Any, *arguments: Any, **more: Any) -> int:
        if next(calls) == crash_after:
            raise RuntimeError("the worker is gone")
        return await real(self, *arguments, **more)

    monkeypatch.setattr(forgetting.Forgetting, "forget_rows", cut_off)
    await ask_to_erase(pipeline.store, pipeline.service.parts.bells, customer, "key_1")
    await pipeline.run()
    pipeline.pass_time(timedelta(seconds=1))
    await pipeline.run()
    pipeline.pass_time(timedelta(minutes=1))
    await go_on(pipeline)
    assert next(calls) > crash_after
    assert await finds(texting.store) == {}


async def test_an_erasure_waits_for_whoever_works_on_a_row_of_the_person(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    customer = await has_lived(texting)
    rows = store.database["deliveries"]
    (held, *_) = [row async for row in rows.find({"customer": customer, "state": DeliveryState.SENT})]
    await rows.update_one({"_id": held["_id"]}, {"$set": {"lease": "somebody"}})
    await ask_to_erase(store, pipeline.service.parts.bells, customer, "key_1")
    await pipeline.run()
    assert (await store.customers.get_many([customer]))[customer].profile.name == CUSTOMER["name"]
    await rows.update_one({"_id": held["_id"]}, {"$set": {"lease": None}})
    await go_on(pipeline)
    assert await finds(store) == {}


async def test_the_api_tells_how_far_it_came_and_nothing_of_whom(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    customer = await has_lived(texting)
    async with api_of(pipeline) as api:
        assert (await api.delete("/v1/customers/nobody")).status == 404
        asked = await api.delete("/v1/customers/kd-884422")
        assert asked.status == 202
        body = await asked.json()
        assert (body["state"], body["done_at"]) == ("requested", None)
        again = await api.delete(f"/v1/customers/{customer}")
        assert (await again.json())["id"] == body["id"]
        await go_on(pipeline)
        read = await (await api.get(asked.headers["Location"])).json()
        assert (read["id"], read["state"], read.keys()) == (body["id"], "done", body.keys())
        assert read["done_at"] is not None
        listed = await (await api.get("/v1/erasures", params={"state": "done"})).json()
        assert [row["id"] for row in listed["data"]] == [body["id"]]
        assert (await api.get("/v1/erasures/era_1")).status == 404
        assert (await api.delete(f"/v1/customers/{customer}")).status == 404
    erasure = await store.erasures.get(body["id"])
    assert erasure is not None
    assert (erasure.state, erasure.customer) == (ErasureState.DONE, None)
    assert isinstance(store.erasures.claims, Claims)
