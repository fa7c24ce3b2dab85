"""Stored documents come in; the changes that take a person out of them, and leave what counts, go out. Pure.

Erasure and retention both go by these. A change is the `$set` of an update; whoever writes it stamps the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from survey_service.models.case import ACTIVE_STATES, CaseState
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, DeliveryState
from survey_service.models.invitation import FINAL_STATES, InvitationState
from survey_service.models.survey import QuestionKind, Survey

Document = Mapping[str, Any]
Blank = Callable[[Document, Survey | None, datetime], dict[str, Any]]

_NOBODY = {"customer": None, "customer_ref": None}
_IDLE = {"due_at": None, "lease": None}
_PERSONAL_PATHS = ("customer.", "event.data.customer", "event.id", "event.subject")


def blank_response(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """Scores, choices and dimensions that are not personal stay; words and whoever they belong to go."""
    return {
        **_NOBODY,
        **_IDLE,
        "erased_at": now,
        "event": _event_facts(document.get("event")),
        "dimensions": _dimensions(document, survey),
        "answers": _answers(document.get("answers") or {}, survey),
        "comment": None,
        "comment_language": None,
        "reading": None,
        "texts": [],
        "submissions": [],
        "network": None,
    }


def blank_event(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """The key stays, so that a replay is a duplicate and asks nobody; decisions stay without words."""
    decisions = [{**decision, "detail": None, "values": {}} for decision in document.get("decisions") or ()]
    return {
        **_IDLE,
        "erased_at": now,
        "customer": None,
        "content_hash": "",
        "event_id": "",
        "subject": None,
        "data": {},
        "extensions": {},
        "keys": [],
        "decisions": decisions,
    }


def blank_invitation(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """That somebody was asked stays; an invitation that is still open ends."""
    state = document["state"]
    ended = {} if state in FINAL_STATES else {"state": _end_of(state), "reason": Reason.ERASED}
    return {
        **_IDLE,
        **ended,
        "erased_at": now,
        "customer": "",
        "customer_ref": "",
        "recipient": CustomerProfile().model_dump(),
        "event": _event_facts(document.get("event")),
        "data": {},
        "request_hash": None,
        "dimensions": _dimensions(document, survey),
        "we_did": None,
    }


def blank_delivery(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """That a message left, or did not, stays; where it went and what it said goes, and the provider's id of it."""
    waits = document["state"] in WAITING_STATES
    ended = {"state": DeliveryState.CANCELLED, "reason": Reason.ERASED} if waits else {}
    nothing = ("customer", "subject", "text", "button", "report", "call", "detail", "provider_id")
    return {**_IDLE, **ended, **dict.fromkeys(nothing), "erased_at": now, "to": "", "responses": []}


def blank_case(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """When it was opened and closed, by which rule and whose it was stays."""
    ended = {"state": CaseState.CLOSED, "closed_at": now} if document["state"] in ACTIVE_STATES else {}
    return {
        **_NOBODY,
        **_IDLE,
        **ended,
        "erased_at": now,
        "title": "",
        "comment": None,
        "call": None,
        "public_note": None,
        "notes": [],
        "history": [],
    }


def blank_reward(document: Document, survey: Survey | None, now: datetime) -> dict[str, Any]:
    """What was given, and what it cost, stays: a code says nothing about whom."""
    return {**_NOBODY, **_IDLE, "erased_at": now}


def is_personal(path: str) -> bool:
    """Whether a survey's dimension is taken from what is known of the person."""
    return path == "customer" or path.startswith(_PERSONAL_PATHS)


def _end_of(state: str) -> InvitationState:
    return InvitationState.EXPIRED if state == InvitationState.STARTED else InvitationState.CANCELLED


def _event_facts(event: Document | None) -> dict[str, Any] | None:
    """The key joins what belongs together; the source's own id leads to the person in the source."""
    return {**event, "id": "", "subject": None} if event else None


def _dimensions(document: Document, survey: Survey | None) -> dict[str, Any]:
    kept = {} if survey is None else {name for name, path in survey.dimensions.items() if not is_personal(path)}
    return {name: value for name, value in (document.get("dimensions") or {}).items() if name in kept}


def _answers(answers: Document, survey: Survey | None) -> dict[str, Any]:
    kinds = {question.id: question.kind for question in survey.questions} if survey else {}
    return {
        name: {**value, "about": None, "phone": None} if isinstance(value, Mapping) else value
        for name, value in answers.items()
        if _says_nothing(value, kinds.get(name))
    }


def _says_nothing(value: object, kind: QuestionKind | None) -> bool:
    """Whether an answer is no words: without its question, only numbers and boxes are known not to be."""
    if kind is None:
        return isinstance(value, int)
    return kind not in {QuestionKind.LINE, QuestionKind.TEXT}
