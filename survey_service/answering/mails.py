"""Mails: what somebody wrote in answer to one of our mails comes in; an answer, an opt-out or a note goes out.

A mail answers the survey where it surely does: while the survey is open, from the address that was asked, and
beginning with a number of the scale, or in words once a question is open that wants them. Anything else is a note on
the customer, and rules for mails say who takes care of it. Every step may be done twice.
"""

from __future__ import annotations

import re

import structlog

from survey_service.answering.commands import Command, read_command
from survey_service.answering.gate import Door, TokenGate, Visit
from survey_service.answering.opting_out import OptingOut
from survey_service.answering.recording import Recording
from survey_service.answering.replies import Answer, Score, Words, read_answer
from survey_service.answering.turns import Situation, TakeAnswer, next_turn
from survey_service.errors import Unavailable
from survey_service.models.customer import CustomerNote
from survey_service.models.delivery import ChannelName
from survey_service.models.mail import Mail, MailResult
from survey_service.models.survey import Scale
from survey_service.rules.variables import variables_of
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import INBOUND_MAILS
from survey_service.texts.folding import fold
from survey_service.tokens import Keyring, OptOutSubject
from survey_service.work.bells import Bells

log = structlog.get_logger()

MAX_DEATHS = 5
_TRIES = 5
# In a mail numbers stand in signatures and addresses too: only one that it begins with can be the score.
_BEGINS_WITH_NUMBER = re.compile(r"\W{0,5}\d")


class AnswerMails:
    """The handler of the stage that reads incoming mails."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells) -> None:
        self._store = store
        self._bells = bells
        self._gate = TokenGate(store)
        self._recording = Recording(store, bells, {ChannelName.EMAIL})
        self._opting_out = OptingOut(store, keyring)

    async def __call__(self, claim: Claim[Mail]) -> None:
        """Read each mail of a claim."""
        for row in claim.rows:
            result = MailResult.POISON if row.deaths >= MAX_DEATHS else await self._read(row)
            if await self._store.mails.finish(row, result):
                INBOUND_MAILS.labels(result.value).inc()
            else:
                log.info("mails.claim_lost", mail=row.id)
        self._bells.ring("following")

    async def _read(self, row: Mail) -> MailResult:
        if row.from_recipient and row.customer and read_command(fold(row.text)) is Command.STOP:
            await self._opting_out.opt_out(OptOutSubject(row.brand, row.customer))
            return MailResult.OPTED_OUT
        if row.from_recipient and row.asks and row.invitation and await self._answers(row, row.invitation):
            return MailResult.ANSWERED
        await self._keep(row, row.text)
        return MailResult.NOTED

    async def _answers(self, row: Mail, name: str) -> bool:
        """Store what the mail answers; False: it answers nothing."""
        for _ in range(_TRIES):
            invitation = await self._store.invitations.get(name)
            visit = await self._gate.visit(invitation) if invitation else None
            if visit is None:
                return False
            if visit.response is not None and row.id in visit.response.texts:
                return True  # stored before a crash
            turn = _turn(visit, row.text)
            if not isinstance(turn, TakeAnswer):
                return False
            if turn.note:
                await self._keep(row, turn.note)
            by = ChannelName.EMAIL
            if await self._recording.answer(visit, turn.page, turn.answers, row.id, by=by) is not None:
                return True
        raise Unavailable("the answer is being changed by others")

    async def _keep(self, row: Mail, text: str) -> None:
        if row.customer:
            invitation = await self._store.invitations.get(row.invitation) if row.invitation else None
            touchpoint = invitation.touchpoint if invitation else None
            note = CustomerNote(at=row.received_at, text=text, source=f"email:{row.id}", touchpoint=touchpoint)
            await self._store.customers.add_note(row.customer, note)


def _turn(visit: Visit, text: str) -> object:
    """What a mail does to an open survey; None where it is not open."""
    if visit.door is not Door.OPEN or visit.survey is None or visit.invitation is None:
        return None
    situation = Situation(
        survey=visit.survey,
        answers=visit.response.answers if visit.response else {},
        asked=visit.response.asked if visit.response else (),
        variables=variables_of(visit.invitation),
    )
    question = situation.question
    return next_turn(situation, read_mail(text, question.metric if question else None), text)


def read_mail(text: str, scale: Scale | None) -> Answer:
    """What a mail says to a question on that scale; in doubt it is words. Pure."""
    answer = read_answer(text, scale, ())
    if scale is None or not isinstance(answer, Score) or scale.is_yes_or_no or _BEGINS_WITH_NUMBER.match(text):
        return answer
    return Words(text)
