"""Dialogue: incoming texts come in; answers, opt-outs and notes go out as rows, and at most one reply to each text.

What a text is taken for is written on its row first, then done, and every step may be done twice: the response names
the texts that are in it, and the reply's id is made of the text's. A process may die between any two writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby

import structlog

from survey_service.answering.conversations import BeginByKeyword, Conversations, Scene
from survey_service.answering.flow import next_page, next_question
from survey_service.answering.opting_out import OptingOut
from survey_service.answering.recording import Recording
from survey_service.answering.replies import OffScale, Score, Words
from survey_service.answering.turns import (
    Ask,
    Correct,
    GiveHelp,
    GiveLink,
    KeepNote,
    StopWriting,
    TakeAnswer,
    Turn,
    WriteAgain,
    next_turn,
)
from survey_service.errors import Unavailable
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerNote
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import delivery_id
from survey_service.models.inbound import InboundResult, InboundText
from survey_service.models.invitation import Invitation
from survey_service.models.response import Response
from survey_service.models.suppression import EVERY_BRAND
from survey_service.models.survey import Survey
from survey_service.rules.variables import variables_of
from survey_service.store.claims import Claim
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.telemetry import INBOUND_TEXTS
from survey_service.texts.dialogue import (
    correction_text,
    finished_text,
    help_text,
    link_text,
    more_text,
    opening_text,
    question_text,
    thanks_text,
    welcome_text,
)
from survey_service.texts.filling import Links, filler
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

log = structlog.get_logger()

MAX_DEATHS = 5
REPLY_WITHIN = timedelta(hours=24)  # a later reply answers nothing any more
OUT_OF_TURN = timedelta(seconds=1)  # until a text is looked at again that came before an earlier one was read
_TRIES = 5

_RESULTS: dict[type[Turn], InboundResult] = {
    StopWriting: InboundResult.OPTED_OUT,
    WriteAgain: InboundResult.OPTED_IN,
    GiveHelp: InboundResult.HELPED,
    TakeAnswer: InboundResult.ANSWERED,
    Ask: InboundResult.ASKED,
    Correct: InboundResult.CORRECTED,
    GiveLink: InboundResult.LINKED,
    KeepNote: InboundResult.NOTED,
}


class AnswerTexts:
    """The dialogue stage's handler; the texts of one number are read one after the other."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells, base_url: str, begin: BeginByKeyword) -> None:
        self._store = store
        self._keyring = keyring
        self._bells = bells
        self._base_url = base_url
        self._recording = Recording(store, bells, {ChannelName.SMS})
        self._opting_out = OptingOut(store, keyring)
        self._conversations = Conversations(store, self._opting_out, begin)

    async def __call__(self, claim: Claim[InboundText]) -> None:
        """Read each text of a claim."""
        rows = sorted(claim.rows, key=lambda row: (row.sender, row.received_at, row.id))
        by_sender = [list(texts) for _, texts in groupby(rows, key=lambda row: row.sender)]
        outcomes = await asyncio.gather(*(self._read_in_order(texts) for texts in by_sender), return_exceptions=True)
        # Every number has its turn before a fault of one of them is told.
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _read_in_order(self, rows: Sequence[InboundText]) -> None:
        for row in rows:
            if row.deaths >= MAX_DEATHS:
                await self._finish(row, InboundResult.POISON)
            elif await self._store.inbound.is_next(row):
                await self._read(row)
            else:
                await self._store.inbound.put_off(row, OUT_OF_TURN)

    async def _read(self, row: InboundText) -> None:
        for _ in range(_TRIES):
            scene = await self._conversations.find(row)
            invitation = scene.visit.invitation if scene.visit else None
            if scene.response is not None and row.id in scene.response.texts:
                turn: Turn | None = None  # stored before a crash: only the reply may be missing
                result = InboundResult.ANSWERED
            else:
                turn = next_turn(scene.situation, scene.reading, row.text)
                result = _RESULTS[type(turn)]
                if isinstance(turn, KeepNote) and not scene.customers:
                    result = InboundResult.UNKNOWN_SENDER
                if not await self._store.inbound.decide(row, result, invitation.id if invitation else None):
                    log.info("dialogue.claim_lost", text=row.id)
                    return
            if await self._act(row, scene, turn):
                await self._finish(row, result)
                return
        raise Unavailable("the answer is being changed by others")

    async def _act(self, row: InboundText, scene: Scene, turn: Turn | None) -> bool:
        """Do what is to be done about a text; False: the answer changed meanwhile, look again."""
        brand = scene.latest.brand if scene.latest else None
        match turn:
            case StopWriting():
                await self._opting_out.stop_number(row.sender, scene.customers, brand or EVERY_BRAND)
                return True
            case WriteAgain():
                await self._opting_out.start_number(row.sender, scene.customers, brand)
            case KeepNote(text):
                await self._keep(row, scene, text)
                return True
            case TakeAnswer(page, answers, note):
                assert scene.visit is not None  # noqa: S101 -- nothing is answered without one
                await self._keep(row, scene, note)
                response = await self._recording.answer(scene.visit, page, answers, row.id)
                if response is None:
                    return False
                await self._reply(row, scene, turn, response)
                return True
            case _:
                pass
        await self._reply(row, scene, turn, scene.response)
        return True

    async def _keep(self, row: InboundText, scene: Scene, text: str | None) -> None:
        if text and scene.customers:
            touchpoint = scene.invitation.touchpoint if scene.invitation else None
            note = CustomerNote(at=row.received_at, text=text, source=f"sms:{row.id}", touchpoint=touchpoint)
            await self._store.customers.add_note(scene.customers[0], note)

    async def _reply(self, row: InboundText, scene: Scene, turn: Turn | None, response: Response | None) -> None:
        """Request the one reply to a text, unless the provider has given it; to an answer it has none."""
        is_answer = turn is None or isinstance(turn, TakeAnswer)
        if row.opt_out_type is not None and not is_answer:
            return
        snapshot = await self._store.configuration.current()
        brand = _brand(scene, snapshot)
        if brand is None:
            return
        language = await self._language(scene)
        text = self._text(scene, turn, response, brand, language)
        if text is None:
            return
        told = isinstance(scene.reading, Score | OffScale | Words) and scene.reading.mentions_stop
        text = finished_text(text, language, with_way_out=told and not isinstance(turn, Ask))
        await self._store.deliveries.insert([self._delivery(row, scene, brand, language, text)])
        self._bells.ring("sending")

    def _text(
        self, scene: Scene, turn: Turn | None, response: Response | None, brand: Brand, language: str
    ) -> str | None:
        if isinstance(turn, GiveHelp):
            return help_text(brand, language)
        if isinstance(turn, WriteAgain):
            return welcome_text(brand, language)
        visit = scene.visit
        if visit is None or visit.invitation is None or visit.survey is None:
            return None
        invitation, survey = visit.invitation, visit.survey
        fill = filler(brand, survey, invitation, Links())
        match turn:
            case Ask(question):
                return opening_text(question, survey, brand, language, fill)
            case Correct(question):
                return correction_text(question, survey, language, fill)
            case GiveLink():
                url = self._page_url(invitation)
                return link_text(url, language) if url else None
            case _:
                return _going_on(invitation, survey, response, language, fill, self._page_url(invitation))

    def _page_url(self, invitation: Invitation) -> str | None:
        """The page of an invitation; None where its key is gone."""
        token = self._keyring.survey_token(invitation.id, invitation.token.kid)
        return f"{self._base_url}/s/{token}" if token else None

    async def _language(self, scene: Scene) -> str:
        if scene.invitation is not None:
            return scene.invitation.language
        people = await self._store.customers.get_many(scene.customers)
        return next((person.profile.locale for person in people.values() if person.profile.locale), "en")

    def _delivery(self, row: InboundText, scene: Scene, brand: Brand, language: str, text: str) -> Delivery:
        now, invitation = self._store.clock.now(), scene.invitation
        known = scene.customers[0] if scene.customers else None
        return Delivery(
            id=delivery_id(row.id, DeliveryKind.DIALOGUE, 1),
            kind=DeliveryKind.DIALOGUE,
            channel=ChannelName.SMS,
            invitation=invitation.id if invitation else None,
            brand=brand.id,
            survey=invitation.survey if invitation else None,
            survey_version=invitation.survey_version if invitation else None,
            trigger=invitation.trigger if invitation else None,
            customer=invitation.customer if invitation else known,
            touchpoint=invitation.touchpoint if invitation else None,
            to=row.sender,
            language=language,
            text=text,
            state=DeliveryState.REQUESTED,
            due_at=now,
            created_at=now,
            planned_at=now,
            expires_at=now + REPLY_WITHIN,
        )

    async def _finish(self, row: InboundText, result: InboundResult) -> None:
        if await self._store.inbound.finish(row, result):
            INBOUND_TEXTS.labels(result.value).inc()
        else:
            log.info("dialogue.claim_lost", text=row.id)


def _going_on(
    invitation: Invitation,
    survey: Survey,
    response: Response | None,
    language: str,
    fill: Callable[[str], str],
    page_url: str | None,
) -> str:
    """After an answer: the next question, or thanks, and the page where a question is left that only it can ask."""
    answers, asked = (response.answers, response.asked) if response else ({}, ())
    variables = variables_of(invitation)
    question = next_question(survey, answers, asked, variables)
    if question is not None:
        return question_text(question, survey, language, fill)
    thanks = thanks_text(survey, response.score if response else None, language, fill)
    left = next_page(survey, answers, asked, variables)
    if page_url is None or not any(question.required for question in left):
        return thanks
    return f"{thanks} {more_text(page_url, len(left), language)}"


def _brand(scene: Scene, snapshot: Snapshot) -> Brand | None:
    """In whose name to reply; to somebody who never heard of us that is clear only where there is one brand."""
    if scene.invitation is not None:
        return snapshot.brands.get(scene.invitation.brand)
    return next(iter(snapshot.brands.values())) if len(snapshot.brands) == 1 else None
