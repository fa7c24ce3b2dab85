"""What one kind of question may say, rule by rule, each with its pointer."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.api.checks import check_survey
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.survey import SurveyContent

NPS = {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}}
CSAT = {"id": "csat", "kind": "csat", "text": {"en": "How satisfied?"}}
OPTIONS = [{"id": "price", "text": {"en": "The price"}}, {"id": "speed", "text": {"en": "The speed"}}]
REASONS = {"id": "reasons", "kind": "choices", "text": {"en": "What was it?"}, "options": OPTIONS}
CALL = {
    "id": "call",
    "kind": "call",
    "text": {"en": "Shall we call?"},
    "call": {"windows": {"mon-fri": ["09:00-17:00"]}},
}
LATER = {"id": "later", "kind": "line", "text": {"en": "What else?"}}


def refused(*questions: dict[str, Any], **changes: Any) -> list[FieldProblem]:
    """The problems of a survey whose first question is the primary one."""
    fields = {"name": "After", "brand": "acme", "primary": questions[0]["id"], "questions": questions, **changes}
    try:
        check_survey(SurveyContent.model_validate(fields), {"acme"})
    except InvalidInput as error:
        return list(error.problems)
    return []


def call(**changes: Any) -> dict[str, Any]:
    return {**CALL, "call": {**CALL["call"], **changes}}  # type: ignore[dict-item]


def options(*changed: dict[str, Any]) -> dict[str, Any]:
    return {**REASONS, "options": [*OPTIONS, *changed]}


@pytest.mark.parametrize(
    "questions",
    [
        [NPS, REASONS, CALL, LATER],
        [NPS, {**REASONS, "kind": "choice"}],
        [NPS, {"id": "news", "kind": "consent", "text": {"en": "May we write?"}, "required": False}],
        *([{**CSAT, "scale": scale}] for scale in ("1-5", "1-10", "yes-no")),
        *([{**CSAT, "look": look}] for look in ("stars", "faces", "numbers")),
        [{**CSAT, "scale": "1-10", "look": "stars"}],
        [CSAT, call(windows={"mon-fri": ["09:00-12:00", "13:00-17:30"], "sat": ["10:00-11:00"]}, minutes=60)],
        [CSAT, call(notice="PT0S", days=1)],
        [NPS, REASONS, {**LATER, "show_if": "'price' in answers.reasons"}],
        [NPS, REASONS, {**LATER, "show_if": "'price' in answers['reasons']"}],
        [NPS, CALL, {**LATER, "show_if": "has(answers.call) && answers.call.at != ''"}],
    ],
)
def test_each_kind_of_question_can_be_asked(questions: list[dict[str, Any]]) -> None:
    assert refused(*questions) == []


@pytest.mark.parametrize(
    ("question", "below", "rule"),
    [
        ({**NPS, "scale": "1-10"}, "scale", "csat"),
        ({**LATER, "scale": "1-5"}, "scale", "csat"),
        ({**NPS, "look": "stars"}, "look", "look"),
        ({**LATER, "look": "faces"}, "look", "look"),
        ({**CSAT, "scale": "yes-no", "look": "stars"}, "look", "look"),
        ({**CSAT, "scale": "yes-no", "look": "faces"}, "look", "look"),
        ({**CSAT, "scale": "1-10", "look": "faces"}, "look", "look"),
        *(({**question, "low_label": {"en": "x"}}, "low_label", "label") for question in (REASONS, CALL, LATER)),
        *(({**question, "options": OPTIONS}, "options", "options") for question in (NPS, CALL, LATER)),
        ({**REASONS, "options": []}, "options", "options"),
        ({**REASONS, "options": OPTIONS[:1]}, "options", "options"),
        ({**REASONS, "kind": "choice", "options": OPTIONS[:1]}, "options", "options"),
        (options(OPTIONS[0]), "options/2/id", "unique"),
        (options({"id": "x", "text": {"de": "Der Preis"}}), "options/2/text", "default_language"),
        (options({"id": "x", "text": {"en": "a", "xx": "?"}}), "options/2/text/xx", "language"),
        (options({"id": "x", "text": {"en": "a\nb"}}), "options/2/text/en", "control_character"),
        (options({"id": "x", "text": {"en": " "}}), "options/2/text/en", "blank"),
        (options({"id": "x", "text": {"en": "{{answers.nps}}"}}), "options/2/text/en", "placeholder"),
        (options({"id": "x", "text": {"en": "x" * 201}}), "options/2/text/en", "length"),
        ({**NPS, "low_label": {"en": "x" * 201}}, "low_label/en", "length"),
        ({**CALL, "call": None}, "call", "call"),
        ({**LATER, "call": CALL["call"]}, "call", "call"),
        (call(windows={"mo-fr": ["09:00-17:00"]}), "call/windows/mo-fr", "windows"),
        (call(windows={"mon": ["9-17"]}), "call/windows/mon", "windows"),
        (call(windows={"mon": ["17:00-09:00"]}), "call/windows/mon", "windows"),
        (call(windows={"mon": ["09:00-12:00", "11:00-13:00"]}), "call/windows/mon", "windows"),
        (call(windows={"a/b~c": ["09:00-12:00"]}), "call/windows/a~1b~0c", "windows"),
        (call(windows={"mon": []}), "call/windows", "windows"),
        (call(windows={"mon": ["09:00-09:10"]}, minutes=15), "call/minutes", "windows"),
        (call(notice="soon"), "call/notice", "period"),
        (call(notice="P5D", days=5), "call/notice", "before_days"),
        ({**LATER, "show_if": "answers.later == ''"}, "show_if", "earlier_question"),
        ({**LATER, "show_if": "'x' in answers.reasons"}, "show_if", "earlier_question"),
        ({**LATER, "show_if": 'answers["later"] == "x"'}, "show_if", "earlier_question"),
        ({**LATER, "show_if": "answers.call.at == ''"}, "show_if", "earlier_question"),
    ],
)
def test_a_question_is_refused_where_it_breaks_a_rule(question: dict[str, Any], below: str, rule: str) -> None:
    problems = refused({**CSAT, "id": "first"}, question)
    assert [(problem.pointer, problem.rule) for problem in problems] == [(f"/questions/1/{below}", rule)]


@pytest.mark.parametrize(
    ("period", "rule"),
    [("PT5M", None), ("P30D", None), ("PT299S", "range"), ("P31D", "range"), ("P1M", "period"), ("", "period")],
)
def test_an_unfinished_answer_is_waited_for_between_minutes_and_a_month(period: str, rule: str | None) -> None:
    problems = [(problem.pointer, problem.rule) for problem in refused(NPS, finish_after=period)]
    assert problems == ([("/finish_after", rule)] if rule else [])


@pytest.mark.parametrize("primary", [REASONS, CALL, LATER, {**LATER, "kind": "consent"}])
def test_the_primary_question_is_a_metric(primary: dict[str, Any]) -> None:
    problems = refused(primary, NPS)
    assert [(problem.pointer, problem.rule) for problem in problems] == [("/primary", "metric_question")]
