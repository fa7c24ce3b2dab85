"""Revisions: a visit and what was answered come in; the response as it stands after it goes out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from survey_service.answering.flow import Answers, next_page
from survey_service.answering.gate import Visit
from survey_service.calendars.periods import parse_period
from survey_service.models.delivery import ChannelName
from survey_service.models.outbox import NewsType, Outbox, news_of, outbox_with
from survey_service.models.response import FinishedBy, Measure, Response, ResponseStatus
from survey_service.models.survey import Question, Survey


def next_revision(
    visit: Visit,
    page: Sequence[Question],
    new: Answers,
    now: datetime,
    *,
    language: str | None = None,
    text: str | None = None,
    by: ChannelName = ChannelName.SMS,
    submission: str | None = None,
) -> Response:
    """The response after one more confirmed page (its own id is `submission`), or after an incoming text.

    `text` is the id of that text, or mail, and `by` how it came.
    """
    occasion, survey, before = visit.occasion, visit.survey, visit.response
    assert occasion is not None and survey is not None  # noqa: S101, PT018 -- the caller checked the door
    answers = {**(before.answers if before else {}), **new}
    asked = (*(before.asked if before else ()), *(question.id for question in page))
    finished = not next_page(survey, answers, asked, occasion.variables)
    came_by = by if text is not None else occasion.channel
    primary = survey.primary_question
    score = answers.get(primary.id)
    scored = score is not None and (before is None or before.score is None)
    return Response(
        **occasion.facts,
        id=occasion.response,
        outbox=_outbox(occasion.response, now, scored=scored, finished=finished),
        due_at=None if finished else now + parse_period(survey.finish_after),
        revision=before.revision + 1 if before else 1,
        status=ResponseStatus.FINISHED if finished else ResponseStatus.PARTIAL,
        finished_by=FinishedBy.CUSTOMER if finished else None,
        survey=survey.survey,
        survey_version=survey.version,
        brand=survey.brand,
        channel=before.channel if before else came_by.value,
        language=language or (before.language if before else occasion.language),
        metric=primary.kind.value,
        scale=primary.metric.label if primary.metric else "",
        score=score if isinstance(score, int) else None,
        scores=_scores(survey, answers),
        measures=_measures(survey, answers),
        asked=asked,
        answers=answers,
        comment=next(iter(survey.words_in(answers)), None),
        texts=_with(before.texts if before else (), text),
        submissions=_with(before.submissions if before else (), submission),
        network=before.network if before else None,
        suspect=before.suspect if before else None,
        suspect_by=before.suspect_by if before else None,
        started_at=before.started_at if before else now,
        finished_at=now if finished else None,
    )


def finished_by_timeout(response: Response, now: datetime) -> Response:
    """A partial response that nothing more came to, taken for the whole."""
    ended = {
        "revision": response.revision + 1,
        "status": ResponseStatus.FINISHED,
        "finished_by": FinishedBy.TIMEOUT,
        "finished_at": now,
        "due_at": None,
        "outbox": _outbox(response.id, now, scored=False, finished=True),
    }
    return response.model_copy(update=ended)


def _outbox(response: str, now: datetime, *, scored: bool, finished: bool) -> Outbox:
    """What this revision has to tell."""
    told = {NewsType.RESPONSE_SCORED: scored, NewsType.RESPONSE_FINISHED: finished}
    return outbox_with(*(news_of(response, kind, now) for kind, holds in told.items() if holds))


def _with(known: tuple[str, ...], one: str | None) -> tuple[str, ...]:
    return known if one is None else (*known, one)


def _measured(survey: Survey, answers: Answers) -> list[Question]:
    return [question for question in survey.questions if question.metric is not None and question.id in answers]


def _scores(survey: Survey, answers: Answers) -> dict[str, int]:
    values = {question.id: answers[question.id] for question in _measured(survey, answers)}
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _measures(survey: Survey, answers: Answers) -> dict[str, Measure]:
    return {
        question.id: Measure(metric=question.kind.value, scale=question.metric.label)
        for question in _measured(survey, answers)
        if question.metric is not None
    }
