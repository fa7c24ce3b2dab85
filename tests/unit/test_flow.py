"""The flow of a survey: which page comes next, and what a form amounts to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.answering.flow import MAX_TEXT, Fault, next_page, read_form
from survey_service.models.survey import Question, Survey
from survey_service.rules import cel_value
from tests.support.factories import NOON


def a_question(name: str, kind: str = "text", **changes: Any) -> Question:
    return Question.model_validate({"id": name, "kind": kind, "text": {"en": f"{name}?"}, **changes})


def a_survey(*questions: Question) -> Survey:
    return Survey.model_validate(
        {
            "id": "s:1",
            "survey": "s",
            "version": 1,
            "created_at": NOON,
            "name": "S",
            "brand": "acme",
            "primary": "nps",
            "questions": questions,
        }
    )


NPS = a_question("nps", "nps")
WHY = a_question("why", required=False)
FIX = a_question("fix", required=False, show_if="answers.nps <= 6.0")
PRAISE = a_question("praise", required=False, show_if="answers.nps >= 9.0")
CALL = a_question("call", required=False, show_if="answers.fix != '' && customer.attributes.tier == 'gold'")
SURVEY = a_survey(FIX, NPS, PRAISE, WHY, CALL)
GOLD = {"customer": cel_value({"attributes": {"tier": "gold"}}), "event": {}}


def page(answers: dict[str, int | str], asked: tuple[str, ...], variables: dict[str, Any] | None = None) -> list[str]:
    return [question.id for question in next_page(SURVEY, answers, asked, GOLD if variables is None else variables)]


def test_the_first_page_is_what_stands_under_no_condition() -> None:
    assert page({}, ()) == ["nps", "why"]


@pytest.mark.parametrize(("score", "expected"), [(0, ["fix"]), (6, ["fix"]), (7, []), (9, ["praise"])])
def test_the_second_page_is_what_the_answers_call_for(score: int, expected: list[str]) -> None:
    assert page({"nps": score}, ("nps", "why")) == expected


def test_answers_of_the_second_page_call_for_a_third() -> None:
    assert page({"nps": 3, "fix": "speed"}, ("nps", "why", "fix")) == ["call"]
    assert page({"nps": 3, "fix": "speed"}, ("nps", "why", "fix", "call")) == []


def test_a_condition_over_a_missing_key_is_false() -> None:
    assert page({"nps": 3}, ("nps", "why", "fix")) == []  # fix was left empty
    assert page({"nps": 3, "fix": "speed"}, ("nps", "why", "fix"), {"customer": {}, "event": {}}) == []
    assert page({}, ("nps", "why")) == []  # no score at all


def test_a_condition_that_does_not_compile_is_false() -> None:
    survey = a_survey(NPS, a_question("broken", show_if="answers.nps <="))
    assert next_page(survey, {"nps": 1}, ("nps",), {}) == []


def test_a_question_that_was_asked_is_not_asked_again() -> None:
    assert page({"nps": 3}, ("nps",)) == ["why"]


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("nps", "0", 0),
        ("nps", "10", 10),
        ("nps", " 9 ", 9),
        ("nps", "07", 7),
        ("nps", "11", None),
        ("nps", "-1", None),
        ("nps", "+5", None),
        ("nps", "9.0", None),
        ("nps", "1e1", None),
        ("nps", "0x5", None),
        ("nps", "٩", None),  # ARABIC-INDIC DIGIT NINE is a digit to str.isdigit and to int
        ("nps", "９", None),  # FULLWIDTH DIGIT NINE
        ("nps", "²", None),  # a digit to str.isdigit, not to int
        ("nps", "1_0", None),
        ("nps", "true", None),
        ("nps", "9" * 5000, None),
        ("nps", "000", None),
        ("csat", "1", 1),
        ("csat", "5", 5),
        ("csat", "0", None),
        ("csat", "6", None),
        ("ces", "1", 1),
        ("ces", "7", 7),
        ("ces", "8", None),
    ],
)
def test_a_score_is_a_whole_number_of_its_scale(kind: str, raw: str, expected: int | None) -> None:
    read = read_form([a_question("score", kind)], {"score": raw})
    if expected is None:
        assert (read.answers, read.faults) == ({}, {"score": Fault.NOT_ON_SCALE})
    else:
        assert (read.answers, read.faults) == ({"score": expected}, {})


@pytest.mark.parametrize("kind", ["nps", "csat", "ces", "text"])
@pytest.mark.parametrize("form", [{}, {"q": ""}, {"q": " \t\r\n"}, {"q": "\x00"}, {"q": "\u202e \ud800"}])
def test_nothing_readable_is_no_answer(kind: str, form: dict[str, str]) -> None:
    required = read_form([a_question("q", kind)], form)
    assert (required.answers, required.faults) == ({}, {"q": Fault.MISSING})
    optional = read_form([a_question("q", kind, required=False)], form)
    assert (optional.answers, optional.faults) == ({}, {})


def test_a_text_is_taken_as_it_was_written_without_what_cannot_be_shown() -> None:
    read = read_form([WHY], {"why": "  <b>quick</b>\r\n{{customer.email}}\x00 \u202e😀 = SUM(A1)  "})
    assert read.answers == {"why": "<b>quick</b>\n{{customer.email}} 😀 = SUM(A1)"}


@pytest.mark.parametrize(("length", "taken"), [(MAX_TEXT, True), (MAX_TEXT + 1, False), (5000, False)])
def test_a_text_has_a_limit(length: int, taken: bool) -> None:
    read = read_form([WHY], {"why": "ä" * length})
    assert (read.faults == {}) is taken
    assert (read.faults == {"why": Fault.TOO_LONG}) is not taken


def test_fields_that_are_no_question_of_the_page_are_left_alone() -> None:
    read = read_form([NPS], {"nps": "9", "why": "later", "_lang": "de", "$where": "1"})
    assert read.answers == {"nps": 9}


def test_each_question_has_its_own_fault() -> None:
    read = read_form([NPS, WHY, a_question("must")], {"nps": "eleven", "why": "x" * 5000})
    assert read.faults == {"nps": Fault.NOT_ON_SCALE, "why": Fault.TOO_LONG, "must": Fault.MISSING}


@given(st.dictionaries(st.sampled_from(["nps", "why"]), st.text()))
def test_no_form_breaks_the_reading(form: dict[str, str]) -> None:
    read = read_form([NPS, WHY], form)
    assert read.answers.keys().isdisjoint(read.faults)
    score = read.answers.get("nps")
    assert score is None or score in range(11)
