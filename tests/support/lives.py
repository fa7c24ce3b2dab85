"""Somebody who is to be forgotten: whatever can be known of a person is stored; where it still stands is found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import bson

from survey_service.intake.erasing import ask_to_erase
from survey_service.models.case import CaseNote
from survey_service.models.customer import CustomerNote
from survey_service.models.delivery import ASKS, Delivery
from survey_service.models.follow_up import FollowUpContent
from survey_service.models.ids import response_id
from survey_service.models.mail import Mail
from survey_service.models.webhook import WebhookContent
from survey_service.store.sandbox import SandboxMail, SandboxText
from survey_service.store.store import Store
from survey_service.store.visits import Opened
from tests.support.cases import answer, put_people, put_rule, the_case
from tests.support.pipeline import NAME, Pipeline, a_survey, an_event
from tests.support.texting import Texting

PHONE = "+4915209876543"
OTHER = "+4915123456780"
OLD_EMAIL = "o.maidenname@example.com"
OLD_PHONE = "+4915201112233"
CUSTOMER = {
    "id": "kd-884422",
    "name": "Ottilie Vandersloot",
    "first_name": "Ottilie",
    "email": "Ottilie.Vandersloot@example.com",
    "phone": PHONE,
    "account": "vandersloot-gmbh",
    "attributes": {"birthday": "1971-03-09"},
}
WORDS = "the green parrot ate my parcel"
SECRETS = (
    "kd-884422",
    "ottilie",
    "vandersloot",
    "15209876543",
    "1971-03-09",
    "green parrot",
    "flat above the bakery",
    "call me at work",
    "ord-parrot",
    "speaks only dutch",
    "maidenname",
    "15201112233",
)
DIMENSIONS = {"agent": "event.data.agent", "who": "customer.name", "order": "event.id"}


def a_survey_of_all() -> Any:
    plain = a_survey()
    call = {"windows": {"mon-sun": ["00:00-24:00"]}, "notice": "PT0S"}
    options = [{"id": "box", "text": {"en": "The box"}}, {"id": "price", "text": {"en": "The price"}}]
    more = (
        {"id": "what", "kind": "choices", "required": False, "text": {"en": "What?"}, "options": options},
        {"id": "call", "kind": "call", "required": False, "text": {"en": "Shall we call?"}, "call": call},
    )
    questions = [*(question.model_dump() for question in plain.questions), *more]
    return a_survey(questions=questions, dimensions=DIMENSIONS)


async def has_lived(texting: Texting) -> str:
    """Ottilie was asked, answered, complained, wrote and was thanked; our id of her."""
    pipeline, store = texting.pipeline, texting.store
    await pipeline.configure(channels=("email", "sms"))
    await store.configuration.surveys.put(NAME, a_survey_of_all())
    await put_people(pipeline, mia={}, tom={})
    await put_rule(pipeline, alert={"people": ("tom",)}, praise={"copy_to": ("tom",)})
    daily = {"name": "Daily", "on": "scored", "condition": "true", "alert": {"people": ("tom",), "digest": True}}
    await store.configuration.follow_ups.put("daily", FollowUpContent.model_validate(daily))
    wanted = ("response.scored", "response.finished", "case.opened", "event.decided")
    await store.configuration.webhooks.put("crm", WebhookContent(url="https://crm.example/hook", types=wanted))
    who = dict(CUSTOMER)
    data = {"agent": "a-7", "delivered_to": "flat above the bakery"}
    await pipeline.post(an_event("ord-parrot-0", who, data=data, type="order.placed"), decide=False)
    await pipeline.handle(an_event("ord-parrot-1", who, data=data, subject="for Ottilie"))
    token = await pipeline.token()
    await answer(pipeline, token, nps="3", why=WORDS)
    await answer(pipeline, token, fix="less parrot, " + WORDS)
    person = (await pipeline.customers())[0]
    now = pipeline.clock.now()
    await store.customers.add_note(person.id, CustomerNote(at=now, text="speaks only dutch", source="api:crm"))
    case = await the_case(pipeline)
    noted = case.model_copy(update={"revision": 2, "notes": (CaseNote(at=now, by="mia", text="Ottilie is angry"),)})
    assert await store.cases.change(case, noted, held=False)
    delivery = next(row for row in await pipeline.deliveries() if row.kind in ASKS)
    await store.sandbox.insert(
        SandboxMail(
            id="mail_1",
            received_at=now,
            sender="hello@acme.example",
            recipient=delivery.to,
            subject="How did we do, Ottilie?",
            delivery=delivery.id,
            raw=b"Dear Ottilie Vandersloot",
        )
    )
    for sender, recipient in ((OTHER, PHONE), (PHONE, OTHER)):
        text = {"sender": sender, "recipient": recipient, "text": WORDS, "status": "sent", "created_at": now}
        await store.sandbox_texts.insert(SandboxText(id=f"SM{sender}", direction="inbound", **text))
    await texting.receive(WORDS, phone=PHONE)
    await pipeline.run()
    store.visits.note(person.id, "net", Opened.OPT_OUT)
    await pipeline.handle(an_event("ord-parrot-2", who, data=data))
    return person.id


async def was_known_before(texting: Texting) -> None:
    """She had other addresses, by which alone she was known, and wrote from there; later she named her id."""
    pipeline = texting.pipeline
    await pipeline.configure()
    await texting.receive("HELP", phone=OLD_PHONE)  # nobody knows yet whose number it is
    await pipeline.run()
    former = {"email": OLD_EMAIL, "phone": OLD_PHONE}
    await pipeline.handle(an_event("ord-parrot-00", former, type="order.placed"))
    for text in ("HELP", "STOP", "START"):
        await texting.receive(text, phone=OLD_PHONE)
    await pipeline.run()
    await pipeline.handle(an_event("ord-parrot-01", {**former, "id": CUSTOMER["id"]}, type="order.placed"))


async def writes_back(pipeline: Pipeline) -> str:
    """She is asked about another place, and writes a mail in place of an answer; our people are told of it.

    The response in whose name they are, though it is stored nowhere.
    """
    for name, more in (("mailed", {}), ("gathered", {"digest": True})):
        rule = {"name": name, "on": "mail", "condition": "true", "alert": {"people": ("tom",), **more}}
        await pipeline.store.configuration.follow_ups.put(name, FollowUpContent.model_validate(rule))
    await pipeline.handle(an_event("ord-parrot-3", dict(CUSTOMER), data={"touchpoint": "harbour"}))
    asked = next(row for row in await pipeline.deliveries() if row.touchpoint == "harbour")
    assert asked.invitation is not None
    await write_back(pipeline, asked, WORDS)
    return response_id(asked.invitation)


async def write_back(pipeline: Pipeline, asked: Delivery, text: str, **changes: Any) -> None:
    """Answer a mail in words that answer no question, and let everything be done."""
    now = pipeline.clock.now()
    about = {"delivery": asked.id, "invitation": asked.invitation, "customer": asked.customer, "asks": True}
    fields = {"from_recipient": False, "text": text, "received_at": now, "due_at": now, **about}
    row = Mail.model_validate({"_id": "eml_1", "brand": "acme"} | fields | changes)
    await pipeline.store.mails.insert(row)
    await pipeline.run()


async def erase(pipeline: Pipeline, customer: str) -> None:
    """Ask, and do all that follows, however often another look is wanted."""
    await ask_to_erase(pipeline.store, pipeline.service.parts.bells, customer, "key_1")
    await go_on(pipeline)


async def go_on(pipeline: Pipeline) -> None:
    for _ in range(5):
        await pipeline.run()
        pipeline.pass_time(timedelta(seconds=1))


async def dump(store: Store) -> dict[str, bytes]:
    """Every collection as the bytes that are stored, upper case and lower case alike."""
    database = store.database["x"].database
    names = await database.list_collection_names()
    return {
        name: b"".join([bson.encode(document) async for document in database[name].find()]).lower()
        for name in sorted(names)
    }


async def finds(store: Store) -> dict[str, list[str]]:
    """In which collections which of her secrets stand."""
    found: dict[str, list[str]] = {}
    for name, raw in (await dump(store)).items():
        if own := [secret for secret in SECRETS if secret.encode() in raw]:
            found[name] = own
    return found
