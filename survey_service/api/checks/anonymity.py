"""An anonymous survey, and what uses it, come in; whatever would break its promise comes out as field problems.

The promise is in docs/anonymous.md. Surveys and what uses them can be changed in any order, so each side is held
against the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from survey_service.api.checks.fields import Problems, refuse
from survey_service.errors import FieldProblem
from survey_service.intake.anonymity import RULE, asking_problems, channel_problem
from survey_service.models.delivery import ChannelName
from survey_service.models.follow_up import FollowUpContent, FollowUpOn
from survey_service.models.survey import QuestionKind, SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.models.trigger import TriggerContent
from survey_service.store.blanking import is_personal

_NEEDS_A_PERSON: Mapping[QuestionKind, str] = {
    QuestionKind.CALL: "nobody is known who could be called",
    QuestionKind.CONSENT: "nobody is known who agreed",
}
_TELLS_THE_EVENT = frozenset({"event.time", "event.key"})
# String literals are matched as well, so that what they hold is never taken for a name.
_BESIDE_ANSWERS = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])(event|customer)\b""")


def check_anonymity(
    name: str,
    content: SurveyContent,
    promised: Collection[str],
    triggers: Mapping[str, TriggerContent],
    touchpoints: Mapping[str, TouchpointContent],
    follow_ups: Mapping[str, FollowUpContent],
) -> None:
    """Refuse a survey that promises what it, or something that uses it, would break.

    `promised` are the surveys that are anonymous or ever were, and the others are all that exist, by name.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_survey_problems(name, content, promised, triggers, touchpoints, follow_ups))


def check_use_of_anonymous(
    content: TriggerContent | TouchpointContent | FollowUpContent, surveys: Mapping[str, SurveyContent]
) -> None:
    """Refuse what would break the promise of the survey that it uses; `surveys` are those that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    name = content.keyword_survey if isinstance(content, TouchpointContent) else content.survey
    survey = surveys.get(name) if name is not None else None
    if survey is not None and survey.anonymous:
        refuse(_use_problems(content))


def _survey_problems(
    name: str,
    content: SurveyContent,
    promised: Collection[str],
    triggers: Mapping[str, TriggerContent],
    touchpoints: Mapping[str, TouchpointContent],
    follow_ups: Mapping[str, FollowUpContent],
) -> Problems:
    if not content.anonymous:
        if name in promised:
            message = "what was promised to those who answered cannot be taken back: make another survey"
            yield FieldProblem("/anonymous", RULE, message)
        return
    yield from _content_problems(content)
    users: list[tuple[str, TriggerContent | TouchpointContent | FollowUpContent]] = [
        *((f"trigger {key}", row) for key, row in triggers.items() if row.survey == name),
        *((f"touchpoint {key}", row) for key, row in touchpoints.items() if row.keyword_survey == name),
        *((f"follow-up {key}", row) for key, row in follow_ups.items() if row.survey == name),
    ]
    for user, row in users:
        for problem in _use_problems(row):
            yield FieldProblem("/anonymous", RULE, f"{user}, {problem.pointer}: {problem.message}")


def _content_problems(content: SurveyContent) -> Problems:
    for number, question in enumerate(content.questions):
        pointer = f"/questions/{number}"
        if (why := _NEEDS_A_PERSON.get(question.kind)) is not None:
            yield FieldProblem(f"{pointer}/kind", RULE, f"an anonymous survey asks no {question.kind}: {why}")
        if question.show_if is not None and any(_BESIDE_ANSWERS.findall(question.show_if)):
            message = "what is asked would tell who answers: an anonymous survey looks at `answers` alone"
            yield FieldProblem(f"{pointer}/show_if", RULE, message)
    for number, reply in enumerate(content.replies):
        if reply.send:
            message = "nobody is known whom a message could be sent to; it stands on the thank-you page"
            yield FieldProblem(f"/replies/{number}/send", RULE, message)
    for name, path in content.dimensions.items():
        if is_personal(path) or path in _TELLS_THE_EVENT:
            message = "is taken from the person, or tells the one event: an anonymous answer must not carry it"
            yield FieldProblem(f"/dimensions/{name}", RULE, message)


def _use_problems(content: TriggerContent | TouchpointContent | FollowUpContent) -> Problems:
    if isinstance(content, TriggerContent):
        yield from asking_problems(content.channels, content.incentive)
        if content.cooldown_after_answer is not None:
            message = "nobody knows when an anonymous answer came: cooldown counts from the first message"
            yield FieldProblem("/cooldown_after_answer", RULE, message)
        for number, reminder in enumerate(content.reminders):
            if reminder.channel is ChannelName.SMS:
                yield channel_problem(f"/reminders/{number}/channel")
    elif isinstance(content, TouchpointContent):
        message = "a text message names its sender: a keyword cannot lead to an anonymous survey"
        yield FieldProblem("/keyword_survey", RULE, message)
    else:
        if content.case is not None and content.case.ask_resolved:
            yield FieldProblem("/case/ask_resolved", RULE, "nobody is known who could be asked")
        if content.on is FollowUpOn.MAIL:
            yield FieldProblem("/on", RULE, "a mail names its sender: it answers no anonymous survey")
