"""A customer: a person known by id, else by email, else by phone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from survey_service.models.base import Noun, Stored


class CustomerProfile(Noun):
    """What an event or a direct invitation says about a person; addresses are normalised before they get here."""

    external_id: str | None = None
    name: str | None = None
    first_name: str | None = None
    email: str | None = None
    phone: str | None = None  # E.164
    locale: str | None = None
    timezone: str | None = None
    account: str | None = None
    consent: dict[str, bool] = Field(default_factory=dict)
    attributes: dict[str, Any] = Field(default_factory=dict)


class Customer(Stored):
    """`keys` hold each way this person is found (`id:…`, `email:…`, `phone:…`); a key belongs to one customer."""

    keys: tuple[str, ...]
    profile: CustomerProfile
    profile_at: datetime  # time of the newest event that changed the profile
    created_at: datetime

    @property
    def ref(self) -> str:
        """What systems call this person: their own id where one is known, else ours."""
        return self.profile.external_id or self.id
