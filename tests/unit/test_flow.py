"""The flow of a survey: which page comes next, and what a text message asks."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.answering.flow import next_page, next_question
from survey_service.models.response import AnswerValue, CallWish
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


def page(answers: dict[str, AnswerValue], asked: tuple[str, ...], variables: dict[str, Any] | None = None) -> list[str]:
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
    ("condition", "shown"),
    [
        ("'late' in answers.reasons", True),
        ("'cold' in answers.reasons", False),
        ("size(answers.reasons) == 2", True),
        ("answers.size == 'small'", True),
        ("answers.agreed == true", True),
        ("!answers.agreed", False),
        ("answers.call.minutes == 15.0", True),
        ("answers.call.about == 'the bill'", True),
    ],
)
def test_conditions_see_every_kind_of_answer(condition: str, shown: bool) -> None:
    answers: dict[str, AnswerValue] = {
        "nps": 3,
        "reasons": ("late", "rude"),
        "size": "small",
        "agreed": True,
        "call": CallWish(at=NOON, minutes=15, about="the bill"),
    }
    survey = a_survey(NPS, a_question("more", show_if=condition))
    assert [question.id for question in next_page(survey, answers, ("nps",), GOLD)] == ["more"] * shown


def test_a_text_message_asks_the_primary_question_first_and_leaves_boxes_to_the_page() -> None:
    survey = a_survey(a_question("agreed", "consent"), WHY, NPS)
    assert next_question(survey, {}, (), GOLD) == NPS
    assert next_question(survey, {"nps": 9}, ("nps",), GOLD) == WHY
    assert next_question(survey, {"nps": 9}, ("nps", "why"), GOLD) is None


def test_what_is_left_to_the_page_holds_no_conversation_up() -> None:
    survey = a_survey(a_question("agreed", "consent"), NPS, FIX)
    assert next_question(survey, {"nps": 3}, ("nps",), GOLD) == FIX
