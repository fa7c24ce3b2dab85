"""An event: one interaction with a customer, a CloudEvents 1.0 envelope, and what was decided about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable, Erasable
from survey_service.models.decision import Decision, Reason
from survey_service.models.outbox import Telling


class EventState(StrEnum):
    """Where intake stands with an event."""

    PENDING = "pending"  # acknowledged, not yet looked at
    DECIDED = "decided"  # every trigger has said its word; final


class Event(Claimable, Telling, Erasable):
    """`id` is the key, a hash of (source, event_id); `content_hash` tells a duplicate from a conflict."""

    source: str
    event_id: str
    type: str
    subject: str | None = None
    time: datetime
    received_at: datetime
    data: dict[str, Any] = Field(default_factory=dict)
    extensions: dict[str, Any] = Field(default_factory=dict)
    content_hash: str
    state: EventState = EventState.PENDING
    reason: Reason | None = None  # of the event as a whole: no_trigger, imported
    keys: tuple[str, ...] = ()  # of an imported or a poisonous event: what its customer is known by
    customer: str | None = None  # our id of the customer, set by intake
    touchpoint: str | None = None
    touchpoint_known: bool | None = None
    decisions: tuple[Decision, ...] = ()
    decided_at: datetime | None = None
