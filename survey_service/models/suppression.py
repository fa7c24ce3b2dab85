"""A suppression: an address or person that must not be written to, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.ids import hashed_id
from survey_service.models.outbox import Telling


class SuppressionScope(StrEnum):
    """What is silenced."""

    PERSON = "person"  # a customer, on every channel
    ADDRESS = "address"  # one address or number, whoever uses it


class SuppressionReason(StrEnum):
    """Why."""

    UNSUBSCRIBED = "unsubscribed"  # the person's own word, by page or one-click
    STOP = "stop"  # the person's own word, by SMS
    BOUNCED = "bounced"  # the address does not exist
    COMPLAINED = "complained"  # reported as spam
    MANUAL = "manual"  # set through the API
    ERASED = "erased"  # what is left of an erased person


EVERY_BRAND = "*"


class Suppression(Telling):
    """`subject_hash` is a keyed hash of the address or of our customer id; neither is stored in the clear."""

    scope: SuppressionScope
    brand: str  # a brand's id, or `*` for all
    subject_hash: str
    reason: SuppressionReason
    detail: str | None = None
    created_at: datetime


def suppression_id(scope: SuppressionScope, brand: str, subject_hash: str) -> str:
    """The same subject is silenced once a brand: suppressing it again finds the first one."""
    return hashed_id("sup", scope.value, brand, subject_hash)
