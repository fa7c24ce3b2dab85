"""Retention: how far back the rows of a collection have lost whoever they were about."""

from __future__ import annotations

from datetime import datetime

from survey_service.models.base import Claimable


class Retention(Claimable):
    """`id` is the collection's name; everything from before `until` is blanked, and `due_at` is the next look."""

    until: datetime
