"""Mails: news of what customers wrote back come in; the case they belong to is noted, or the rules for mails look.

A mail belongs to the case whose message it answers, else to the newest one of the same invitation or the customer's
newest active one of the same touchpoint. Where there is none, rules with `on: mail` are put to the response, whose
comment is then the mail; it need not be answered yet. So a mail that gives no score can still open a case, and alert
somebody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from survey_service.followup.cases import CASES_STAGE, NEWS_STAGE
from survey_service.followup.changing import BY_CUSTOMER, Changed, change_case, note_case
from survey_service.followup.letters import Wording, letter_to_person, page_button
from survey_service.followup.telling import Listener, Told
from survey_service.models.case import MAX_NOTES, Case, CaseState
from survey_service.models.delivery import Delivery
from survey_service.models.ids import hashed_id, response_id
from survey_service.models.invitation import Invitation
from survey_service.models.mail import Mail
from survey_service.models.person import Person
from survey_service.models.response import Response, ResponseStatus
from survey_service.models.survey import Survey
from survey_service.store.store import Store
from survey_service.texts.words import words_in
from survey_service.work.bells import Bells


class HearMails:
    """Listens to the news of mails; `listeners` hear of a mail without a case as of a response."""

    def __init__(self, store: Store, bells: Bells, listeners: Sequence[Listener[Response]], base_url: str) -> None:
        self._store = store
        self._bells = bells
        self._listeners = tuple(listeners)
        self._base_url = base_url

    async def __call__(self, told: Sequence[Told[Mail]]) -> None:
        """Note each mail on its case, once, and let the rules look at the others."""
        without_case: list[Told[Response]] = []
        for each in told:
            if case := await self._case_of(each.about):
                await self._note(case, each.about)
            elif response := await self._response_of(each.about):
                without_case.append(Told(each.news, response))
        if without_case:
            for listener in self._listeners:
                await listener(without_case)

    async def _case_of(self, mail: Mail) -> Case | None:
        if mail.case is not None:
            case = await self._store.cases.get(mail.case)
            return case if case is not None and case.erased_at is None else None
        response = response_id(mail.invitation) if mail.invitation else None
        answered = await self._store.deliveries.get(mail.delivery)
        touchpoint = answered.touchpoint if answered else None
        return await self._store.cases.concerning(response, mail.customer, mail.brand, touchpoint)

    async def _note(self, case: Case, mail: Mail) -> None:
        people = (await self._store.configuration.current()).people
        found: Case | None = case
        while found is not None and not _is_noted(found, mail):
            now = self._store.clock.now()
            changed = hear_customer(found, mail, now)
            letters = [letter] if (letter := _to_owner(changed.case, mail, people, now, self._base_url)) else []
            if await self._store.cases.change(found, changed.case, changed.told, letters, held=False):
                for stage in (NEWS_STAGE, CASES_STAGE, "sending"):
                    self._bells.ring(stage)
                return
            found = await self._store.cases.get(found.id)

    async def _response_of(self, mail: Mail) -> Response | None:
        """The response that the mail belongs to, with the mail as its comment; one without answers if there is none."""
        invitation = await self._store.invitations.get(mail.invitation) if mail.invitation else None
        if invitation is None or invitation.erased_at is not None:
            return None
        response = await self._store.responses.get(response_id(invitation.id))
        if response is None:
            survey = await self._store.configuration.survey(invitation.survey, invitation.survey_version)
            response = unanswered(invitation, survey, mail.received_at) if survey else None
        return response.model_copy(update={"comment": mail.text}) if response else None


def mail_row(mail: Mail) -> dict[str, Any]:
    """What a webhook says of a mail; `customer_id` is our id of the person."""
    facts = mail.model_dump(
        include={"id", "delivery", "invitation", "brand", "case", "from_recipient", "subject", "text", "received_at"}
    )
    return {**facts, "customer_id": mail.customer, "result": mail.result}


def hear_customer(case: Case, mail: Mail, now: datetime) -> Changed:
    """The case with the customer's words; one that waited for them, or was resolved, is open again. Pure."""
    if len(case.notes) >= MAX_NOTES:
        case = case.model_copy(update={"notes": case.notes[1:]})
    noted = note_case(case, mail.text, BY_CUSTOMER, mail.received_at)
    if case.state not in {CaseState.WAITING, CaseState.RESOLVED}:
        return noted
    opened = change_case(case, {"state": CaseState.OPEN}, BY_CUSTOMER, now)
    both = {"notes": noted.case.notes, "history": (*opened.case.history, noted.case.history[-1])}
    return Changed(opened.case.model_copy(update=both), opened.news)


def unanswered(invitation: Invitation, survey: Survey, at: datetime) -> Response:
    """What rules see of an invitation that was not answered; it is not stored. Pure."""
    question = survey.primary_question
    return Response(
        id=response_id(invitation.id),
        status=ResponseStatus.PARTIAL,
        survey=survey.survey,
        survey_version=survey.version,
        brand=invitation.brand,
        trigger=invitation.trigger,
        trigger_version=invitation.trigger_version,
        variant=invitation.variant,
        event=invitation.event,
        invitation=invitation.id,
        customer=invitation.customer,
        customer_ref=invitation.customer_ref,
        touchpoint=invitation.touchpoint,
        dimensions=invitation.dimensions,
        channel=invitation.channels[0].value,
        language=invitation.language,
        metric=question.kind.value,
        scale=question.metric.label if question.metric else "",
        started_at=at,
    )


def _is_noted(case: Case, mail: Mail) -> bool:
    return any(note.by == BY_CUSTOMER and note.at == mail.received_at for note in case.notes)


def _to_owner(case: Case, mail: Mail, people: Mapping[str, Person], now: datetime, base_url: str) -> Delivery | None:
    owner = people.get(case.owner or "")
    if owner is None or not owner.active:
        return None
    words = words_in(owner.language)
    subject = words("The customer wrote: {title}", title=case.title)
    text = "\n\n".join((subject, mail.text, words("Case: {id}", id=case.id)))
    wording = Wording(text, subject, page_button(case, owner, base_url))
    return letter_to_person(owner, wording, case.brand, now, letter=hashed_id("dlv", mail.id, owner.id), case=case.id)
