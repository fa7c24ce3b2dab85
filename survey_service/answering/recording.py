"""Recording: what a person confirmed on a page comes in; a partial or finished response goes out, exactly one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from survey_service.answering.flow import Fault, next_page, read_form
from survey_service.answering.gate import Door, TokenGate, Visit
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import response_id
from survey_service.models.invitation import Invitation
from survey_service.models.response import FinishedBy, Response, ResponseStatus
from survey_service.models.survey import Question, Survey
from survey_service.rules import cel_value
from survey_service.store.store import Store
from survey_service.telemetry import RESPONSES


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submitted page.

    `visit` is the state afterwards; `page` holds the questions to show next (with `faults`: the same ones again).
    `taken` says whether this very submission was stored.
    """

    visit: Visit
    taken: bool
    page: tuple[Question, ...] = ()
    faults: Mapping[str, Fault] | None = None


class Recording:
    """Stores answers; the only writer of responses that customers reach."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gate = TokenGate(store)

    async def look(self, token: str) -> Visit:
        """What a token opens; changes nothing."""
        return await self._gate.look(token)

    def page_of(self, visit: Visit) -> tuple[Question, ...]:
        """The questions that an open visit shows now."""
        if visit.door is not Door.OPEN or visit.invitation is None or visit.survey is None:
            return ()
        answers = visit.response.answers if visit.response else {}
        asked = visit.response.asked if visit.response else ()
        return tuple(next_page(visit.survey, answers, asked, variables_of(visit.invitation)))

    async def submit(self, token: str, form: Mapping[str, str], language: str | None = None) -> Submission:
        """Take one page of answers.

        The first confirmed page makes the response, later ones add to it; when nothing is left to ask it is
        finished. A finished response is never changed: a second submission finds the door `finished`.
        """
        visit = await self._gate.look(token)
        if visit.door is not Door.OPEN or visit.invitation is None or visit.survey is None:
            return Submission(visit, taken=False)
        page = self.page_of(visit)
        # A page that was sent before and comes again (back button, double tap) is not held against its sender.
        if page and not any(question.id in form for question in page) and visit.response is not None:
            return Submission(visit, taken=False, page=page)
        read = read_form(page, form)
        if read.faults:
            return Submission(visit, taken=False, page=page, faults=read.faults)
        response = next_revision(visit, page, read.answers, language, self._store.clock.now())
        if not await self._save(response):
            # Another tab was first; whatever it stored stands.
            now_there = await self._gate.look(token)
            return Submission(now_there, taken=False, page=self.page_of(now_there))
        finished = response.status is ResponseStatus.FINISHED
        after = Visit(Door.FINISHED if finished else Door.OPEN, visit.invitation, visit.survey, response)
        return Submission(after, taken=True, page=self.page_of(after))

    async def answer(
        self, visit: Visit, page: Sequence[Question], answers: Mapping[str, int | str], text: str
    ) -> Response | None:
        """Take `answers` to the questions of `page` that the incoming text `text` gave, on an open visit.

        The response that holds them now; None if another writer was first, and nothing is changed.
        """
        response = next_revision(visit, page, answers, None, self._store.clock.now(), text)
        return response if await self._save(response) else None

    async def _save(self, response: Response) -> bool:
        if not await self._store.responses.save(response):
            return False
        RESPONSES.labels(response.survey, response.status.value).inc()
        return True


def next_revision(
    visit: Visit,
    page: Sequence[Question],
    new: Mapping[str, int | str],
    language: str | None,
    now: datetime,
    text: str | None = None,
) -> Response:
    """The response after one more confirmed page, or after the answers in an incoming text (its id). Pure."""
    invitation, survey, before = visit.invitation, visit.survey, visit.response
    assert invitation is not None and survey is not None  # noqa: S101, PT018 -- the caller checked the door
    answers = {**(before.answers if before else {}), **new}
    asked = (*(before.asked if before else ()), *(question.id for question in page))
    finished = not next_page(survey, answers, asked, variables_of(invitation))
    came_by = ChannelName.SMS if text is not None else invitation.channels[0]
    primary = survey.primary_question
    score = answers.get(primary.id)
    return Response(
        id=response_id(invitation.id),
        revision=before.revision + 1 if before else 1,
        status=ResponseStatus.FINISHED if finished else ResponseStatus.PARTIAL,
        finished_by=FinishedBy.CUSTOMER if finished else None,
        survey=survey.survey,
        survey_version=survey.version,
        brand=survey.brand,
        trigger=invitation.trigger,
        trigger_version=invitation.trigger_version,
        variant=invitation.variant,
        event=invitation.event,
        invitation=invitation.id,
        customer=invitation.customer,
        customer_ref=invitation.customer_ref,
        touchpoint=invitation.touchpoint,
        dimensions=invitation.dimensions,
        channel=before.channel if before else came_by.value,
        language=language or (before.language if before else invitation.language),
        metric=primary.kind.value,
        scale=primary.scale.label if primary.scale else "",
        score=score if isinstance(score, int) else None,
        scores=_scores(survey, answers),
        asked=asked,
        answers=answers,
        comment=_comment(survey, answers),
        texts=(*(before.texts if before else ()), *((text,) if text is not None else ())),
        started_at=before.started_at if before else now,
        finished_at=now if finished else None,
    )


def _scores(survey: Survey, answers: Mapping[str, int | str]) -> dict[str, int]:
    scores = {}
    for question in survey.questions:
        value = answers.get(question.id)
        if question.scale is not None and isinstance(value, int):
            scores[question.id] = value
    return scores


def _comment(survey: Survey, answers: Mapping[str, int | str]) -> str | None:
    """The first thing that was said in words."""
    texts = (answers[question.id] for question in survey.questions if question.scale is None and question.id in answers)
    return next((text for text in texts if isinstance(text, str)), None)


def variables_of(invitation: Invitation) -> dict[str, object]:
    """`event` and `customer`, as conditions see them."""
    event = invitation.event.model_dump(mode="json") if invitation.event else {}
    customer = invitation.recipient.model_dump()
    return {
        "event": cel_value({**event, "data": invitation.data}),
        "customer": cel_value({**customer, "id": customer.pop("external_id"), "language": invitation.language}),
    }
