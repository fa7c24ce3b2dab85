"""Stored documents come in; the rows that lists show of them go out, without reading each into a model first.

Exports make millions of rows, and validating a document costs several times what the rest of its way does. Which field
stands in which column is read off the row's own shape, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from survey_service.api.shapes.cases import CallRow, CaseRow
from survey_service.api.shapes.rows import (
    DecisionRow,
    DeliveryRow,
    EventDecision,
    EventRow,
    InvitationRow,
    Row,
    mask_address,
)
from survey_service.models.case import Case
from survey_service.models.decision import Decision
from survey_service.models.delivery import WAITING_STATES, Delivery
from survey_service.models.event import Event
from survey_service.models.invitation import Invitation
from survey_service.models.response import CallWish
from survey_service.reporting.rows import erased_row

Document = Mapping[str, Any]
ShowDocument = Callable[[Document], dict[str, Any]]

_NOTHING: Document = {}


def _reader(row: type[Row], stored: type[BaseModel]) -> Callable[[Document], dict[str, Any]]:
    """Reads the columns of `row` that are stored fields; one that an older process did not write has its default."""
    columns = []
    for name, field in row.model_fields.items():
        source = str(field.validation_alias or name)
        known = stored.model_fields.get(source)
        default = None if known is None or known.is_required() else known.get_default(call_default_factory=True)
        columns.append((name, "_id" if source == "id" and "id" in stored.model_fields else source, default))

    def read(document: Document) -> dict[str, Any]:
        get = document.get
        return {name: get(source, default) for name, source, default in columns}

    return read


_event = _reader(EventRow, Event)
_event_decision = _reader(EventDecision, Decision)
_decision = _reader(DecisionRow, DecisionRow)
_delivery = _reader(DeliveryRow, Delivery)
_invitation = _reader(InvitationRow, Invitation)
_case = _reader(CaseRow, Case)
_call = _reader(CallRow, CallWish)


def _erasable(read: ShowDocument, named_by: str = "id") -> ShowDocument:
    def show(document: Document) -> dict[str, Any]:
        if document.get("erased_at") is not None:
            return erased_row(document["_id"], document.get("updated_at"), named_by)
        return read(document)

    return show


def _show_event(document: Document) -> dict[str, Any]:
    decisions = [_event_decision(decision) for decision in document.get("decisions") or ()]
    return {**_event(document), "decisions": decisions}


def _show_delivery(document: Document) -> dict[str, Any]:
    idle = document.get("lease") is None and document.get("held_by") is None
    waits = document["state"] in WAITING_STATES and idle
    masked = mask_address(document["channel"], document["to"])
    return {**_delivery(document), "to": masked, "next_at": document.get("due_at") if waits else None}


def _show_invitation(document: Document) -> dict[str, Any]:
    event, offer = document.get("event") or _NOTHING, document.get("incentive") or _NOTHING
    return {
        **_invitation(document),
        "event": event.get("key"),
        "event_id": event.get("id"),
        "event_source": event.get("source"),
        "event_type": event.get("type"),
        "event_time": event.get("time"),
        "incentive": offer.get("incentive"),
    }


def _show_case(document: Document) -> dict[str, Any]:
    call = document.get("call")
    return {**_case(document), "call": _call(call) if call else None}


show_event = _erasable(_show_event, EventRow.named_by)
show_decision = _erasable(_decision)
show_delivery = _erasable(_show_delivery)
show_invitation = _erasable(_show_invitation)
show_case = _erasable(_show_case)
