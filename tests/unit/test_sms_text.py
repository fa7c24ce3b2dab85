"""The words of a text message: short, in one segment where that is possible, and the same on every try."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from channels.base import EmailMessage, SmsMessage
from survey_service.delivery.composing import Composer, Draft
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName, DeliveryKind
from survey_service.models.incentive import Offer
from survey_service.models.invitation import TokenRef
from survey_service.models.survey import Survey
from survey_service.texts.phone_kinds import PhoneKind, kind_of
from survey_service.texts.segments import Encoding, count_segments
from survey_service.tokens import Keyring, token_hash
from tests.support.factories import NOON, make_delivery, make_invitation
from tests.support.pipeline import a_brand, a_survey

KEYRING = Keyring(["a secret of sixteen characters"])
BASE = "https://survey.example"
COMPOSER = Composer(KEYRING, BASE, "Survey <survey@service.example>")
PHONE = "+4915123456789"
SMS = ChannelName.SMS


def survey(
    question: dict[str, str] | None = None, kind: str = "nps", scale: str | None = None, **changes: Any
) -> Survey:
    text = question or {
        "en": "Would you recommend {{brand.name}}?",
        "de": "Würden Sie {{brand.name}} empfehlen?",
        "es": "¿Recomendaría {{brand.name}}?",
    }
    content = a_survey(questions=({"id": "q", "kind": kind, "scale": scale, "text": text},), primary="q", **changes)
    row = {"id": "s:1", "survey": "after-delivery", "version": 1, "created_at": NOON}
    return Survey.model_validate({**content.model_dump(), **row})


def draft(
    of: Survey | None = None, name: str = "Acme", channels: tuple[ChannelName, ...] = (SMS,), **row: Any
) -> Draft:
    profile = CustomerProfile(external_id="c-42", first_name="Ada", phone=PHONE)
    invitation = make_invitation(recipient=profile, channels=channels)
    token = KEYRING.survey_token(invitation.id) or ""
    reference = TokenRef(kid=KEYRING.current, sha256=token_hash(token))
    invitation = invitation.model_copy(update={"token": reference})
    brand = Brand.model_validate({"id": "acme", "revision": 1, **a_brand(name=name).model_dump()})
    delivery = make_delivery(invitation, **{"channel": SMS, "to": PHONE, **row})
    return Draft(delivery, of or survey(), brand, invitation)


def text_of(of: Draft) -> str:
    message = COMPOSER.compose(of)
    assert isinstance(message, SmsMessage)
    return message.text


def link_of(of: Draft) -> str:
    assert of.invitation is not None
    return f"{BASE}/s/{KEYRING.survey_token(of.invitation.id)}"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Acme: Would you recommend Acme? Reply 0-10. LINK STOP to opt out"),
        ("de", "Acme: Würden Sie Acme empfehlen? Antworten Sie mit 0-10. LINK STOP zum Abmelden"),
        ("es", "Acme: ¿Recomendaría Acme? Responda 0-10. STOP para no recibir SMS"),  # í is not in GSM-7
    ],
)
def test_brand_question_scale_link_and_the_way_out_stand_in_this_order(language: str, words: str) -> None:
    of = draft(language=language)
    assert text_of(of) == words.replace("LINK", link_of(of))
    assert count_segments(text_of(of)).count == 1


@pytest.mark.parametrize(
    ("kind", "scale", "asked"),
    [
        ("nps", None, "0-10"),
        ("csat", None, "1-5"),
        ("csat", "1-10", "1-10"),
        ("csat", "yes-no", "yes or no"),
        ("ces", None, "1-7"),
    ],
)
def test_the_scale_is_that_of_the_question(kind: str, scale: str | None, asked: str) -> None:
    assert f"Reply {asked}. " in text_of(draft(survey(kind=kind, scale=scale)))


@pytest.mark.parametrize(
    ("language", "hint"),
    [
        ("en", "Reply yes or no."),
        ("de", "Antworten Sie mit Ja oder Nein."),
        ("es", "Responda SI o NO."),
        ("fr", "Répondez oui ou non."),
        ("pt-BR", "Responda SIM ou NAO."),
    ],
)
def test_a_yes_or_no_is_asked_in_words_and_stays_in_one_cheap_segment(language: str, hint: str) -> None:
    of = draft(survey({"en": "Did we solve your problem today?"}, "csat", scale="yes-no"), language=language)
    counted = count_segments(text_of(of))
    assert hint in text_of(of)
    assert (counted.encoding, counted.count) == (Encoding.GSM7, 1)


def test_the_link_is_left_out_where_it_would_begin_a_second_segment() -> None:
    with_link = [BASE in text_of(draft(survey({"en": "x" * length}))) for length in range(1, 140)]
    assert with_link.index(False) == sum(with_link)
    for length in range(1, 120):
        assert count_segments(text_of(draft(survey({"en": "x" * length})))).count == 1


def test_typographic_signs_are_folded_so_that_a_text_stays_cheap() -> None:
    text = text_of(draft(survey({"en": "“Fast” – wasn’t it…?"})))
    assert '"Fast" - wasn\'t it...?' in text
    assert text_of(draft(survey({"en": "“Быстро”?"}))).startswith("Acme: “Быстро”?")


@pytest.mark.parametrize(
    ("kind", "channels", "says_stop"),
    [
        (DeliveryKind.INVITE, (SMS,), True),
        (DeliveryKind.FALLBACK, (ChannelName.EMAIL, SMS), True),
        (DeliveryKind.REMINDER, (SMS,), False),
        (DeliveryKind.REMINDER, (ChannelName.EMAIL, SMS), True),
    ],
)
def test_the_first_message_of_a_conversation_says_how_to_stop(
    kind: DeliveryKind, channels: tuple[ChannelName, ...], says_stop: bool
) -> None:
    assert ("STOP to opt out" in text_of(draft(kind=kind, channels=channels))) is says_stop


def test_the_surveys_own_text_wins_and_is_filled_in() -> None:
    own = {"en": "{{customer.first_name}}, how was {{brand.name}}? {{link.survey}}"}
    of = draft(survey(messages={"sms": {"text": own}}))
    assert text_of(of) == f"Ada, how was Acme? {link_of(of)} STOP to opt out"
    with_stop = {"en": "How was it? Text stop to end."}
    assert text_of(draft(survey(messages={"sms": {"text": with_stop}}))) == with_stop["en"]


def test_words_that_the_delivery_brings_along_are_sent_as_they_are_in_cheap_signs() -> None:
    assert text_of(draft(text="“Hi” {{brand.name}}\n")) == '"Hi" {{brand.name}}'


def test_a_name_with_lines_and_controls_stays_one_line() -> None:
    assert "\n" not in text_of(draft(name="Acme\nInc\x00", of=survey({"en": "How\nwas it?"})))


def test_a_test_message_says_so_and_leads_to_the_preview() -> None:
    of = draft()
    text = text_of(Draft(of.delivery.model_copy(update={"invitation": None}), of.survey, of.brand, None))
    assert text.startswith("[Test] Acme: ")
    assert "/s/" not in text


def test_the_text_is_the_same_on_every_try_and_the_status_address_names_the_delivery() -> None:
    of = draft()
    again = Draft(of.delivery.model_copy(update={"attempts": 3, "claim": 7}), of.survey, of.brand, of.invitation)
    assert COMPOSER.compose(of) == COMPOSER.compose(again)
    message = COMPOSER.compose(of)
    assert isinstance(message, SmsMessage)
    assert message.status_url == f"{BASE}/callbacks/twilio/status/{of.delivery.id}"


def test_a_message_is_recognised_by_its_link_alone() -> None:
    of = draft()
    marker = COMPOSER.marker(of)
    assert marker is not None
    assert link_of(of).endswith(marker)
    assert COMPOSER.marker(draft(survey({"en": "x" * 130}))) is None
    assert COMPOSER.marker(draft(text=link_of(of))) is None
    assert COMPOSER.marker(Draft(of.delivery, of.survey, of.brand, None)) is None


def test_a_mail_is_composed_for_the_email_channel() -> None:
    assert isinstance(COMPOSER.compose(draft(channel=ChannelName.EMAIL, to="ada@example.com")), EmailMessage)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (PHONE, PhoneKind("DE", "+49", costly=False)),
        ("+442079460958", PhoneKind("GB", "+44", costly=False)),
        ("+14165550123", PhoneKind("CA", "+1", costly=False)),
        ("+499001234567", PhoneKind("DE", "+49", costly=True)),
        ("+491801234567", PhoneKind("DE", "+49", costly=True)),
        ("+449098790879", PhoneKind("GB", "+44", costly=True)),
        ("+870773111632", PhoneKind(None, "+870", costly=True)),
        ("+881612345678", PhoneKind(None, "+881", costly=True)),
        ("+883510012345", PhoneKind(None, "+883", costly=True)),
        ("+979123456789", PhoneKind(None, "+979", costly=True)),
        ("nobody", PhoneKind(None, "+", costly=False)),
    ],
)
def test_a_number_says_where_it_belongs_and_whether_it_costs_more(number: str, kind: PhoneKind) -> None:
    assert kind_of(number) == kind


@pytest.mark.parametrize(
    ("offer", "name", "has_offer", "has_link"),
    [
        ("a tree", "Acme", True, True),
        ("10 % off your next order in any of our shops", "Acme", True, False),
        ("x" * 120, "Acme", False, True),
    ],
    ids=["both fit", "the offer comes before the link", "too long"],
)
def test_an_offer_is_told_where_it_begins_no_second_segment(
    offer: str, name: str, has_offer: bool, has_link: bool
) -> None:
    of = draft(name=name)
    assert of.invitation is not None
    promise = Offer(incentive="voucher", name="Voucher", text={"en": offer})
    of = replace(of, invitation=of.invitation.model_copy(update={"incentive": promise}))
    text = text_of(of)
    assert count_segments(text).count == 1
    assert (f"As a thank-you: {offer}." in text) is has_offer
    assert (link_of(of) in text) is has_link
