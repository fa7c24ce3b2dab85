"""A pause: an operator holds back what would be sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Stored


class PauseScope(StrEnum):
    """What is held."""

    EVERYTHING = "everything"  # every delivery but those that sign our people in
    CHANNEL = "channel"  # one channel
    TRIGGER = "trigger"  # one trigger
    BRAND = "brand"  # one brand
    TOUCHPOINT = "touchpoint"  # one touchpoint


class Pause(Stored):
    """`id` is `{scope}:{target}`, or `everything`."""

    scope: PauseScope
    target: str | None = None
    note: str | None = None
    created_at: datetime
