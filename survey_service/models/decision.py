"""What one trigger said about one event, and every reason there is for silence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Noun


class Outcome(StrEnum):
    """What became of (event, trigger)."""

    INVITED = "invited"  # an invitation exists
    DEFERRED = "deferred"  # an invitation exists and waits; `next_eligible_at` says until when, `reason` why
    SKIPPED = "skipped"  # no invitation, and `reason` says why


class Reason(StrEnum):
    """Why a survey was not sent. One enum for decisions, invitations and deliveries; docs/reasons.md explains each."""

    # the event
    NO_TRIGGER = "no_trigger"  # no trigger asks about this event type
    IMPORTED = "imported"  # posted with decide=false: history, never asked about
    # the decision
    TRIGGER_DISABLED = "trigger_disabled"  # the trigger is switched off
    CONDITION_FALSE = "condition_false"  # the trigger's condition does not hold
    CONDITION_ERROR = "condition_error"  # the condition failed on this event, see `detail`
    NOT_SAMPLED = "not_sampled"  # outside the trigger's sample
    STALE = "stale"  # the event was older than max_event_age when it was decided
    EXPIRED = "expired"  # the time to answer ended before anything was sent
    NO_CHANNEL = "no_channel"  # the customer has no usable address on any channel of the trigger
    SUPPRESSED = "suppressed"  # the person or the address must not be written to
    NO_CONSENT = "no_consent"  # the customer refused this channel
    COOLDOWN = "cooldown"  # this trigger asked the person, or the address, too short a time ago
    ANSWER_COOLDOWN = "answer_cooldown"  # the person answered under this trigger too short a time ago
    SAME_TEXT = "same_text"  # the same survey within twelve hours
    CONTACT_COOLDOWN = "contact_cooldown"  # the contact policy's cooldown between any two first messages
    CONTACT_LIMIT = "contact_limit"  # the contact policy's limit in a period
    HOURLY_CAP = "hourly_cap"  # the trigger reached its cap of this hour
    OPEN_CASE = "open_case"  # somebody is still taking care of this customer's last answer
    CANCELLED_BY_EVENT = "cancelled_by_event"  # an event of the trigger's cancel_on took it back
    # afterwards
    QUIET_HOURS = "quiet_hours"  # waits for the next allowed time in the customer's zone
    RATE_LIMITED = "rate_limited"  # waits for its turn under the channel's rate
    CANCELLED = "cancelled"  # cancelled through the API
    OPTED_OUT = "opted_out"  # the person opted out while it waited
    ERASED = "erased"  # the person asked to be forgotten
    ANSWERED = "answered"  # the answer came before the message left
    SURVEY_GONE = "survey_gone"  # the survey or the brand no longer exists
    ADDRESS_UNUSABLE = "address_unusable"  # the address bounced for good
    COUNTRY_NOT_ALLOWED = "country_not_allowed"  # the number belongs to a country that SURVEY_SMS_COUNTRIES leaves out
    NUMBER_REFUSED = "number_refused"  # a premium, shared-cost or satellite number
    BUDGET_EXCEEDED = "budget_exceeded"  # the day's segments, over all or of the country, are used up
    ADDRESS_NOT_ALLOWED = "address_not_allowed"  # outside SURVEY_ONLY_TO, or not on the brand's list of test addresses
    PERSON_INACTIVE = "person_inactive"  # the one of our people whom it is for left, or is switched off
    REFUSED = "refused"  # the provider refused the message for good
    RETRIES_EXHAUSTED = "retries_exhausted"  # the provider failed on every try of the schedule
    COMPOSING_FAILED = "composing_failed"  # the message could not be built, see `detail`
    OUTCOME_UNKNOWN = "outcome_unknown"  # the provider may have taken it; only evidence or an operator settles it
    POISON = "poison"  # every worker that took the row died with it


class Decision(Noun):
    """One trigger's word about one event; stored inside the event."""

    trigger: str
    trigger_version: int
    outcome: Outcome
    reason: Reason | None = None
    detail: str | None = None
    invitation: str | None = None
    values: dict[str, Any] = Field(default_factory=dict)  # what made the decision: ages, limits, the share drawn
    next_eligible_at: datetime | None = None
