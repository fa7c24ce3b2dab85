"""A public link's id and content come in; every rule that they break is raised."""

from __future__ import annotations

import re
from collections.abc import Mapping

from survey_service.api.checks.fields import Problems, refuse
from survey_service.api.checks.texts import language_problems, translation_problems
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.link import LinkContent
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent

# It is printed, and typed by hand where a camera fails: nothing that has to be escaped in an address.
_LINK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_link_id(name: str, pointer: str = "/id") -> None:
    """Refuse an id that could not stand in a printed address; raises InvalidInput."""
    if not _LINK_ID.fullmatch(name):
        message = "is 1 to 64 letters (a-z, A-Z), digits, hyphens and underscores, beginning with a letter or digit"
        raise InvalidInput.at(pointer, "id", message)


def check_link(
    content: LinkContent, surveys: Mapping[str, SurveyContent], touchpoint: TouchpointContent | None
) -> None:
    """Refuse a link that leads to nothing; `surveys` are those that exist, `touchpoint` is the registered one.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, surveys.get(content.survey), touchpoint))


def _problems(content: LinkContent, survey: SurveyContent | None, touchpoint: TouchpointContent | None) -> Problems:
    if survey is None:
        yield FieldProblem("/survey", "exists", "there is no survey of that id")
    if touchpoint is None:
        yield FieldProblem("/touchpoint", "exists", "there is no registered touchpoint of that id")
    if content.language is not None:
        yield from language_problems("/language", content.language)
        if survey is not None and content.language not in survey.languages:
            spoken = ", ".join(survey.languages)
            yield FieldProblem("/language", "survey_language", f"is not a language of the survey: {spoken}")
    if content.call_to_action is not None:
        yield from translation_problems("/call_to_action", content.call_to_action, single_line=True)
