"""A survey's content and the brands that exist come in; every rule that it breaks is raised."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from survey_service.api.checks.fields import Problems, condition_problems, line_problems, refuse, text_problems
from survey_service.errors import FieldProblem
from survey_service.models.survey import SurveyContent
from survey_service.rules import RuleScope
from survey_service.texts.locales import LANGUAGE_NAMES
from survey_service.texts.placeholders import PlaceholderInvalid, allowed_name, parse

# String literals are matched first, so that what they hold is never taken for a name.
_ANSWER_NAMES = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])answers\.(\w+)""")
_KEY = r"[^.$\0]+"
_DIMENSION_PATH = re.compile(
    rf"event\.data\.(?!customer(?:\.|\Z)){_KEY}(?:\.{_KEY})*"
    r"|event\.(?!data\Z)[a-z0-9]+"
    rf"|customer\.attributes(?:\.{_KEY})+"
    r"|customer\.account"
)
_MAX_PATH = 200


def check_survey(content: SurveyContent, brands: Container[str]) -> None:
    """Refuse a survey that could not be asked; `brands` are the names of those that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, brands))


def _problems(content: SurveyContent, brands: Container[str]) -> Problems:
    yield from line_problems("/name", content.name)
    if content.brand not in brands:
        yield FieldProblem("/brand", "exists", "there is no brand of that id")
    yield from _language_problems("/default_language", content.default_language)
    yield from _primary_problems(content)
    yield from _question_problems(content)
    yield from _dimension_problems(content)
    for pointer, texts, single_line in _texts(content):
        yield from _translation_problems(pointer, texts, single_line, content.default_language)


def _primary_problems(content: SurveyContent) -> Problems:
    if not any(question.scale for question in content.questions):
        yield FieldProblem("/questions", "metric_question", "at least one question must be nps, csat or ces")
    primary = next((question for question in content.questions if question.id == content.primary), None)
    if primary is None or primary.scale is None:
        yield FieldProblem("/primary", "metric_question", "must be the id of an nps, csat or ces question")
    elif primary.show_if is not None:
        yield FieldProblem("/primary", "unconditional", "the primary question is always asked: it takes no show_if")


def _question_problems(content: SurveyContent) -> Problems:
    earlier: set[str] = set()
    for number, question in enumerate(content.questions):
        pointer = f"/questions/{number}"
        if question.id in earlier:
            yield FieldProblem(f"{pointer}/id", "unique", f"`{question.id}` is the id of an earlier question")
        for label in ("low_label", "high_label"):
            if question.scale is None and getattr(question, label) is not None:
                yield FieldProblem(f"{pointer}/{label}", "label", "a text question has no scale whose ends have labels")
        if question.show_if is not None:
            yield from condition_problems(f"{pointer}/show_if", question.show_if, RuleScope.SHOW_IF)
            for name in dict.fromkeys(_ANSWER_NAMES.findall(question.show_if)):
                if name and name not in earlier:
                    message = f"`answers.{name}` is not the answer to a question that is asked before this one"
                    yield FieldProblem(f"{pointer}/show_if", "earlier_question", message)
        earlier.add(question.id)


def _dimension_problems(content: SurveyContent) -> Problems:
    for name, path in content.dimensions.items():
        if len(path) > _MAX_PATH or not _DIMENSION_PATH.fullmatch(path):
            message = "is a path below event.data (but not its customer), event or customer.attributes, or the account"
            yield FieldProblem(f"/dimensions/{name}", "dimension_path", message)


def _texts(content: SurveyContent) -> Iterator[tuple[str, Mapping[str, str], bool]]:
    """Every text with its pointer and whether it must be one line."""
    email, sms = content.messages.email, content.messages.sms
    found = [
        ("/messages/email/subject", email.subject, True),
        ("/messages/email/intro", email.intro, False),
        ("/messages/sms/text", sms.text, False),
        ("/thanks", content.thanks, False),
    ]
    for number, question in enumerate(content.questions):
        found += [
            (f"/questions/{number}/text", question.text, False),
            (f"/questions/{number}/low_label", question.low_label, True),
            (f"/questions/{number}/high_label", question.high_label, True),
        ]
    return ((pointer, texts, single_line) for pointer, texts, single_line in found if texts is not None)


def _translation_problems(pointer: str, texts: Mapping[str, str], single_line: bool, default: str) -> Problems:
    if default not in texts:
        yield FieldProblem(pointer, "default_language", f"has no text in the default language, {default}")
    for language, text in texts.items():
        where = f"{pointer}/{language}"
        yield from _language_problems(where, language)
        yield from line_problems(where, text) if single_line else text_problems(where, text)
        if not text.strip():
            yield FieldProblem(where, "blank", "has nothing to read")
        try:
            parse(text, allowed_name)
        except PlaceholderInvalid as error:
            yield FieldProblem(where, "placeholder", str(error))


def _language_problems(pointer: str, language: str) -> Problems:
    if language not in LANGUAGE_NAMES:
        yield FieldProblem(pointer, "language", "is not a known language, such as de or pt-BR")
