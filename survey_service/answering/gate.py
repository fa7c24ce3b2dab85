"""The one gate for survey tokens and public links: one comes in; open, finished, closed or unknown comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey_service.answering.ballots import ballot_occasion
from survey_service.answering.occasions import Occasion, link_occasion, occasion_of
from survey_service.models.invitation import UNANSWERED_STATES, Invitation, InvitationState
from survey_service.models.link import Link
from survey_service.models.response import Response, ResponseStatus
from survey_service.models.survey import Survey
from survey_service.store.store import Store
from survey_service.texts.locales import choose_language
from survey_service.tokens import SheetSubject, token_hash

TOKEN_LENGTH = 22
LINK_AGE = 1.0  # seconds that a change of a link may lag behind


class Door(StrEnum):
    """What a token opens."""

    OPEN = "open"  # the survey may be answered
    FINISHED = "finished"  # it was answered
    CLOSED = "closed"  # its time is over, or it was taken back
    UNKNOWN = "unknown"  # no such token; a foreign one looks the same


@dataclass(frozen=True, slots=True)
class Visit:
    """Who stands at the door, and what is there already; it came by an invitation or by a link."""

    door: Door
    invitation: Invitation | None = None
    survey: Survey | None = None
    response: Response | None = None
    link: Link | None = None
    occasion: Occasion | None = None


UNKNOWN = Visit(Door.UNKNOWN)


class TokenGate:
    """Looks tokens up; reads only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self, token: str, sheet: SheetSubject | None = None) -> Visit:
        """What this token opens at the moment; an anonymous answer is found by the `sheet` of its form alone."""
        if len(token) != TOKEN_LENGTH or not token.isascii() or not token.isalnum():
            return UNKNOWN
        invitation = await self._store.invitations.by_token(token_hash(token))
        survey = await self._survey_of(invitation) if invitation else None
        if invitation is None or survey is None:
            return UNKNOWN
        if not survey.anonymous:
            return await self._visit(invitation, survey)
        nonce = sheet.nonce if sheet and sheet.link == invitation.id else ""
        occasion = ballot_occasion(invitation, nonce)
        response = await self._store.ballots.get(occasion.response) if nonce else None
        door = door_of(invitation, response, self._store.clock.now())
        return Visit(door, invitation, survey, response, occasion=occasion)

    async def visit(self, invitation: Invitation) -> Visit:
        """What this invitation is to somebody who writes to us; letters are signed, so none answers anonymously."""
        survey = await self._survey_of(invitation)
        if survey is None:
            return UNKNOWN
        return Visit(Door.CLOSED, invitation, survey) if survey.anonymous else await self._visit(invitation, survey)

    async def _survey_of(self, invitation: Invitation) -> Survey | None:
        return await self._store.configuration.survey(invitation.survey, invitation.survey_version)

    async def _visit(self, invitation: Invitation, survey: Survey) -> Visit:
        occasion = occasion_of(invitation)
        response = None
        if invitation.state not in UNANSWERED_STATES:
            response = await self._store.responses.get(occasion.response)
        door = door_of(invitation, response, self._store.clock.now())
        return Visit(door, invitation, survey, response, occasion=occasion)

    async def look_at_link(self, name: str, sheet: str | None, language: str) -> Visit:
        """What a public link opens at the moment.

        `sheet` is the form that was handed out, None for one who comes anew; `language` is the browser's.
        """
        snapshot = await self._store.configuration.current(LINK_AGE)
        link = snapshot.links.get(name)
        survey = snapshot.surveys.get(link.survey) if link else None
        if link is None or survey is None:
            return UNKNOWN
        if not link.enabled:
            return Visit(Door.CLOSED, survey=survey, link=link)
        spoken = choose_language([link.language or language], survey.languages, survey.default_language)
        occasion = link_occasion(link, sheet or "", spoken, survey.dimensions)
        responses = self._store.ballots if survey.anonymous else self._store.responses
        response = await responses.get(occasion.response) if sheet else None
        if response is not None and response.survey_version != survey.version:
            survey = await self._store.configuration.survey(response.survey, response.survey_version)
        finished = response is not None and response.status is ResponseStatus.FINISHED
        door = Door.FINISHED if finished else Door.OPEN
        return Visit(door, survey=survey, response=response, link=link, occasion=occasion)


def door_of(invitation: Invitation, response: Response | None, now: datetime) -> Door:
    """What an invitation's token opens. Pure."""
    if invitation.erased_at is not None:
        return Door.CLOSED
    # Of an anonymous answer the invitation alone knows, unless the form itself comes back.
    answered = invitation.state is InvitationState.FINISHED
    if response.status is ResponseStatus.FINISHED if response is not None else answered:
        return Door.FINISHED
    if invitation.state in {InvitationState.CANCELLED, InvitationState.EXPIRED} or now >= invitation.expires_at:
        return Door.CLOSED
    return Door.OPEN
