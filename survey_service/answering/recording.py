"""Recording: what a person confirmed on a page comes in; a partial or finished response goes out, exactly one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from survey_service.answering.ballots import ballot_of
from survey_service.answering.confirming import confirmations
from survey_service.answering.flow import Answers, next_page
from survey_service.answering.forms import Circumstances, Fault, Form, read_form
from survey_service.answering.gate import Door, TokenGate, Visit
from survey_service.answering.revisions import next_revision
from survey_service.calendars.zones import zone
from survey_service.models.ballot import Ballot
from survey_service.models.delivery import ChannelName
from survey_service.models.response import Response, ResponseStatus
from survey_service.models.survey import Question, QuestionKind
from survey_service.store.store import Store
from survey_service.telemetry import RESPONSES
from survey_service.tokens import SheetSubject
from survey_service.work.bells import Bells

SUBMISSION_FIELD = "_submission"  # the page's own id of what it sends, the same one on every try
PAGE_FIELD = "_page"  # the ids of the questions that the form showed: a box that is not ticked sends nothing else
_SUBMISSION_LENGTH = 64
_BRAND_AGE = 1.0  # seconds that a brand's zone may lag behind


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submitted page.

    `visit` is the state afterwards; `page` holds the questions to show next (with `faults`: the same ones again).
    `taken` says whether this very submission is stored.
    """

    visit: Visit
    taken: bool
    page: tuple[Question, ...] = ()
    faults: Mapping[str, Fault] | None = None


class Suspecting(Protocol):
    """Judges the first answer of a response."""

    async def judge(self, visit: Visit, network: str | None, now: datetime) -> str | None:
        """Why it is left out of metrics; None: it counts."""
        ...


class Recording:
    """Stores answers; the only writer of responses that customers reach. `usable` are the channels with settings."""

    def __init__(
        self, store: Store, bells: Bells, usable: Collection[ChannelName], suspecting: Suspecting | None = None
    ) -> None:
        self._store = store
        self._usable = usable
        self._bells = bells
        self._gate = TokenGate(store)
        self._suspecting = suspecting

    async def look(self, token: str, sheet: SheetSubject | None = None) -> Visit:
        """What a token opens; changes nothing. An anonymous answer is found by the `sheet` of its form alone."""
        return await self._gate.look(token, sheet)

    async def look_at_link(self, name: str, sheet: str | None, language: str) -> Visit:
        """What a public link opens; changes nothing."""
        return await self._gate.look_at_link(name, sheet, language)

    def page_of(self, visit: Visit) -> tuple[Question, ...]:
        """The questions that an open visit shows now."""
        if visit.door is not Door.OPEN or visit.occasion is None or visit.survey is None:
            return ()
        answers = visit.response.answers if visit.response else {}
        asked = visit.response.asked if visit.response else ()
        return tuple(next_page(visit.survey, answers, asked, visit.occasion.variables))

    async def submit_token(
        self, token: str, form: Form, language: str | None = None, network: str | None = None
    ) -> Submission:
        """Take one page of answers to an invitation; see `submit`."""
        return await self.submit(partial(self.look, token), form, language, network)

    async def submit(
        self,
        look: Callable[[], Awaitable[Visit]],
        form: Form,
        language: str | None = None,
        network: str | None = None,
    ) -> Submission:
        """Take one page of answers for whoever `look` finds at the door.

        The first confirmed page makes the response, later ones add to it; when nothing is left to ask it is
        finished. A finished response is never changed: a second submission finds the door `finished`.
        """
        visit = await look()
        submission = form.get(SUBMISSION_FIELD, "")[:_SUBMISSION_LENGTH] or None
        if visit.response is not None and submission in visit.response.submissions:
            return Submission(visit, taken=True, page=self.page_of(visit))
        if visit.door is not Door.OPEN or visit.occasion is None or visit.survey is None:
            return Submission(visit, taken=False)
        page = self.page_of(visit)
        if visit.response is not None and not _is_form_of(page, form):
            return Submission(visit, taken=False, page=page)
        now = self._store.clock.now()
        read = read_form(page, form, await self._circumstances(visit, page, now))
        if read.faults:
            return Submission(visit, taken=False, page=page, faults=read.faults)
        response = next_revision(visit, page, read.answers, now, language=language, submission=submission)
        if visit.survey.anonymous:
            response = ballot_of(response, visit.survey, now)
        elif response.revision == 1:
            response = response.model_copy(update={"network": network, **await self._judge(visit, network, now)})
        if not await self._save(response, visit, read.answers):
            # Another writer was first: another tab, whose word stands, or an earlier try of this very submission.
            now_there = await look()
            taken = now_there.response is not None and submission in now_there.response.submissions
            return Submission(now_there, taken, self.page_of(now_there))
        finished = response.status is ResponseStatus.FINISHED
        door = Door.FINISHED if finished else Door.OPEN
        after = Visit(door, visit.invitation, visit.survey, response, visit.link, visit.occasion)
        return Submission(after, taken=True, page=self.page_of(after))

    async def answer(
        self, visit: Visit, page: Sequence[Question], answers: Answers, text: str, by: ChannelName = ChannelName.SMS
    ) -> Response | None:
        """Take `answers` to the questions of `page` that the incoming text or mail `text` gave, on an open visit.

        The response that holds them now; None if another writer was first, and nothing is changed.
        """
        response = next_revision(visit, page, answers, self._store.clock.now(), text=text, by=by)
        return response if await self._save(response, visit, answers) else None

    async def _circumstances(self, visit: Visit, page: Sequence[Question], now: datetime) -> Circumstances:
        phone_known = visit.occasion is not None and visit.occasion.phone is not None
        brand = None
        if visit.survey is not None and any(question.kind is QuestionKind.CALL for question in page):
            snapshot = await self._store.configuration.current(_BRAND_AGE)
            brand = snapshot.brands.get(visit.survey.brand)
        return Circumstances(now, zone(brand.timezone if brand else "UTC"), phone_known)

    async def _judge(self, visit: Visit, network: str | None, now: datetime) -> dict[str, str]:
        reason = await self._suspecting.judge(visit, network, now) if self._suspecting else None
        return {"suspect": reason, "suspect_by": "service"} if reason else {}

    async def _save(self, response: Response, visit: Visit, new: Answers) -> bool:
        if isinstance(response, Ballot):
            return await self._store.ballots.cast(response, visit.invitation)
        if not await self._store.responses.save(response, confirmations(response, visit, new, self._usable)):
            return False
        self._bells.ring("following")
        self._bells.ring("sending")
        RESPONSES.labels(response.survey, response.status.value).inc()
        return True


def _is_form_of(page: Sequence[Question], form: Form) -> bool:
    """Whether a form shows this page; one that was sent before and comes again (back button) is of an earlier one."""
    if PAGE_FIELD in form:
        return form[PAGE_FIELD] == page_name(page)
    return any(question.id in form for question in page)


def page_name(page: Sequence[Question]) -> str:
    """What a form says of itself in `PAGE_FIELD`."""
    return " ".join(question.id for question in page)
