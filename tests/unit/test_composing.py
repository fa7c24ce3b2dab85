"""Composing: the finished mail, and that no value in it can become more than a value."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage as ParsedMail
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import SmsMessage
from channels.mime import assemble
from survey_service.delivery.composing import Composer, Draft
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import AgreedCall, ChannelName, DeliveryKind
from survey_service.models.invitation import TokenRef
from survey_service.models.survey import Survey
from survey_service.tokens import Keyring, OptOutSubject, PreviewSubject, token_hash
from tests.support.factories import NOON, make_delivery, make_invitation
from tests.support.pipeline import a_brand, a_survey

KEYRING = Keyring(["a secret of sixteen characters"])
BASE = "https://survey.example"
COMPOSER = Composer(KEYRING, BASE, "Survey <survey@service.example>")
HEADERS = {
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "mime-version",
    "content-type",
}
ATTACKS = [
    "Ada\r\nBcc: victim@example.com",
    "Ada\nBcc: victim@example.com\n\nbody",
    "Ada\rBcc: victim@example.com",
    "Ada\x00\x0b\x0c\x1b[31m",
    "Ada\u2028Bcc: victim@example.com\u2029\x85x",
    '"Ada" <victim@example.com>, "',
    "=?utf-8?q?Bcc=3A_victim=40example=2Ecom?=",
    "{{customer.email}} {{link.survey}} {% raw %}",
    "<script>alert(1)</script>&lt;img src=x onerror=y>",
    "\u202eada\u202d \ud800 \ufffe",
    "ä😀" * 200,
]
TEXTS = {
    "subject": {"en": "How did we do, {{customer.first_name|there}}? {{event.data.order}} {{touchpoint.name}}"},
    "intro": {
        "en": "Dear {{customer.name}} of {{customer.account}},\n\n{{customer.attributes.tier}} {{brand.contact}}"
    },
}


def brand(**changes: Any) -> Brand:
    return Brand.model_validate({"id": "acme", "revision": 1, **a_brand(**changes).model_dump()})


def survey(**changes: Any) -> Survey:
    content = a_survey(messages={"email": TEXTS}, **changes)
    row = {"id": "s:1", "survey": "after-delivery", "version": 1, "created_at": NOON}
    return Survey.model_validate({**content.model_dump(), **row})


def draft(in_the_name_of: Brand | None = None, of: Survey | None = None, **changes: Any) -> Draft:
    profile = CustomerProfile(external_id="c-42", name="Ada Weber", first_name="Ada", email="ada@example.com")
    invitation = make_invitation(**{"recipient": profile, **changes})
    token = KEYRING.survey_token(invitation.id) or ""
    reference = TokenRef(kid=KEYRING.current, sha256=token_hash(token))
    invitation = invitation.model_copy(update={"token": reference})
    return Draft(make_delivery(invitation), of or survey(), in_the_name_of or brand(), invitation)


def as_read(of: Draft) -> ParsedMail:
    """The mail as a customer's program reads it."""
    parsed = message_from_bytes(assemble(COMPOSER.compose_email(of), NOON), policy=default)
    assert isinstance(parsed, ParsedMail)
    return parsed


