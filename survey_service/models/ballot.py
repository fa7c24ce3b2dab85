"""A ballot: an anonymous response that waits until enough others are like it in everything but what was said."""

from __future__ import annotations

from survey_service.models.response import Response


class Ballot(Response):
    """`due_at` is the full hour at which its box is looked at next; its other instants say the day, and no more."""

    box: str  # ballots of the same one differ in nothing but what was said
