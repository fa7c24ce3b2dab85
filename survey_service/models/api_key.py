"""An API key: who may call what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Stored

MIN_KEY_LENGTH = 16  # characters


class Scope(StrEnum):
    """What a key may do."""

    EVENTS_WRITE = "events:write"  # post events
    EVENTS_READ = "events:read"  # read events and decisions
    CONFIG_WRITE = "config:write"  # what is asked, how, whom and when; it gives nobody what the key may not read
    CONFIG_READ = "config:read"  # read them
    INVITATIONS_WRITE = "invitations:write"  # invite directly, cancel
    INVITATIONS_IGNORE_RULES = "invitations:ignore_rules"  # invite past the contact policy, and past nothing else
    INVITATIONS_READ = "invitations:read"  # read invitations and deliveries
    RESPONSES_WRITE = "responses:write"  # say whether an answer counts, hand over mails that answer
    RESPONSES_READ = "responses:read"  # read answers
    METRICS_READ = "metrics:read"  # read figures
    CASES_WRITE = "cases:write"  # change cases, write notes and replies, reward
    CASES_READ = "cases:read"  # read cases
    REWARDS_WRITE = "rewards:write"  # add codes, decide on what is held, give by hand
    REWARDS_READ = "rewards:read"  # read rewards, and how many codes are left
    CUSTOMERS_WRITE = "customers:write"  # write notes on customers
    CUSTOMERS_READ = "customers:read"  # look customers up, read and copy all that is known of one
    CUSTOMERS_ERASE = "customers:erase"  # forget a customer for good
    SUPPRESSIONS_WRITE = "suppressions:write"  # add and lift suppressions
    SUPPRESSIONS_READ = "suppressions:read"  # read them
    OPERATE = "operate"  # pauses, retries, resolving unknown deliveries
    KEYS_WRITE = "keys:write"  # make and revoke keys


# What one of our people may do once they are signed in to the dashboard.
OF_A_PERSON = (
    Scope.METRICS_READ,
    Scope.RESPONSES_READ,
    Scope.CASES_READ,
    Scope.CUSTOMERS_READ,
    Scope.CUSTOMERS_WRITE,
)


class ApiKey(Stored):
    """The key itself is shown once; its SHA-256 is what is stored."""

    name: str
    sha256: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None = None