def test_the_mail_has_the_brands_sender_the_customers_address_and_the_headers_of_automatic_mail() -> None:
    of = draft(brand(reply_to="help@acme.example"))
    message = COMPOSER.compose_email(of)
    assert of.invitation is not None
    opt_out = KEYRING.opt_out_token(OptOutSubject("acme", of.invitation.customer))
    assert message.sender == '"Acme" <hello@acme.example>'
    assert message.recipient == "ada@example.com"
    assert message.reply_to == "help@acme.example"
    assert message.headers == {
        "List-Unsubscribe": f"<{BASE}/u/{opt_out}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }


def test_the_message_id_comes_from_the_delivery_and_is_the_same_on_every_try() -> None:
    of = draft()
    again = of.delivery.model_copy(update={"attempts": 3, "claim": 7, "lease": "another"})
    first, second = COMPOSER.compose_email(of), COMPOSER.compose_email(Draft(again, of.survey, of.brand, of.invitation))
    assert first == second
    assert first.message_id == f"<{of.delivery.id}@acme.example>"
    assert assemble(first, NOON) == assemble(second, NOON)


def test_a_bounce_tells_which_delivery_it_is_about() -> None:
    of = draft()
    assert COMPOSER.compose_email(of).return_path == f"bounces+{of.delivery.id}@acme.example"
    assert COMPOSER.compose_email(draft(brand(return_path=None))).return_path is None


def test_both_bodies_lead_to_the_survey_and_out_of_it() -> None:
    of = draft()
    message = COMPOSER.compose_email(of)
    assert of.invitation is not None
    url = f"{BASE}/s/{KEYRING.survey_token(of.invitation.id)}"
    for body in (message.text, message.html):
        assert url in body
        assert f"{BASE}/u/" in body
        assert "How likely are you to recommend Acme?" in body
        assert "Hauptstr. 1, 10115 Berlin" in body
    assert f"{url}?score=0" in message.html
    assert f"{url}?score=10" in message.html


def test_the_subject_is_the_surveys_own_filled_in_else_the_services() -> None:
    filled = draft(data={"order": 1001}, touchpoint="berlin", touchpoint_name="Berlin Mitte")
    assert COMPOSER.compose_email(filled).subject == "How did we do, Ada? 1001 Berlin Mitte"
    plain = Survey.model_validate({**survey().model_dump(by_alias=True), "messages": {}})
    assert COMPOSER.compose_email(draft(of=plain)).subject == "How did we do?"


def test_without_a_name_the_fallback_stands() -> None:
    nobody = draft(recipient=CustomerProfile(email="ada@example.com"))
    message = COMPOSER.compose_email(nobody)
    assert message.subject == "How did we do, there?"
    assert "None" not in message.text


def test_a_brand_without_a_sender_uses_the_services_under_its_own_name() -> None:
    message = COMPOSER.compose_email(draft(brand(email_from="hello@acme.example")))
    assert message.sender == '"Acme" <hello@acme.example>'
    default_address = COMPOSER.compose_email(draft(brand(email_from=None)))
    assert default_address.sender == '"Survey" <survey@service.example>'
    assert default_address.message_id.endswith("@service.example>")


def test_a_test_message_says_so_and_leads_to_the_preview_alone() -> None:
    of = draft()
    delivery = of.delivery.model_copy(update={"invitation": None, "kind": DeliveryKind.TEST})
    message = COMPOSER.compose_email(Draft(delivery, of.survey, of.brand, None))
    preview = KEYRING.preview_token(PreviewSubject("after-delivery", 1, "en"))
    assert message.subject.startswith("[Test] How did we do, there?")
    assert f"{BASE}/preview/{preview}" in message.text
    assert "/s/" not in message.text + message.html
    assert "/u/" not in message.text + message.html


def test_a_link_whose_key_is_gone_cannot_be_written() -> None:
    of = draft()
    assert of.invitation is not None
    gone = of.invitation.model_copy(update={"token": TokenRef(kid="00000000", sha256="0" * 64)})
    with pytest.raises(ValueError, match="no longer in SURVEY_SECRET"):
        COMPOSER.compose_email(Draft(of.delivery, of.survey, of.brand, gone))


@pytest.mark.parametrize("sender", ["Acme", "", "<>"])
def test_a_sender_without_an_address_cannot_be_written(sender: str) -> None:
    unusable = Composer(KEYRING, BASE, sender)
    with pytest.raises(ValueError, match="not an email address"):
        unusable.compose_email(draft(brand(email_from=None)))


def hostile(text: str) -> Draft:
    """A draft that holds `text` wherever customers and callers may put one."""
    profile = CustomerProfile(
        external_id=text, name=text, first_name=text, email="ada@example.com", account=text, attributes={"tier": text}
    )
    facts: dict[str, Any] = {"touchpoint": text, "touchpoint_name": text, "data": {"order": text}, "recipient": profile}
    return draft(**facts)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_value_of_a_customer_becomes_a_header(attack: str) -> None:
    mail = as_read(hostile(attack))
    assert {name.lower() for name in mail} <= HEADERS
    assert len(mail.keys()) == len(set(mail.keys()))
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.com"]
    assert [address.addr_spec for address in mail["From"].addresses] == ["hello@acme.example"]
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_value_of_a_customer_becomes_markup_or_a_template(attack: str) -> None:
    mail = as_read(hostile(attack))
    html = mail.get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert "<script>alert" not in content
    assert "<img src=x" not in content
    assert "ada@example.com" not in content
    assert "{{" in attack or "{{" not in content


@given(st.text())
def test_any_name_makes_a_mail_of_one_recipient_and_no_other_header(name: str) -> None:
    mail = as_read(hostile(name))
    assert {header.lower() for header in mail} <= HEADERS
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.com"]


@pytest.mark.parametrize("name", ['Acme "Inc", <x@y.example>', "Acme\\", "Müller, GmbH & Co", "株式会社"])
def test_any_name_of_a_brand_is_a_name(name: str) -> None:
    mail = as_read(draft(brand(name=name, email_from="hello@acme.example")))
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "hello@acme.example")


