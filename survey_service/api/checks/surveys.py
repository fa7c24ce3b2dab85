"""A survey's content and the brands that exist come in; every rule that it breaks is raised."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from datetime import timedelta

from survey_service.api.checks.fields import Problems, line_problems, refuse
from survey_service.api.checks.questions import question_problems
from survey_service.api.checks.replies import reply_problems
from survey_service.api.checks.texts import language_problems, translation_problems
from survey_service.calendars import PeriodInvalid, format_period, parse_period
from survey_service.errors import FieldProblem
from survey_service.models.survey import SurveyContent

_KEY = r"[^.$\0]+"
_DIMENSION_PATH = re.compile(
    rf"event\.data\.(?!customer(?:\.|\Z)){_KEY}(?:\.{_KEY})*"
    r"|event\.(?!data\Z)[a-z0-9]+"
    rf"|customer\.attributes(?:\.{_KEY})+"
    r"|customer\.account"
)
_MAX_PATH = 200
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=30)  # that is waited for another answer


def check_survey(content: SurveyContent, brands: Container[str], people: Container[str] = ()) -> None:
    """Refuse a survey that could not be asked; `brands` and `people` are the ids of those that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, brands, people))


def _problems(content: SurveyContent, brands: Container[str], people: Container[str]) -> Problems:
    yield from line_problems("/name", content.name)
    if content.brand not in brands:
        yield FieldProblem("/brand", "exists", "there is no brand of that id")
    yield from language_problems("/default_language", content.default_language)
    yield from _primary_problems(content)
    yield from question_problems(content)
    yield from _dimension_problems(content)
    yield from reply_problems(content, people)
    yield from _finish_problems(content.finish_after)
    for pointer, texts, single_line in _texts(content):
        yield from translation_problems(pointer, texts, single_line=single_line, default=content.default_language)


def _primary_problems(content: SurveyContent) -> Problems:
    if not any(question.metric for question in content.questions):
        yield FieldProblem("/questions", "metric_question", "at least one question must be nps, csat or ces")
    primary = next((question for question in content.questions if question.id == content.primary), None)
    if primary is None or primary.metric is None:
        yield FieldProblem("/primary", "metric_question", "must be the id of an nps, csat or ces question")
    elif primary.show_if is not None:
        yield FieldProblem("/primary", "unconditional", "the primary question is always asked: it takes no show_if")


def _dimension_problems(content: SurveyContent) -> Problems:
    for name, path in content.dimensions.items():
        if len(path) > _MAX_PATH or not _DIMENSION_PATH.fullmatch(path):
            message = "is a path below event.data (but not its customer), event or customer.attributes, or the account"
            yield FieldProblem(f"/dimensions/{name}", "dimension_path", message)


def _finish_problems(text: str) -> Problems:
    try:
        period = parse_period(text)
    except PeriodInvalid as error:
        yield FieldProblem("/finish_after", "period", str(error))
        return
    if not _SHORTEST <= period <= _LONGEST:
        shortest, longest = format_period(_SHORTEST), format_period(_LONGEST)
        yield FieldProblem("/finish_after", "range", f"must lie between {shortest} and {longest}")


def _texts(content: SurveyContent) -> Iterator[tuple[str, Mapping[str, str], bool]]:
    """Every text with its pointer and whether it must be one line."""
    email, sms = content.messages.email, content.messages.sms
    found = [
        ("/messages/email/subject", email.subject, True),
        ("/messages/email/intro", email.intro, False),
        ("/messages/sms/text", sms.text, False),
        ("/thanks", content.thanks, False),
    ]
    found += [(f"/replies/{number}/text", reply.text, False) for number, reply in enumerate(content.replies)]
    for number, question in enumerate(content.questions):
        found += [
            (f"/questions/{number}/text", question.text, False),
            (f"/questions/{number}/low_label", question.low_label, True),
            (f"/questions/{number}/high_label", question.high_label, True),
        ]
        found += [
            (f"/questions/{number}/options/{place}/text", option.text, True)
            for place, option in enumerate(question.options)
        ]
    return ((pointer, texts, single_line) for pointer, texts, single_line in found if texts is not None)
