"""A case: a follow-up that a person owns, opened by a response."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable, Erasable, Noun
from survey_service.models.follow_up import Priority
from survey_service.models.outbox import Telling
from survey_service.models.response import CallWish

MAX_NOTES = 200  # of one case; nobody reads more, and a document has to end somewhere
MAX_TEXT = 10_000  # characters of a note or a reply
MAX_PUBLIC_NOTE = 500  # characters; it stands in the next invitation


class CaseState(StrEnum):
    """How far a case came."""

    OPEN = "open"  # its owner is to do something
    WAITING = "waiting"  # the customer is to say something
    RESOLVED = "resolved"  # something was done
    CLOSED = "closed"  # nothing more will be done; final


TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset({CaseState.WAITING, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.WAITING: frozenset({CaseState.OPEN, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.RESOLVED: frozenset({CaseState.OPEN, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset(),
}

ACTIVE_STATES = (CaseState.OPEN, CaseState.WAITING)  # somebody still takes care


class CaseNote(Noun):
    """What somebody wrote down; the customer never sees it."""

    at: datetime
    by: str
    text: str = Field(max_length=MAX_TEXT)


class CaseChange(Noun):
    """One line of the history: who changed which field from what to what.

    `by` is a person, `api:` and the name of a key, `customer` or `service`.
    """

    at: datetime
    by: str
    field: str
    before: str | None = None
    after: str | None = None


class Case(Claimable, Telling, Erasable):
    """`due_at` is the worker's next step (reminder, escalation), `due_by` when the owner should be done."""

    revision: int = 1  # raised by each change, and its ETag
    state: CaseState = CaseState.OPEN
    priority: Priority = Priority.NORMAL
    title: str
    rule: str
    response: str
    invitation: str | None = None
    survey: str
    survey_version: int | None = None
    brand: str
    trigger: str | None = None
    variant: str | None = None
    customer: str | None = None
    customer_ref: str | None = None
    touchpoint: str | None = None
    dimensions: dict[str, Any] = Field(default_factory=dict)  # of the answer
    channel: str  # that the answer came by
    language: str = "en"
    metric: str
    scale: str
    score: int | None = None
    comment: str | None = None
    call: CallWish | None = None
    owner: str | None = None  # a person; None: nobody could be found
    assigned_at: datetime | None = None  # to the present owner
    due_within: str  # of the rule; a case that is opened again has as long again
    due_by: datetime
    remind_before: str | None = None
    reminded: bool = False  # of the present `due_by`
    escalate_to: str | None = None
    overdue: bool = False
    ask_resolved: bool = False
    resolved_for_customer: bool | None = None  # the customer's own word
    public_note: str | None = None  # what was done, in words for the customer
    replies: int = 0
    notes: tuple[CaseNote, ...] = ()
    history: tuple[CaseChange, ...] = ()
    opened_at: datetime
    closed_at: datetime | None = None  # when it was last resolved or closed; None while it is active

    @property
    def is_active(self) -> bool:
        """Whether somebody still takes care."""
        return self.state in ACTIVE_STATES
