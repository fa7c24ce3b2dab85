"""Conversations: an incoming text comes in; its scene goes out: who writes, about what, and what they say there.

Looking changes nothing but for a keyword, which begins an answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from survey_service.answering.flow import next_question
from survey_service.answering.gate import Door, TokenGate, Visit
from survey_service.answering.opting_out import OptingOut
from survey_service.answering.replies import Help, OptIn, OptOut, Reading, Score, Words, read_keyword, read_reply
from survey_service.answering.turns import Situation
from survey_service.models.ids import keyword_invitation_id
from survey_service.models.inbound import InboundResult, InboundText
from survey_service.models.invitation import Invitation
from survey_service.models.response import Response
from survey_service.models.survey import Survey
from survey_service.models.touchpoint import Touchpoint
from survey_service.rules.variables import variables_of
from survey_service.store.store import Store

_MESSAGES_SEEN = 20  # the newest to a number; an older conversation is over
_COMMANDS = (OptOut, OptIn, Help)
_PROVIDER_COMMANDS: dict[str, Reading] = {"STOP": OptOut(), "START": OptIn(), "HELP": Help()}


class BeginByKeyword(Protocol):
    """Makes the open invitation behind a keyword; the same one for the same text."""

    async def __call__(self, text: str, number: str, touchpoint: Touchpoint, survey: Survey) -> Invitation | None:
        """None where the number cannot be a person's."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a text belongs.

    `visit` is the open conversation, or the one that the text was stored under before; `latest` the newest one, over
    or not; `customers` whom the number belongs to, by our ids; `reading` what the text says in this place.
    """

    reading: Reading
    situation: Situation
    visit: Visit | None = None
    latest: Invitation | None = None
    customers: tuple[str, ...] = ()

    @property
    def invitation(self) -> Invitation | None:
        """The one that a reply speaks of."""
        return self.visit.invitation if self.visit else self.latest

    @property
    def response(self) -> Response | None:
        """What was answered there so far."""
        return self.visit.response if self.visit else None


@dataclass(frozen=True, slots=True)
class _Keyword:
    touchpoint: Touchpoint
    survey: Survey
    reading: Reading  # of what follows the keyword

    @property
    def answers(self) -> bool:
        """Whether it is surely meant as a keyword: alone, or with a score behind it."""
        return isinstance(self.reading, Score) or (isinstance(self.reading, Words) and not self.reading.text)


class Conversations:
    """Finds the scene of a text."""

    def __init__(self, store: Store, opting_out: OptingOut, begin: BeginByKeyword) -> None:
        self._store = store
        self._gate = TokenGate(store)
        self._opting_out = opting_out
        self._begin = begin

    async def find(self, row: InboundText) -> Scene:
        """The scene of an incoming text; one that was looked at before keeps its invitation."""
        invitations = await self._invitations(row.sender)
        latest = invitations[0] if invitations else None
        customers = await self._customers(row.sender, latest)
        visit, newer_ended = await self._visit(row, invitations)
        reading, begun = _read(row, visit), False
        if not isinstance(reading, _COMMANDS) and (keyword := await self._keyword(row.text)):
            own = row.invitation == keyword_invitation_id(row.id)
            if isinstance(keyword.reading, _COMMANDS):
                reading = keyword.reading
            elif own or keyword.answers or visit is None:
                invitation = await self._begin(row.id, row.sender, keyword.touchpoint, keyword.survey)
                if invitation is not None:
                    visit, reading, begun = await self._gate.visit(invitation), keyword.reading, True
                    customers, newer_ended = (invitation.customer,), False
        # What this very text has lifted already still counts.
        silenced = row.result is InboundResult.OPTED_IN
        if isinstance(reading, OptIn) and not silenced:
            silenced = await self._opting_out.is_stopped(row.sender, customers, latest.brand if latest else None)
        situation = await self._situation(row, visit)
        situation = replace(situation, begun=begun, newer_ended=newer_ended, silenced=silenced)
        return Scene(reading, situation, visit, latest, customers)

    async def _invitations(self, number: str) -> list[Invitation]:
        """What the number was asked about by text, the newest message first."""
        messages = await self._store.deliveries.newest_texts_to(number, _MESSAGES_SEEN)
        messages.sort(key=lambda message: message.sent_at or message.created_at, reverse=True)
        names = list(dict.fromkeys(message.invitation for message in messages if message.invitation))
        found = await self._store.invitations.get_many(names)
        return [found[name] for name in names if name in found]

    async def _customers(self, number: str, latest: Invitation | None) -> tuple[str, ...]:
        key = f"phone:{number}"
        known = (await self._store.customers.find_by_keys([key])).get(key)
        people = [latest.customer if latest else None, known.id if known else None]
        return tuple(dict.fromkeys(person for person in people if person is not None))

    async def _visit(self, row: InboundText, invitations: Sequence[Invitation]) -> tuple[Visit | None, bool]:
        """The conversation of a text, and whether a newer one was answered to its end."""
        if row.invitation is not None:
            pinned = await self._store.invitations.get(row.invitation)
            return (await self._gate.visit(pinned) if pinned else None), False
        newer_ended = False
        for invitation in invitations:
            visit = await self._gate.visit(invitation)
            if visit.door is Door.OPEN:
                return visit, newer_ended
            newer_ended = newer_ended or visit.door is Door.FINISHED
        return None, newer_ended

    async def _keyword(self, text: str) -> _Keyword | None:
        """The registered keyword that the text begins with."""
        if (parts := read_keyword(text)) is None:
            return None
        touchpoint = await self._store.configuration.touchpoints.find("keyword", parts[0])
        if touchpoint is None or touchpoint.keyword_survey is None:
            return None
        snapshot = await self._store.configuration.current()
        survey = snapshot.surveys.get(touchpoint.keyword_survey)
        if survey is None or survey.brand not in snapshot.brands:
            return None
        return _Keyword(touchpoint, survey, read_reply(parts[1], survey.primary_question.metric, survey.languages))

    async def _situation(self, row: InboundText, visit: Visit | None) -> Situation:
        if visit is None or visit.door is not Door.OPEN or visit.invitation is None:
            return Situation()
        return Situation(
            survey=visit.survey,
            answers=visit.response.answers if visit.response else {},
            asked=visit.response.asked if visit.response else (),
            variables=variables_of(visit.invitation),
            misread=await self._store.inbound.count_misread(visit.invitation.id, besides=row.id),
        )


def _read(row: InboundText, visit: Visit | None) -> Reading:
    """What a text says to the open question of a visit."""
    if row.opt_out_type is not None:
        return _PROVIDER_COMMANDS[row.opt_out_type]
    if visit is None or visit.survey is None or visit.invitation is None:
        return read_reply(row.text, None, ())
    answers, asked = (visit.response.answers, visit.response.asked) if visit.response else ({}, ())
    question = next_question(visit.survey, answers, asked, variables_of(visit.invitation))
    scale = question.metric if question else None
    return read_reply(row.text, scale, (visit.invitation.language, *visit.survey.languages))
