"""After an erasure: whoever was forgotten stays so, and what belongs to no customer can be forgotten too."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.answering.opting_out import Choice
from survey_service.intake.erasing import ask_to_erase, erase_again
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryKind
from survey_service.models.erasure import ErasureState, Traces
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.store.belongings import Rows, rows_at, rows_of_person, rows_of_response
from survey_service.store.store import Store
from survey_service.store.suppressions import person_suppression
from survey_service.tokens import OptOutSubject
from survey_service.wiring import create_app
from tests.support.cases import put_people, put_rule, the_case
from tests.support.factories import NOON, make_response
from tests.support.lives import CUSTOMER, OLD_EMAIL, OLD_PHONE, dump, erase, go_on, was_known_before, write_back
from tests.support.pipeline import Pipeline, a_customer, a_request, an_event
from tests.support.problems import assert_problem
from tests.support.public_links import configure_link, open_page, send
from tests.support.service import ApiClient, api_client, client_of
from tests.support.texting import Texting

STRANGER = "+4915199999999"
WORDS = "the grey parrot"


async def finds(store: Store, *words: str) -> set[str]:
    """In which collections any of these words stands."""
    return {name for name, raw in (await dump(store)).items() if any(word.encode() in raw for word in words)}


async def test_who_was_forgotten_is_asked_at_no_former_address_and_by_no_later_id(texting: Texting) -> None:
    pipeline = texting.pipeline
    await was_known_before(texting)
    await pipeline.configure(channels=("email", "sms"))
    newest = {"id": CUSTOMER["id"], "email": "o.newest@example.com", "phone": "+4915203334455"}
    await pipeline.handle(an_event("ord-3", newest, type="order.placed"))
    await erase(pipeline, (await pipeline.customers())[0].id)
    back: list[dict[str, Any]] = [{"email": each} for each in (OLD_EMAIL, OLD_EMAIL.upper(), newest["email"])]
    back += [{"phone": each} for each in (OLD_PHONE, newest["phone"])]
    back += [{"id": CUSTOMER["id"], "email": "new.altogether@example.com"}]
    for number, who in enumerate(back):
        await pipeline.handle(an_event(f"back-{number}", who))
        assert (await pipeline.decision(f"back-{number}")).reason is Reason.SUPPRESSED, who
    await pipeline.handle(an_event("other", a_customer("bob")))
    assert (await pipeline.decision("other")).reason is not Reason.SUPPRESSED


async def test_an_address_that_was_under_way_while_somebody_was_silenced_is_silenced_too(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event("ord-1", a_customer()))
    (ada,) = await pipeline.customers()
    await ask_to_erase(pipeline.store, pipeline.service.parts.bells, ada.id, "key_1")
    await pipeline.run()
    await pipeline.store.customers.add_key(ada.id, "email:ada.newer@example.com")
    await go_on(pipeline)
    await pipeline.handle(an_event("ord-2", {"email": "ada.newer@example.com"}))
    assert (await pipeline.decision("ord-2")).reason is Reason.SUPPRESSED


async def test_who_came_back_with_a_backup_is_erased_again_and_nobody_else(pipeline: Pipeline) -> None:
    store, parts = pipeline.store, pipeline.service.parts
    await pipeline.configure()
    await pipeline.handle(an_event("ord-1", a_customer()), an_event("ord-2", a_customer("bob")))
    ada, bob = sorted(await pipeline.customers(), key=lambda row: row.ref)
    backup = {name: await store.database[name].find().to_list(length=None) for name in ("customers", "events")}
    stopped = person_suppression(parts.keyring, ada.id, EVERY_BRAND, SuppressionReason.STOP, NOON)
    await store.suppressions.insert([stopped])
    await erase(pipeline, ada.id)
    for name, rows in backup.items():
        await store.database[name].delete_many({})
        await store.database[name].insert_many(rows)
    assert await finds(store, "ada@example.com") == {"customers", "events"}
    assert await erase_again(store, parts.keyring, parts.bells, "erase-again") == 1
    await go_on(pipeline)
    assert await finds(store, "ada@example.com") == set()
    assert [row.id for row in await pipeline.customers()] == [bob.id]
    assert await erase_again(store, parts.keyring, parts.bells, "erase-again") == 0


async def test_a_mail_that_answers_a_tombstone_is_taken_and_forgotten(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    row = await pipeline.delivery()
    await erase(pipeline, (await pipeline.customers())[0].id)
    raw = f"From: ada@example.com\r\nIn-Reply-To: <{row.id}@acme.example>\r\n\r\n{WORDS}\r\n"
    async with api_client(pipeline.service.parts) as api:
        headers = {"Content-Type": "message/rfc822"}
        reply = await (await api.post("/callbacks/email/inbound", data=raw.encode(), headers=headers)).json()
    assert reply == {"taken": "unknown", "mail": None, "delivery": None}
    assert await pipeline.store.database["mails"].count_documents({}) == 0


async def test_a_mail_that_comes_meanwhile_writes_nothing_into_an_erased_case(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await put_people(pipeline, mia={})
    await put_rule(pipeline)
    await pipeline.handle(an_event())
    await pipeline.service.parts.recording.submit_token(await pipeline.token(), {"nps": "2"})
    await pipeline.run()
    asked = next(row for row in await pipeline.deliveries() if row.kind is DeliveryKind.INVITE)
    case = await the_case(pipeline)
    await erase(pipeline, (await pipeline.customers())[0].id)
    await write_back(pipeline, asked, WORDS, case=case.id)
    assert (await the_case(pipeline)).notes == ()
    assert await finds(pipeline.store, WORDS) == {"mails"}


async def test_the_way_out_of_somebody_who_was_forgotten_leaves_no_trace(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    (ada,) = await pipeline.customers()
    parts = pipeline.service.parts
    path = f"/u/{parts.keyring.opt_out_token(OptOutSubject('acme', ada.id))}"
    await erase(pipeline, ada.id)
    async with client_of(create_app(parts)) as visitor:
        answer = await visitor.get(path, headers={"User-Agent": "Mozilla/5.0"})
        assert (answer.status, Choice.LESS.value in await answer.text()) == (200, False)
    assert await parts.store.visits.recent([ada.id], "", NOON) == frozenset()
    assert parts.store.visits._waiting == {}


async def test_what_was_said_once_can_no_longer_be_guessed(pipeline: Pipeline) -> None:
    await pipeline.configure()
    asked = await pipeline.invite(idempotency_key="k-1", content_hash="f" * 64)
    await pipeline.handle(an_event())
    before = (await pipeline.event()).content_hash
    for person in await pipeline.customers():
        await erase(pipeline, person.id)
    assert await finds(pipeline.store, before, "f" * 64) == set()
    again = await pipeline.service.parts.direct.invite(a_request(idempotency_key="k-1", content_hash="f" * 64))
    assert (again.created, again.invitation.id) == (False, asked.invitation.id)


HER = Traces(keys=("id:c-1", f"phone:{STRANGER}"), addresses=(STRANGER, "zoe@example.com"))


@pytest.mark.parametrize("rows", [rows_of_person("cus_1", HER), rows_at(HER), rows_of_response("rsp_1")])
async def test_what_is_to_be_forgotten_is_found_by_indexes(rows: Rows, store: Store) -> None:
    for name, which in rows.items():
        looked_for = {"find": name, "filter": {"$and": [which, {"erased_at": None}]}}
        plan = await store.database[name].database.command("explain", looked_for, verbosity="queryPlanner")
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), name


@pytest.fixture
async def strange(texting: Texting) -> Texting:
    """Somebody who is no customer asked for help, and said something."""
    for text in ("HELP", WORDS):
        await texting.receive(text, phone=STRANGER)
    await texting.pipeline.run()
    assert await finds(texting.store, STRANGER, WORDS) == {"inbound_texts", "deliveries"}
    return texting


async def erased(texting: Texting, api: ApiClient, **what: str) -> None:
    asked = await api.post("/v1/erasures", json=what)
    assert asked.status == 202, await asked.text()
    row = await asked.json()
    meanwhile = await (await api.post("/v1/erasures", json=what)).json()
    assert meanwhile["id"] == row["id"]
    await go_on(texting.pipeline)
    read = await (await api.get(asked.headers["Location"])).json()
    assert (read["id"], read["state"]) == (row["id"], ErasureState.DONE)
    again = await (await api.get("/v1/erasures")).json()
    assert not any(value in str(again) for value in what.values())


async def test_a_number_that_is_no_customers_is_forgotten_and_never_written_to(strange: Texting) -> None:
    async with api_client(strange.pipeline.service.parts) as api:
        await erased(strange, api, phone=STRANGER)
    assert await finds(strange.store, STRANGER, STRANGER[1:], WORDS) == set()
    await strange.configure()
    await strange.ask("later", phone=STRANGER)
    assert (await strange.pipeline.decision("later")).reason is Reason.SUPPRESSED


async def test_what_a_customer_owns_is_not_forgotten_piece_by_piece(strange: Texting) -> None:
    await strange.store.responses.save(make_response())
    await strange.ask(phone=STRANGER, email="zoe@example.com")
    async with api_client(strange.pipeline.service.parts) as api:
        for what in ({"phone": STRANGER}, {"email": "Zoe@example.com"}, {"response": make_response().id}):
            await assert_problem(await api.post("/v1/erasures", json=what), 409, "conflict")
        await assert_problem(await api.post("/v1/erasures", json={"response": "rsp_1"}), 422, "invalid")


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@example.com", "phone": STRANGER}, {"email": "a"}, {"phone": "1"}, {"response": ""}, []]
)
async def test_an_erasure_of_nothing_is_refused(body: Any, api: ApiClient) -> None:
    await assert_problem(await api.post("/v1/erasures", json=body), 422, "invalid")


async def test_an_answer_by_a_public_link_is_forgotten_with_its_case_and_letters(texting: Texting) -> None:
    pipeline, store = texting.pipeline, texting.store
    await configure_link(store)
    await texting.configure()
    await put_people(pipeline, mia={})
    await put_rule(pipeline, alert={})
    async with client_of(create_app(pipeline.service.parts)) as visitor:
        await send(visitor, await open_page(visitor), nps="2", why=WORDS)
    await pipeline.run()
    (given,) = await pipeline.responses()
    assert await finds(store, WORDS) == {"responses", "cases", "deliveries"}
    async with api_client(pipeline.service.parts) as api:
        await erased(texting, api, response=given.id)
        await assert_problem(await api.post("/v1/erasures", json={"response": given.id}), 422, "invalid")
    assert await finds(store, WORDS) == set()
    (row,) = await pipeline.responses()
    assert (row.score, row.erased_at is not None) == (2, True)
    assert (await the_case(pipeline)).erased_at is not None
