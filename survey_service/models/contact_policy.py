"""The contact policy: how often a person may be asked at all, over every trigger and channel."""

from __future__ import annotations

from pydantic import Field

from survey_service.models.base import Noun, Revised

POLICY_ID = "policy"  # there is one


class ContactLimit(Noun):
    """At most `max` first messages in any `period`."""

    max: int = Field(ge=1, le=1000)
    period: str


class ContactPolicyContent(Noun):
    """What a caller PUTs; counted by person and by address, planned sends included."""

    limits: tuple[ContactLimit, ...] = Field(default=(ContactLimit(max=3, period="P90D"),), max_length=5)
    cooldown: str | None = "P7D"  # between any two first messages
    less_often: str = "P90D"  # the same, for people who asked to be asked less often
    open_cases: bool = True  # nobody is asked while somebody takes care of what they said last
    hourly_cap: int = Field(default=1_000, ge=1, le=1_000_000)  # of a trigger that sets none of its own


class ContactPolicy(Revised, ContactPolicyContent):
    """The one stored policy."""
