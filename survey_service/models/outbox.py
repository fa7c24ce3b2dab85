"""The outbox of a document: what others must hear of a change, written by the same write as the change itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from survey_service.models.base import Noun, Stored
from survey_service.models.ids import hashed_id


class NewsType(StrEnum):
    """What happened; also the `type` of a webhook."""

    RESPONSE_SCORED = "response.scored"  # the score is there, once a response
    RESPONSE_FINISHED = "response.finished"  # by the customer or by timeout, once a response
    CASE_OPENED = "case.opened"
    CASE_UPDATED = "case.updated"  # another owner, priority, due time or note
    CASE_OVERDUE = "case.overdue"  # its time ran out, once
    CASE_CLOSED = "case.closed"  # resolved, or closed without
    DELIVERY_DEAD = "delivery.dead"  # a message that cannot be sent
    SUPPRESSION_CREATED = "suppression.created"
    REWARD_GRANTED = "reward.granted"
    INCENTIVE_LOW = "incentive.low"  # the pool of codes is nearly empty, once until it is filled
    EVENT_DECIDED = "event.decided"
    MAIL_RECEIVED = "mail.received"  # a customer wrote back by mail


class News(Noun):
    """One entry; `id` is the same on every try to tell it."""

    id: str
    type: NewsType
    at: datetime


class Outbox(Noun):
    """`due_at`, `lease`, `claim` and `deaths` are the relay's, as on a claimable row."""

    due_at: datetime | None = None
    lease: str | None = None
    claim: int = 0
    deaths: int = 0
    entries: tuple[News, ...] = ()


class Telling(Stored):
    """A document with an outbox."""

    outbox: Outbox = Outbox()

    def to_document(self) -> dict[str, Any]:
        """The BSON-ready document; one that has nothing to tell carries no outbox, since most never have."""
        document = super().to_document()
        if self.outbox == Outbox():
            del document["outbox"]
        return document


def news_of(subject: str, kind: NewsType, at: datetime, number: int = 1) -> News:
    """The n-th news of one kind about one subject (an id)."""
    return News(id=hashed_id("msg", subject, kind.value, str(number)), type=kind, at=at)


def recurring_news(subject: str, kind: NewsType, at: datetime) -> News:
    """News that may come again about the same subject: their instant, to the millisecond, tells them apart."""
    return news_of(subject, kind, at, round(at.timestamp() * 1000))


def outbox_with(*entries: News) -> Outbox:
    """The outbox of a document that is stored for the first time."""
    return Outbox(due_at=min(entry.at for entry in entries), entries=entries) if entries else Outbox()


def outbox_change(*entries: News) -> dict[str, dict[str, Any]]:
    """The update operators that add entries to a stored document's outbox; {} without any."""
    if not entries:
        return {}
    rows = [entry.model_dump() for entry in entries]
    return {
        "$push": {"outbox.entries": {"$each": rows}},
        "$set": {"outbox.due_at": min(entry.at for entry in entries)},
    }
