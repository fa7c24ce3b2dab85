"""Messages that were written for one occasion: each kind leaves by mail and by text message, under its own rules."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from survey_service.models.decision import Reason
from survey_service.models.delivery import TO_PEOPLE, Button, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.person import PersonContent
from tests.support.deciding import hold_everything
from tests.support.pipeline import Pipeline, a_brand, an_event
from tests.support.sending import assert_ended, suppress
from tests.support.texting import ADA, Texting

WRITTEN = [DeliveryKind.REWARD, DeliveryKind.CASE_REPLY, DeliveryKind.DIALOGUE, DeliveryKind.ALERT, DeliveryKind.REPORT]
TO_CUSTOMERS = [kind for kind in WRITTEN if kind not in TO_PEOPLE]


def a_person(**changes: Any) -> PersonContent:
    fields = {"name": "Grace Hopper", "email": "grace@acme.example", "phone": "+4915123456780"}
    return PersonContent.model_validate(fields | changes)


async def configure(pipeline: Pipeline, **person: Any) -> None:
    await pipeline.configure()
    await pipeline.store.configuration.brands.put("acme", a_brand(answers_to="answers@acme.example"))
    await pipeline.store.configuration.people.put("p-1", a_person(**person))


async def write(pipeline: Pipeline, kind: DeliveryKind, **changes: Any) -> str:
    """Ask for a letter, and let everything be done; its id."""
    now = pipeline.clock.now()
    fields: dict[str, Any] = {
        "_id": f"dlv_{kind}",
        "kind": kind,
        "channel": ChannelName.EMAIL,
        "brand": "acme",
        "to": "ada@example.com",
        "language": "en",
        "subject": "About your parcel",
        "text": "Dear Ada,\nwe found it – “at last”.\n\nIt comes <tomorrow>.",
        "state": DeliveryState.REQUESTED,
        "due_at": now,
        "created_at": now,
        "planned_at": now,
        "expires_at": now + timedelta(days=7),
    }
    if kind in TO_PEOPLE:
        fields |= {"person": "p-1", "to": "grace@acme.example"}
    row = Delivery.model_validate(fields | changes)
    await pipeline.store.deliveries.insert([row])
    await pipeline.run()
    return row.id


async def stored(pipeline: Pipeline, delivery: str) -> Delivery:
    row = await pipeline.store.deliveries.get(delivery)
    assert row is not None
    return row


def the_mail(pipeline: Pipeline) -> EmailMessage:
    mail = message_from_bytes(pipeline.smtp.mails[-1].content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


async def asked_customer(pipeline: Pipeline) -> dict[str, str]:
    """Somebody who was asked, as fields of a letter to them; the invitation may be written to at any time."""
    await pipeline.handle(an_event())
    invitation = await pipeline.invitation()
    return {"customer": invitation.customer, "invitation": invitation.id}


@pytest.mark.parametrize("kind", WRITTEN)
async def test_each_kind_leaves_by_mail_with_its_words(pipeline: Pipeline, kind: DeliveryKind) -> None:
    await configure(pipeline)
    customer = await asked_customer(pipeline) if kind not in TO_PEOPLE else {}
    button = Button(label="Open", url="https://acme.example/x?a=1&b=2")
    assert (await stored(pipeline, await write(pipeline, kind, button=button, **customer))).state is DeliveryState.SENT
    letter = pipeline.letters()[-1]
    assert letter.subject == "About your parcel"
    assert "Dear Ada,\nwe found it – “at last”.\n\nIt comes <tomorrow>." in letter.text
    assert "Dear Ada,<br />we found it" in letter.html
    assert "It comes &lt;tomorrow&gt;." in letter.html
    assert button.url in letter.links
    assert "Acme GmbH, Hauptstr. 1, 10115 Berlin" in letter.text


@pytest.mark.parametrize("kind", TO_CUSTOMERS)
async def test_a_customer_can_opt_out_of_a_letter_and_answer_it(pipeline: Pipeline, kind: DeliveryKind) -> None:
    await configure(pipeline)
    letter = await write(pipeline, kind, person="p-1", **await asked_customer(pipeline))
    mail = the_mail(pipeline)
    assert "/u/" in mail["List-Unsubscribe"]
    assert "Unsubscribe: https://" in pipeline.letters()[-1].text
    assert mail["From"] == '"Grace Hopper, Acme" <hello@acme.example>'
    assert mail["Reply-To"] == f"answers+{letter}@acme.example"
    assert "Grace Hopper\nAcme" in pipeline.letters()[-1].text


@pytest.mark.parametrize("kind", sorted(TO_PEOPLE))
async def test_our_own_people_are_offered_no_way_out(pipeline: Pipeline, kind: DeliveryKind) -> None:
    await configure(pipeline)
    await write(pipeline, kind)
    mail, letter = the_mail(pipeline), pipeline.letters()[-1]
    assert mail["List-Unsubscribe"] is None
    assert "nsubscribe" not in letter.text + letter.html
    assert mail["From"] == "Acme <hello@acme.example>"


@pytest.mark.parametrize("kind", WRITTEN)
async def test_each_kind_leaves_by_text_message(texting: Texting, kind: DeliveryKind) -> None:
    await configure(texting.pipeline)
    by_sms = {"channel": ChannelName.SMS, "to": ADA}
    button = Button(label="Open", url="https://acme.example/x")
    customer = {}
    if kind not in TO_PEOPLE:
        await texting.configure()
        await texting.ask()
        invitation = await texting.pipeline.invitation()
        customer = {"customer": invitation.customer, "invitation": invitation.id}
    letter = await write(texting.pipeline, kind, text="Acme: “hi” – Ada", button=button, **by_sms, **customer)
    assert texting.heard()[-1] == 'Acme: "hi" - Ada https://acme.example/x'
    assert (await stored(texting.pipeline, letter)).segments == 1


@pytest.mark.parametrize("kind", TO_CUSTOMERS)
async def test_a_suppressed_customer_gets_no_letter(pipeline: Pipeline, kind: DeliveryKind) -> None:
    await configure(pipeline)
    await suppress(pipeline, "ada@example.com")
    row = await stored(pipeline, await write(pipeline, kind))
    assert_ended(row, DeliveryState.CANCELLED, Reason.SUPPRESSED)


@pytest.mark.parametrize("kind", sorted(TO_PEOPLE))
@pytest.mark.parametrize("person", ["p-1", "gone"])
async def test_a_person_who_does_not_work_here_any_more_gets_none(
    pipeline: Pipeline, kind: DeliveryKind, person: str
) -> None:
    await configure(pipeline, active=False)
    row = await stored(pipeline, await write(pipeline, kind, person=person))
    assert_ended(row, DeliveryState.CANCELLED, Reason.PERSON_INACTIVE)


@pytest.mark.parametrize("to", ["grace@acme.example", "before@acme.example"])
async def test_the_way_into_the_dashboard_waits_for_nothing_and_is_the_persons_alone(
    pipeline: Pipeline, to: str
) -> None:
    soon = pipeline.clock.now() + timedelta(hours=2)
    await configure(pipeline, quiet_hours={"allow": {"mon-sun": (f"{soon:%H}:00-{soon:%H}:59",)}})
    await hold_everything(pipeline)
    row = await stored(pipeline, await write(pipeline, DeliveryKind.SIGN_IN, to=to))
    if to == "grace@acme.example":
        assert row.state is DeliveryState.SENT
    else:
        assert_ended(row, DeliveryState.CANCELLED, Reason.PERSON_INACTIVE)


@pytest.mark.parametrize("kind", sorted(TO_PEOPLE - {DeliveryKind.SIGN_IN}))
async def test_a_person_has_quiet_hours_of_their_own(pipeline: Pipeline, kind: DeliveryKind) -> None:
    soon = pipeline.clock.now() + timedelta(hours=2)
    allow = {"mon-sun": (f"{soon:%H}:00-{soon:%H}:59",)}
    await configure(pipeline, quiet_hours={"allow": allow})
    row = await stored(pipeline, await write(pipeline, kind))
    assert (row.state, row.reason) == (DeliveryState.PLANNED, Reason.QUIET_HOURS)
    assert row.due_at == soon.replace(minute=0, second=0, microsecond=0)
    pipeline.pass_time(row.due_at - pipeline.clock.now())
    await pipeline.run()
    assert (await stored(pipeline, row.id)).state is DeliveryState.SENT


@pytest.mark.parametrize("kind", [DeliveryKind.REWARD, DeliveryKind.CASE_REPLY])
async def test_who_was_never_invited_is_written_to_by_day_alone(pipeline: Pipeline, kind: DeliveryKind) -> None:
    await configure(pipeline)
    now = pipeline.clock.now()
    pipeline.pass_time(now.replace(hour=23, minute=30) - now)
    row = await stored(pipeline, await write(pipeline, kind))
    assert (row.state, row.reason) == (DeliveryState.PLANNED, Reason.QUIET_HOURS)
    assert row.due_at is not None
    assert row.due_at.hour == 8


async def test_a_letter_that_nobody_sent_in_time_is_not_sent(pipeline: Pipeline) -> None:
    await configure(pipeline)
    now = pipeline.clock.now()
    row = await stored(pipeline, await write(pipeline, DeliveryKind.ALERT, expires_at=now))
    assert_ended(row, DeliveryState.CANCELLED, Reason.EXPIRED)
