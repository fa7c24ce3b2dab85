"""Receiving: posted events go in, each one's fate (accepted, duplicate, conflict) comes out; accepted means stored.

A 202 stands on a majority-acknowledged, journaled write. The key is a hash of (source, id), so the insert itself
is the idempotency check; the content hash then tells a repeat from another event under the same id.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import orjson

from survey_service.clock import Clock
from survey_service.intake.customers import keys_of, profile_in
from survey_service.models.decision import Reason
from survey_service.models.event import Event, EventState
from survey_service.models.ids import event_key
from survey_service.store.events import Events
from survey_service.store.group_commit import Inserted
from survey_service.telemetry import EVENTS
from survey_service.work.bells import Bells


class Fate(StrEnum):
    """What became of one posted event."""

    ACCEPTED = "accepted"  # stored now
    DUPLICATE = "duplicate"  # the same event was stored before
    CONFLICT = "conflict"  # another content is stored under this source and id
    REJECTED = "rejected"  # not an event; decided at the edge, nothing is stored


@dataclass(frozen=True)
class PostedEvent:
    """An event as the edge read it; `data` is the JSON object as it was sent, `extensions` likewise."""

    source: str
    id: str
    type: str
    subject: str | None
    time: datetime | None
    data: dict[str, Any]
    extensions: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """The event's key."""
        return event_key(self.source, self.id)

    def content_hash(self) -> str:
        """SHA-256 over type, subject and the data with sorted keys."""
        canonical = orjson.dumps([self.type, self.subject, self.data], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()


class Receiving:
    """Stores what is posted and wakes intake."""

    def __init__(self, events: Events, clock: Clock, bells: Bells) -> None:
        self._events = events
        self._clock = clock
        self._bells = bells

    async def receive(self, posted: Sequence[PostedEvent], *, decide: bool = True) -> list[Fate]:
        """Store events; one fate each, in order.

        Raises:
            Unavailable, Overloaded: nothing of this call was acknowledged; post it again.
        """
        if not posted:
            return []
        now = self._clock.now()
        documents = [_document(event, now, decide) for event in posted]
        inserted = await self._events.insert(documents)
        again = [row["_id"] for row, outcome in zip(documents, inserted, strict=True) if outcome is Inserted.DUPLICATE]
        stored = await self._events.content_hashes(again) if again else {}
        fates = [
            Fate.ACCEPTED
            if outcome is Inserted.NEW
            else Fate.DUPLICATE
            if stored.get(row["_id"]) in ("", row["content_hash"])
            else Fate.CONFLICT
            for row, outcome in zip(documents, inserted, strict=True)
        ]
        for fate, count in Counter(fates).items():
            EVENTS.labels(fate.value).inc(count)
        if decide:
            self._bells.ring("intake")
        return fates


def _document(posted: PostedEvent, now: datetime, decide: bool) -> dict[str, Any]:
    touchpoint = posted.data.get("touchpoint")
    return {
        "_id": posted.key,
        "schema": Event.SCHEMA,
        "source": posted.source,
        "event_id": posted.id,
        "type": posted.type,
        "subject": posted.subject,
        "time": posted.time or now,
        "received_at": now,
        "updated_at": now,
        "data": posted.data,
        "extensions": posted.extensions,
        "content_hash": posted.content_hash(),
        "state": EventState.PENDING.value if decide else EventState.DECIDED.value,
        "reason": None if decide else Reason.IMPORTED.value,
        "touchpoint": touchpoint,
        # Nobody looks at an imported event any more, so this is how its person is found again.
        **({} if decide else {"keys": keys_of(profile_in(posted.data))}),
        "decided_at": None if decide else now,
        "decisions": [],
        "due_at": now if decide else None,
        "lease": None,
        "claim": 0,
    }