def test_a_sender_whose_name_has_a_comma_can_be_written() -> None:
    # Accepted at PUT, though RFC 5322 wants it quoted.
    mail = as_read(draft(brand(email_from="Acme, Inc. <hello@acme.example>")))
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Acme, Inc.", "hello@acme.example")


def test_a_sender_with_an_international_domain_can_be_written() -> None:
    mail = as_read(draft(brand(email_from="Müller <post@müller.example>", return_path="bounces@müller.example")))
    (sender,) = mail["From"].addresses
    assert sender.addr_spec == "post@xn--mller-kva.example"
    assert mail["Message-ID"].endswith("@xn--mller-kva.example>")


# --- the scale


@pytest.mark.parametrize(
    ("question", "cells", "hint"),
    [
        ({"kind": "nps"}, [(str(score), score) for score in range(11)], "Tap a number"),
        ({"kind": "ces"}, [(str(score), score) for score in range(1, 8)], "Tap a number"),
        ({"kind": "csat"}, [(str(score), score) for score in range(1, 6)], "Tap a number"),
        ({"kind": "csat", "scale": "1-10"}, [(str(score), score) for score in range(1, 11)], "Tap a number"),
        ({"kind": "csat", "scale": "yes-no"}, [("Yes", 1), ("No", 0)], "Tap your answer"),
        ({"kind": "csat", "look": "stars"}, [(f"{score} ★", score) for score in range(1, 6)], "Tap your answer"),
        (
            {"kind": "csat", "look": "faces"},
            [("1 😞", 1), ("2 🙁", 2), ("3 😐", 3), ("4 🙂", 4), ("5 😀", 5)],
            "Tap your answer",
        ),
    ],
)
def test_each_step_of_the_scale_is_a_link_that_says_what_it_means(
    question: dict[str, str], cells: list[tuple[str, int]], hint: str
) -> None:
    asked = survey(questions=({"id": "nps", "text": {"en": "How was it?"}, **question},))
    html = COMPOSER.compose_email(draft(of=asked)).html
    found = re.findall(r'href="[^"?]+/s/\w+\?score=(\d+)"[^>]*>([^<]+)</a>', html)
    assert [(label, int(score)) for score, label in found] == cells
    assert hint in html
    assert html.count("Tap ") == 1


def test_yes_and_no_need_no_names_for_their_ends() -> None:
    ends = {"low_label": {"en": "Not at all"}, "high_label": {"en": "Very much"}}
    question = {"id": "nps", "kind": "csat", "scale": "yes-no", "text": {"en": "Was it easy?"}, **ends}
    message = COMPOSER.compose_email(draft(of=survey(questions=(question,))))
    assert "Not at all" not in message.text + message.html


# --- a call that is confirmed

NUMBER = "+4915123456789"
CALL = AgreedCall(at=datetime(2026, 11, 24, 13, 30, tzinfo=UTC), minutes=15, about="the invoice", phone=NUMBER)


def confirming(call: AgreedCall = CALL, language: str = "en", timezone: str | None = None, **changes: Any) -> Draft:
    """A draft that confirms a call to Ada."""
    profile = CustomerProfile(name="Ada Weber", first_name="Ada", email="ada@example.com", timezone=timezone)
    of = draft(brand(timezone="Europe/Berlin", **changes), recipient=profile, language=language)
    row = of.delivery.model_copy(update={"kind": DeliveryKind.DIALOGUE, "call": call, "language": language})
    return Draft(row, of.survey, of.brand, of.invitation)


