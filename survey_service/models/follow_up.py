"""A follow-up rule: when a response is one to act on, and what is done about it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from survey_service.models.base import Noun, Revised


class FollowUpOn(StrEnum):
    """At which moment of a response a rule looks."""

    SCORED = "scored"  # the score is there; a comment may still come
    FINISHED = "finished"  # nothing more comes
    MAIL = "mail"  # the customer wrote back by mail, answered or not; the comment is what they wrote


class Priority(StrEnum):
    """How urgent a case is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class AssignBy(StrEnum):
    """Who becomes the owner of a case."""

    TOUCHPOINT = "touchpoint"  # the manager of the touchpoint, else of all; the one with the fewest open cases
    ROUND_ROBIN = "round_robin"  # of `people` the one whose last case is longest ago
    ROTA = "rota"  # senior managers first, each up to `monthly` a month; then as by touchpoint
    PERSON = "person"  # the first of `people`


class Assignment(Noun):
    """How the owner is found."""

    by: AssignBy = AssignBy.TOUCHPOINT
    people: tuple[str, ...] = Field(default=(), max_length=100)
    monthly: int = Field(default=2, ge=1, le=100)  # cases that a senior manager takes in a calendar month


class CaseAction(Noun):
    """Open a case."""

    title: str = Field(min_length=1, max_length=200)
    priority: Priority = Priority.NORMAL
    due_within: str = "P2D"
    assign: Assignment = Assignment()
    remind_before: str | None = "PT4H"  # the owner, so long before the case is due
    escalate_to: str | None = Field(default=None, max_length=100)  # a person, once it is overdue
    ask_resolved: bool = False  # ask the customer "resolved for you?" once it is


class AlertAction(Noun):
    """Tell people at once, or in the next digest."""

    people: tuple[str, ...] = Field(default=(), max_length=50)
    owner: bool = True  # of the case that the same rule opens
    digest: bool = False  # once a day, in the morning of each person's zone


class PraiseAction(Noun):
    """Hand a good comment to the agent that it, or the event, names."""

    copy_to: tuple[str, ...] = Field(default=(), max_length=10)


class FollowUpContent(Noun):
    """What a caller PUTs. The condition sees `response` (the row that the API shows), `event` and `customer`."""

    name: str = Field(min_length=1, max_length=200)
    on: FollowUpOn = FollowUpOn.FINISHED
    survey: str | None = Field(default=None, max_length=100)  # None: every survey
    condition: str = Field(min_length=1, max_length=2000)
    case: CaseAction | None = None
    alert: AlertAction | None = None
    praise: PraiseAction | None = None
    enabled: bool = True


class FollowUp(Revised, FollowUpContent):
    """The stored rule."""
