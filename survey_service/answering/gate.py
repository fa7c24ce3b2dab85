"""The one gate for survey tokens: a token comes in; open, finished, closed or unknown comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey_service.models.ids import response_id
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.response import Response, ResponseStatus
from survey_service.models.survey import Survey
from survey_service.store.store import Store
from survey_service.tokens import token_hash

TOKEN_LENGTH = 22


class Door(StrEnum):
    """What a token opens."""

    OPEN = "open"  # the survey may be answered
    FINISHED = "finished"  # it was answered
    CLOSED = "closed"  # its time is over, or it was taken back
    UNKNOWN = "unknown"  # no such token; a foreign one looks the same


@dataclass(frozen=True, slots=True)
class Visit:
    """Who stands at the door, and what is there already."""

    door: Door
    invitation: Invitation | None = None
    survey: Survey | None = None
    response: Response | None = None


UNKNOWN = Visit(Door.UNKNOWN)


class TokenGate:
    """Looks tokens up; reads only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self, token: str) -> Visit:
        """What this token opens at the moment."""
        if len(token) != TOKEN_LENGTH or not token.isascii() or not token.isalnum():
            return UNKNOWN
        invitation = await self._store.invitations.by_token(token_hash(token))
        return UNKNOWN if invitation is None else await self.visit(invitation)

    async def visit(self, invitation: Invitation) -> Visit:
        """What this invitation's token opens at the moment."""
        survey = await self._store.configuration.survey(invitation.survey, invitation.survey_version)
        if survey is None:
            return UNKNOWN
        response = await self._store.responses.get(response_id(invitation.id))
        return Visit(door_of(invitation, response, self._store.clock.now()), invitation, survey, response)


def door_of(invitation: Invitation, response: Response | None, now: datetime) -> Door:
    """What an invitation's token opens. Pure."""
    if response is not None and response.status is ResponseStatus.FINISHED:
        return Door.FINISHED
    if invitation.state in {InvitationState.CANCELLED, InvitationState.EXPIRED} or now >= invitation.expires_at:
        return Door.CLOSED
    return Door.OPEN
