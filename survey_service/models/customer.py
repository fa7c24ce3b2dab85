"""A customer: a person known by id, else by email, else by phone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Noun, Stored
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import hashed_id


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


class ConsentRecord(Noun):
    """A person's last word about one channel: what, who passed it on (an event's source, or `api:{key}`), and when."""

    granted: bool
    source: str
    at: datetime


class IdentityConflict(Noun):
    """A key that an event named beside this person, though it belongs to another one; nobody is merged."""

    key: str
    other: str  # our id of the person it belongs to
    at: datetime  # time of the first event that said so


class NoteKind(StrEnum):
    """What a note is about."""

    WISH = "wish"  # the customer would like it so
    NEED = "need"  # the customer cannot do otherwise


class CustomerNote(Noun):
    """What a person wrote that answers no question, or what somebody wrote down about them.

    `source` says where it came in, such as `sms:SM…`, and is another one for each note of a customer. `touchpoint` is
    that of the invitation which the customer's own words reply to.
    """

    at: datetime
    text: str
    source: str
    kind: NoteKind | None = None
    touchpoint: str | None = None

    @property
    def id(self) -> str:
        """How callers name it."""
        return hashed_id("nte", self.source)

    @property
    def by_customer(self) -> ChannelName | None:
        """The channel by which the customer wrote it themselves; None: somebody wrote it down about them."""
        if "#" in self.source:  # as a colleague's note is named
            return None
        return next((channel for channel in ChannelName if self.source.startswith(f"{channel.value}:")), None)

    def is_for(self, touchpoints: frozenset[str] | None) -> bool:
        """Whether readers who are bound to these touchpoints may read it; None: they are bound to none.

        What colleagues write down is for everybody who may see the customer.
        """
        return touchpoints is None or self.by_customer is None or self.touchpoint in touchpoints


class Customer(Stored):
    """`keys` hold each way this person is found (`id:…`, `email:…`, `phone:…`); a key belongs to one customer."""

    keys: tuple[str, ...]
    profile: CustomerProfile
    profile_at: datetime  # time of the newest event that changed the profile
    consent_log: dict[str, ConsentRecord] = Field(default_factory=dict)  # by channel; `profile.consent` with its proof
    conflicts: tuple[IdentityConflict, ...] = ()  # the newest ones
    notes: tuple[CustomerNote, ...] = ()  # the newest ones
    created_at: datetime

    @property
    def ref(self) -> str:
        """What systems call this person: their own id where one is known, else ours."""
        return self.profile.external_id or self.id


def address_on(channel: ChannelName, profile: CustomerProfile) -> str | None:
    """Where the channel reaches the person; the web needs no address."""
    if channel is ChannelName.WEB:
        return ""
    return profile.email if channel is ChannelName.EMAIL else profile.phone


def consents(channel: ChannelName, profile: CustomerProfile, brand: Brand) -> bool:
    """Whether the person may be asked on the channel: not without an explicit yes where the brand requires one."""
    return profile.consent.get(channel, channel not in brand.consent_required)