@pytest.mark.parametrize(
    ("language", "timezone", "subject", "written"),
    [
        ("en", None, "Tue, Nov 24 at 2:30 PM", "Tuesday, November 24, 2026 at 2:30 PM GMT+01:00"),
        ("en-GB", None, "Tue 24 Nov at 14:30", "Tuesday, 24 November 2026 at 14:30 CET"),
        ("en", "America/New_York", "Tue, Nov 24 at 8:30 AM", "Tuesday, November 24, 2026 at 8:30 AM EST"),
        ("en-GB", "Asia/Kathmandu", "Tue 24 Nov at 19:15", "Tuesday, 24 November 2026 at 19:15 GMT+05:45"),
        ("en-GB", "Australia/Lord_Howe", "Wed 25 Nov at 00:30", "Wednesday, 25 November 2026 at 00:30 GMT+11:00"),
        ("xx", None, "Tue, Nov 24 at 2:30 PM", "Tuesday, November 24, 2026 at 2:30 PM GMT+01:00"),
    ],
)
def test_a_call_is_confirmed_in_the_customers_zone_and_language_else_in_the_brands_zone(
    language: str, timezone: str | None, subject: str, written: str
) -> None:
    message = COMPOSER.compose_email(confirming(language=language, timezone=timezone))
    assert message.subject == f"We call you on {subject}."
    assert len(message.subject) <= 50
    for body in (message.text, message.html):
        assert f"We call you on {written}." in body.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "day"), [("de", "Dienstag, 24. November 2026"), ("ar", "الثلاثاء، 24 نوفمبر 2026")]
)
def test_the_day_is_written_as_the_language_does(language: str, day: str) -> None:
    message = COMPOSER.compose_email(confirming(language=language))
    assert day in message.text
    assert day in message.html


def test_the_confirmation_says_what_was_agreed_and_leads_out_but_not_to_the_survey() -> None:
    message = COMPOSER.compose_email(confirming(contact="help@acme.example"))
    for body in (message.text, message.html):
        for told in (
            "It takes 15 minutes. We call +4915123456789.",
            "About: the invoice",
            "tell us: help@acme.example",
        ):
            assert told in body
        assert "You get this message because you asked Acme for a call." in body
        assert f"{BASE}/u/" in body
        assert "/s/" not in body
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_calendar_file_is_the_same_on_every_try() -> None:
    of = confirming()
    again = of.delivery.model_copy(update={"attempts": 3, "claim": 7, "lease": "another", "updated_at": CALL.at})
    first, second = COMPOSER.compose_email(of), COMPOSER.compose_email(Draft(again, of.survey, of.brand, of.invitation))
    assert first == second
    (entry,) = first.attachments
    assert entry.name == "call.ics"
    for line in (
        f"UID:{of.delivery.id}",
        "DTSTART:20261124T133000Z",
        "DTEND:20261124T134500Z",
        "mailto:hello@acme.example",
    ):
        assert line.encode() in entry.content


def test_a_confirmation_needs_no_link_to_the_survey() -> None:
    of = confirming()
    assert of.invitation is not None
    gone = of.invitation.model_copy(update={"token": TokenRef(kid="00000000", sha256="0" * 64)})
    assert COMPOSER.compose_email(Draft(of.delivery, of.survey, of.brand, gone)).attachments


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_call_is_about_stays_a_value(attack: str) -> None:
    of = confirming(CALL.model_copy(update={"about": attack}))
    hostile_brand = of.brand.model_copy(update={"name": attack, "contact": attack})
    mail = as_read(Draft(of.delivery, of.survey, hostile_brand, of.invitation))
    assert {name.lower() for name in mail} <= HEADERS
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.com"]
    kinds = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]
    assert [part.get_content_type() for part in mail.walk()] == kinds
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>alert" not in html.get_content()
    assert "<img src=x" not in html.get_content()


def text_message(of: Draft) -> str:
    row = of.delivery.model_copy(update={"channel": ChannelName.SMS, "to": NUMBER})
    message = COMPOSER.compose(Draft(row, of.survey, of.brand, of.invitation))
    assert isinstance(message, SmsMessage)
    assert COMPOSER.marker(Draft(row, of.survey, of.brand, of.invitation)) is None
    return message.text


def test_a_text_message_says_when_and_the_first_one_how_to_stop() -> None:
    when = "Acme: We call you on Tue, Nov 24 at 2:30 PM GMT+01:00."
    of = confirming()
    assert text_message(of) == f"{when} STOP to opt out"
    assert text_message(Draft(of.delivery, of.survey, of.brand, None)) == f"{when} STOP to opt out"
    assert of.invitation is not None
    texted = of.invitation.model_copy(update={"channels": (ChannelName.SMS,)})
    assert text_message(Draft(of.delivery, of.survey, of.brand, texted)) == when
