"""Confirming: one message for each call that was asked for just now, on the way on which the customer is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.answering.confirming import confirmations
from survey_service.answering.flow import Answers
from survey_service.answering.gate import Door, Visit
from survey_service.answering.occasions import link_occasion, occasion_of
from survey_service.answering.revisions import next_revision
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import AgreedCall, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.link import Link
from survey_service.models.response import CallWish, ResponseStatus
from survey_service.models.survey import Survey
from tests.support.factories import NOON, make_invitation

MAIL, NUMBER, GIVEN = "ada@example.com", "+4915123456789", "+4915123456780"
AT = NOON + timedelta(days=1)
OFFER = {"windows": {"mon-sun": ("00:00-24:00",)}, "minutes": 15}


def survey(*, goes_on: bool = False) -> Survey:
    """A score and two calls; with `goes_on` a question more, on the next page."""
    questions: list[dict[str, Any]] = [
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}},
        {"id": "call", "kind": "call", "required": False, "text": {"en": "Shall we call you?"}, "call": OFFER},
        {"id": "advice", "kind": "call", "required": False, "text": {"en": "And advise you?"}, "call": OFFER},
    ]
    if goes_on:
        questions.append({"id": "why", "kind": "text", "text": {"en": "Why?"}, "show_if": "answers.nps <= 6.0"})
    row = {"id": "s:3", "survey": "after-delivery", "version": 3, "created_at": NOON}
    return Survey.model_validate(
        {"name": "After", "brand": "acme", "primary": "nps", "questions": tuple(questions), **row}
    )


def wish(**changes: Any) -> CallWish:
    return CallWish.model_validate({"at": AT, "minutes": 15, "about": "the invoice", **changes})


def visit(*, goes_on: bool = False, **recipient: Any) -> Visit:
    """An open invitation of somebody with these addresses."""
    invitation = make_invitation(recipient=CustomerProfile(external_id="c-42", **recipient), touchpoint="berlin")
    return Visit(Door.OPEN, invitation, survey(goes_on=goes_on), occasion=occasion_of(invitation))


def link_visit() -> Visit:
    link = Link(id="door", survey="after-delivery", touchpoint="berlin")
    return Visit(Door.OPEN, None, survey(), link=link, occasion=link_occasion(link, "sheet", "en"))


def confirmed(seen: Visit, new: Answers, *usable: ChannelName) -> list[Delivery]:
    """What is sent after `new`, the first page."""
    assert seen.survey is not None
    response = next_revision(seen, seen.survey.questions[:3], new, NOON, language="de")
    return confirmations(response, seen, new, usable or (ChannelName.EMAIL, ChannelName.SMS))


def test_a_call_is_confirmed_by_mail_with_what_was_agreed() -> None:
    (row,) = confirmed(visit(email=MAIL, phone=NUMBER), {"nps": 3, "call": wish()})
    assert (row.kind, row.channel, row.to) == (DeliveryKind.DIALOGUE, ChannelName.EMAIL, MAIL)
    assert row.call == AgreedCall(at=AT, minutes=15, about="the invoice", phone=NUMBER)
    assert (row.state, row.due_at, row.created_at, row.planned_at) == (DeliveryState.REQUESTED, NOON, NOON, NOON)
    assert row.expires_at == AT
    assert row.language == "de"


def test_the_message_belongs_to_the_customer_and_the_invitation() -> None:
    seen = visit(email=MAIL)
    (row,) = confirmed(seen, {"nps": 3, "call": wish(phone=GIVEN)})
    assert seen.invitation is not None
    assert (row.invitation, row.customer, row.brand) == (seen.invitation.id, seen.invitation.customer, "acme")
    assert (row.survey, row.survey_version, row.trigger, row.touchpoint) == (
        "after-delivery",
        3,
        "after-delivery",
        "berlin",
    )


@pytest.mark.parametrize(
    ("recipient", "given", "usable", "way"),
    [
        ({"email": MAIL, "phone": NUMBER}, None, (), (ChannelName.EMAIL, MAIL, NUMBER)),
        ({"email": MAIL, "phone": NUMBER}, GIVEN, (), (ChannelName.EMAIL, MAIL, GIVEN)),
        ({"phone": NUMBER}, None, (), (ChannelName.SMS, NUMBER, NUMBER)),
        ({"phone": NUMBER}, GIVEN, (), (ChannelName.SMS, NUMBER, GIVEN)),
        ({}, GIVEN, (), (ChannelName.SMS, GIVEN, GIVEN)),
        ({"email": MAIL, "phone": NUMBER}, None, (ChannelName.SMS,), (ChannelName.SMS, NUMBER, NUMBER)),
        ({"email": MAIL, "phone": NUMBER}, None, (ChannelName.WEB,), None),
        ({"phone": NUMBER}, None, (ChannelName.EMAIL, ChannelName.WEB), None),
        ({}, None, (), None),
    ],
)
def test_the_way_is_the_mail_else_the_known_number_else_the_given_one(
    recipient: dict[str, str],
    given: str | None,
    usable: tuple[ChannelName, ...],
    way: tuple[ChannelName, str, str] | None,
) -> None:
    rows = confirmed(visit(**recipient), {"nps": 3, "call": wish(phone=given)}, *usable)
    assert [(row.channel, row.to, row.call.phone if row.call else None) for row in rows] == ([way] if way else [])


def test_a_public_link_makes_us_write_to_nobody() -> None:
    assert confirmed(link_visit(), {"nps": 3, "call": wish(phone=GIVEN)}) == []


def test_without_a_new_call_nothing_is_sent() -> None:
    seen = visit(email=MAIL)
    assert seen.survey is not None
    earlier = next_revision(seen, seen.survey.questions[:3], {"nps": 3, "call": wish()}, NOON)
    assert confirmations(earlier, seen, {"why": "slow"}, (ChannelName.EMAIL,)) == []


def test_the_same_answers_make_the_same_rows_and_each_call_its_own() -> None:
    new = {"nps": 3, "call": wish(), "advice": wish(at=AT + timedelta(hours=1))}
    first = confirmed(visit(email=MAIL), new)
    assert confirmed(visit(email=MAIL), new) == first
    assert len({row.id for row in first}) == 2
    assert [row.call.at for row in first if row.call] == [AT, AT + timedelta(hours=1)]


def test_an_answer_on_a_later_page_is_confirmed_from_its_own_time_on() -> None:
    seen = visit(goes_on=True, email=MAIL)
    assert seen.survey is not None
    score, call = seen.survey.questions[:1], seen.survey.questions[1:3]
    before = next_revision(seen, score, {"nps": 3}, NOON)
    later, seen = NOON + timedelta(hours=2), Visit(Door.OPEN, seen.invitation, seen.survey, before, None, seen.occasion)
    new: Answers = {"call": wish()}
    partial = next_revision(seen, call, new, later)
    assert partial.status is ResponseStatus.PARTIAL
    (row,) = confirmations(partial, seen, new, (ChannelName.EMAIL,))
    assert (row.created_at, row.due_at) == (later, later)
