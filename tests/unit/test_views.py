"""A survey, its brand and a visitor become the view of a page: names of steps, times of calls, faults, thanks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from survey_service.answering.forms import Circumstances, Fault
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.response import CallWish
from survey_service.models.survey import Survey
from survey_service.pages.look import FaultView, KioskView, Phrase, ProgressView, QuestionView
from survey_service.pages.views import Sheet, survey_view, thanks_view
from survey_service.texts.filling import Place
from tests.support.factories import NOON, make_invitation, make_response

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
BRAND = Brand.model_validate({"id": "acme", "name": "Acme", "timezone": "Europe/Berlin", "created_at": NOON})
NPS: dict[str, Any] = {"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}
WHY = {"id": "why", "kind": "text", "text": {"en": "Why?"}}
OPTIONS = [{"id": "food", "text": {"en": "The food", "de": "Das Essen"}}, {"id": "staff", "text": {"en": "The staff"}}]
CALL = {
    "id": "call",
    "kind": "call",
    "text": {"en": "Shall we call you?"},
    "call": {"windows": {"mon-tue": ["09:00-12:00"]}, "minutes": 60, "notice": "PT24H", "days": 1, "most": 2},
}


def sheet(*questions: dict[str, Any], survey: dict[str, Any] | None = None, **changes: Any) -> Sheet:
    """A page of a public link at noon in Berlin, on which all of the questions stand."""
    content = {"name": "S", "brand": "acme", "primary": questions[0]["id"], "questions": questions, **(survey or {})}
    made = Survey.model_validate({"id": "s@1", "survey": "s", "version": 1, "created_at": NOON, **content})
    fields: dict[str, Any] = {
        "brand": BRAND,
        "invitation": None,
        "place": Place("berlin", "Berlin Mitte"),
        "language": "en",
        "page": made.questions,
        "action": "/l/door",
        "circumstances": Circumstances(MONDAY, ZoneInfo("Europe/Berlin")),
    }
    return Sheet(survey=made, **(fields | changes))


def question(shown: Sheet) -> QuestionView:
    """The only question of a sheet as its reader sees it."""
    [view] = survey_view(shown).questions
    return view


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            {"kind": "nps"},
            [
                "0 of 10, very unlikely",
                "1 of 10, very unlikely",
                "2 of 10, unlikely",
                "3 of 10, unlikely",
                "4 of 10, unlikely",
                "5 of 10, neither likely nor unlikely",
                "6 of 10, likely",
                "7 of 10, likely",
                "8 of 10, likely",
                "9 of 10, very likely",
                "10 of 10, very likely",
            ],
        ),
        (
            {"kind": "csat", "look": "faces"},
            [
                "1 of 5, very dissatisfied",
                "2 of 5, dissatisfied",
                "3 of 5, neither satisfied nor dissatisfied",
                "4 of 5, satisfied",
                "5 of 5, very satisfied",
            ],
        ),
        ({"kind": "csat", "look": "stars"}, [f"{number} of 5 stars" for number in range(1, 6)]),
        ({"kind": "csat", "scale": "yes-no"}, ["Yes", "No"]),
        (
            {"kind": "ces"},
            [
                "1 of 7, I disagree strongly",
                "2 of 7, I disagree",
                "3 of 7, I disagree",
                "4 of 7, I neither agree nor disagree",
                "5 of 7, I agree",
                "6 of 7, I agree",
                "7 of 7, I agree strongly",
            ],
        ),
    ],
)
def test_each_step_is_named_by_its_number_and_its_meaning(kind: dict[str, str], names: list[str]) -> None:
    assert [step.name for step in question(sheet(NPS | kind)).steps] == names


def test_the_ends_of_a_scale_are_called_what_the_survey_calls_them() -> None:
    labels = {"low_label": {"en": "Never"}, "high_label": {"en": "At once"}}
    steps = question(sheet(NPS | labels)).steps
    assert [steps[0].name, steps[1].name, steps[10].name] == [
        "0 of 10, Never",
        "1 of 10, very unlikely",
        "10 of 10, At once",
    ]


def test_yes_stands_before_no_and_both_are_the_numbers_of_the_scale() -> None:
    steps = question(sheet(NPS | {"kind": "csat", "scale": "yes-no", "look": "faces"})).steps
    assert [(step.value, step.smile) for step in steps] == [("1", 1.0), ("0", -1.0)]


@pytest.mark.parametrize(("scale", "smiles"), [("1-5", [-1, -0.5, 0, 0.5, 1]), ("1-10", None)])
def test_faces_brighten_evenly_and_numbers_have_none(scale: str, smiles: list[float] | None) -> None:
    look = {"kind": "csat", "scale": scale, "look": "faces" if smiles else "numbers"}
    steps = question(sheet(NPS | look)).steps
    assert [step.smile for step in steps if step.smile is not None] == (smiles or [])


def test_texts_fall_back_one_by_one_and_say_which_language_they_are_in() -> None:
    choice = {"id": "meal", "kind": "choice", "text": {"en": "What for?"}, "options": OPTIONS}
    nps, meal = survey_view(sheet(NPS, choice, language="de")).questions
    assert nps.text == Phrase("Wie wahrscheinlich?", "de")
    assert meal.text == Phrase("What for?", "en")
    assert [option.text.lang for option in meal.options] == ["de", "en"]


@pytest.mark.parametrize(
    ("page", "joined"),
    [([NPS, WHY], [False, True]), ([NPS, CALL, WHY], [False, False, False]), ([WHY, NPS], [False, False])],
)
def test_the_words_about_a_score_stand_with_it(page: list[dict[str, Any]], joined: list[bool]) -> None:
    views = survey_view(sheet(*page, survey={"primary": "nps"})).questions
    assert [view.joined for view in views] == joined


def test_a_call_is_offered_in_the_zone_and_language_of_the_customer() -> None:
    invitation = make_invitation(recipient=CustomerProfile(timezone="Asia/Tokyo", phone="+4915123456789"))
    view = question(sheet(CALL, invitation=invitation, place=None, language="de")).call
    assert view is not None
    assert [day.day for day in view.days] == ["Dienstag, 24. November 2026"]
    assert [(slot.value, slot.time, slot.name) for slot in view.days[0].slots] == [
        ("2026-11-24T09:00:00+00:00", "18:00", "Dienstag, 24. November 2026, 18:00"),
        ("2026-11-24T10:00:00+00:00", "19:00", "Dienstag, 24. November 2026, 19:00"),
    ]
    assert view.zone == "Japanische Zeit"


def test_a_chosen_time_stays_as_long_as_it_is_free() -> None:
    early, taken = "2026-11-23T10:00:00+00:00", "2026-11-22T10:00:00+00:00"
    for chosen, kept in ((early, True), (taken, False), ("no", False), ("soon", False)):
        view = question(sheet(CALL, values={"call": chosen, "call.about": "the bill"})).call
        assert view is not None
        assert (chosen in [slot.value for day in view.days for slot in day.slots]) is kept
        assert view.about == "the bill"


def test_a_known_number_is_said_to_be_known_and_nothing_more() -> None:
    known = sheet(CALL, circumstances=Circumstances(MONDAY, ZoneInfo("UTC"), phone_known=True))
    view = question(known).call
    assert view is not None
    assert (view.phone_known, view.phone) == (True, "")


@pytest.mark.parametrize(
    ("asked", "fault", "sentence"),
    [
        (NPS, Fault.MISSING, "Please choose a number."),
        (NPS, Fault.NOT_ON_SCALE, "Please choose one of the answers."),
        (NPS | {"kind": "csat", "look": "stars"}, Fault.MISSING, "Please choose one of the answers."),
        (NPS | {"kind": "csat", "scale": "yes-no"}, Fault.MISSING, "Please choose one of the answers."),
        (NPS | {"kind": "choice", "options": OPTIONS}, Fault.MISSING, "Please choose one of the answers."),
        (NPS | {"kind": "choices", "options": OPTIONS}, Fault.MISSING, "Please choose at least one answer."),
        (
            NPS | {"kind": "choice", "options": OPTIONS},
            Fault.NOT_OFFERED,
            "This answer is no longer offered. Please choose another one.",
        ),
        (NPS | {"kind": "consent"}, Fault.MISSING, "Please tick the box."),
        (NPS | {"kind": "line"}, Fault.MISSING, "Please write a few words."),
        (NPS | {"kind": "line"}, Fault.TOO_LONG, "Please shorten this to 200 characters."),
        (NPS | {"kind": "text"}, Fault.TOO_LONG, "Please shorten this to 4000 characters."),
    ],
)
def test_each_fault_says_what_to_do(asked: dict[str, Any], fault: Fault, sentence: str) -> None:
    assert question(sheet(asked, faults={"nps": fault})).fault == FaultView("nps", sentence)


@pytest.mark.parametrize(
    ("fault", "field", "sentence"),
    [
        (Fault.MISSING, "call", "Please choose a time, or “No, thank you”."),
        (Fault.NOT_OFFERED, "call", "This time is no longer free. Please choose another one."),
        (Fault.TOO_LONG, "call.about", "Please shorten this to 4000 characters."),
        (Fault.NO_PHONE, "call.phone", "Please tell us the number to call."),
        (
            Fault.BAD_PHONE,
            "call.phone",
            "Please write the number with its country code, such as +4915123456789.",
        ),
    ],
)
def test_a_fault_of_a_call_is_about_the_field_that_can_mend_it(fault: Fault, field: str, sentence: str) -> None:
    assert question(sheet(CALL, faults={"call": fault})).fault == FaultView(field, sentence)


def test_who_comes_back_is_told_where_they_are_instead_of_why() -> None:
    first = survey_view(sheet(NPS, WHY))
    assert (first.progress, bool(first.why), bool(first.time_hint)) == (None, True, True)
    later = survey_view(sheet(NPS, WHY, response=make_response(asked=("a",))))
    assert (later.progress, later.why, later.time_hint) == (ProgressView(2, 3, 3), "", "")


def test_only_who_came_by_nothing_sees_a_preview() -> None:
    assert not survey_view(sheet(NPS)).preview
    assert not survey_view(sheet(NPS, place=None, invitation=make_invitation())).preview
    assert survey_view(sheet(NPS, place=None)).preview


@pytest.mark.parametrize(
    ("survey", "brand", "message"),
    [
        ({}, {}, Phrase("Thank you. We are glad that it went well.", "en")),
        ({}, {"thanks": {"de": "Danke von {{brand.name}}"}}, Phrase("Danke von Acme", "de")),
        ({"thanks": {"en": "Thanks!"}}, {"thanks": {"en": "Brand"}}, Phrase("Thanks!", "en")),
        ({"thanks": {"en": "No"}, "replies": [{"low": 9, "high": 10, "text": {"en": "Wow"}}]}, {}, Phrase("Wow", "en")),
    ],
)
def test_thanks_are_the_surveys_else_the_brands_else_ours(
    survey: dict[str, Any], brand: dict[str, Any], message: Phrase
) -> None:
    there = sheet(NPS, survey=survey, brand=Brand.model_validate(BRAND.model_dump() | brand))
    assert thanks_view(there, 10).message == message


def test_thanks_repeat_the_call_that_was_agreed() -> None:
    wish = CallWish(at=datetime(2026, 11, 24, 9, tzinfo=UTC), minutes=15)
    [line] = thanks_view(sheet(NPS, response=make_response(answers={"nps": 9, "call": wish})), 9).summary
    assert line == "We call you on Tuesday, November 24, 2026 at 10:00\u202fAM GMT+01:00."


REDIRECT = {
    "metric": "nps",
    "low": 9,
    "url": "https://maps.example/r",
    "label": {"en": "Tell others"},
    "at_once": True,
}


def test_thanks_lead_on_by_score_and_only_where_it_is_allowed() -> None:
    brand = Brand.model_validate(BRAND.model_dump() | {"redirects": [REDIRECT]})
    there, hosts = sheet(NPS, brand=brand), {"maps.example"}
    found = thanks_view(there, 9, hosts).redirect
    assert found is not None
    assert (found.url, found.label, found.at_once) == ("https://maps.example/r", Phrase("Tell others", "en"), True)
    assert thanks_view(there, 8, hosts).redirect is None
    assert thanks_view(there, 9).redirect is None
    assert thanks_view(replace(there, kiosk=KioskView("/l/door")), 9, hosts).redirect is None
    anonymous = there.survey.model_copy(update={"anonymous": True})
    assert thanks_view(replace(there, survey=anonymous), 9, hosts).redirect is None
    shown = thanks_view(replace(there, place=None), 9, hosts).redirect
    assert shown is not None
    assert not shown.at_once  # in a preview one stays
