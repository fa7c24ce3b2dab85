"""An incentive is what is offered for an answer; a reward is what one customer was given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable, Erasable, Noun, Revised
from survey_service.models.ids import hashed_id
from survey_service.models.outbox import Telling
from survey_service.models.survey import Localised

MAX_CODE = 100  # characters


class IncentiveKind(StrEnum):
    """What a customer gets."""

    SHARED_CODE = "shared_code"  # the same code for all
    UNIQUE_CODE = "unique_code"  # one of a pool that was uploaded
    GESTURE = "gesture"  # words only: "we plant a tree"


class Hold(Noun):
    """More rewards within `period` than these are held for review; each incentive counts for itself.

    Many people share a network: one address may be an office's, or a carrier's with hundreds of telephones behind it.
    """

    most: int = Field(default=3, ge=1, le=1000)  # of one email address, or of one phone number
    most_of_network: int | None = Field(default=20, ge=1, le=1000)  # None: networks are not looked at
    period: str = "P30D"


class IncentiveContent(Noun):
    """What a caller PUTs. The condition sees `event` and `customer`, never a score: rewards must not buy good ones."""

    name: str = Field(min_length=1, max_length=200)
    kind: IncentiveKind
    text: Localised  # what it is, such as "10 % off your next order"
    code: str | None = Field(default=None, min_length=1, max_length=MAX_CODE)  # of a shared code
    value: float = Field(default=0.0, ge=0.0, le=1_000_000.0)  # what one costs us, for the budget and for figures
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    condition: str | None = Field(default=None, max_length=2000)
    per_person: int = Field(default=1, ge=1, le=1000)
    period: str = "P365D"  # that `per_person` counts over
    per_day: int | None = Field(default=None, ge=1, le=10_000_000)  # a day of the brand's zone
    total: int | None = Field(default=None, ge=1, le=100_000_000)
    budget: float | None = Field(default=None, gt=0.0, le=1_000_000_000.0)  # sum of `value` over all rewards
    expires_after: str | None = None  # how long a reward is good for
    low_at: int = Field(default=100, ge=0, le=1_000_000)  # with fewer codes left we are warned
    hold: Hold | None = Hold()
    send: bool = False  # by the customer's channel as well, where the thank-you page shows it
    enabled: bool = True


class Incentive(Revised, IncentiveContent):
    """The stored incentive."""


class Offer(Noun):
    """What an invitation offers, as it was at that moment: what was promised in one message holds in the next."""

    incentive: str
    name: str
    text: Localised


class IncentiveState(Telling):
    """What became of an incentive so far, apart from its configuration, so that neither waits for the other.

    It is counted when a place is taken, and taken back when nothing came of it.
    """

    granted: int = 0
    mills: int = 0  # spent: thousandths of the currency's unit, so that a sum of many is exact
    left: int | None = None  # codes in the pool; None: nothing was ever taken from or added to it
    low: bool = False  # warned, and not filled since


def mills_of(amount: float) -> int:
    """An amount of money in thousandths."""
    return round(amount * 1000)


class RewardState(StrEnum):
    """What became of a claim."""

    GRANTED = "granted"  # final
    HELD = "held"  # somebody is to look at it first
    REFUSED = "refused"  # `reason` says why


TRANSITIONS: Mapping[RewardState, frozenset[RewardState]] = {
    RewardState.GRANTED: frozenset(),
    RewardState.HELD: frozenset({RewardState.GRANTED, RewardState.REFUSED}),
    RewardState.REFUSED: frozenset({RewardState.GRANTED, RewardState.HELD, RewardState.REFUSED}),
}


class RewardReason(StrEnum):
    """Why a reward was not granted at once."""

    PER_PERSON = "per_person"  # the person had theirs
    PER_DAY = "per_day"  # today's are gone
    TOTAL = "total"  # all are gone
    BUDGET = "budget"  # the budget is used up
    NO_CODES = "no_codes"  # the pool is empty; granted as soon as codes are added
    DISABLED = "disabled"  # the incentive is switched off or gone
    SAME_SOURCE = "same_source"  # many from one address, phone or network: held for review
    REJECTED = "rejected"  # a person looked at it and said no
    SUSPECT = "suspect"  # the answer is marked as suspect


class Reward(Claimable, Telling, Erasable):
    """One response makes at most one reward of an incentive: `id` is a hash of both.

    `due_at` is set where codes were added for one that had found none.
    """

    revision: int = 1
    incentive: str
    name: str
    text: Localised
    response: str
    invitation: str | None = None
    customer: str | None = None
    customer_ref: str | None = None
    brand: str
    survey: str
    survey_version: int | None = None
    trigger: str | None = None
    variant: str | None = None
    touchpoint: str | None = None
    dimensions: dict[str, Any] = Field(default_factory=dict)  # of the answer, as are channel and language
    channel: str | None = None
    language: str | None = None
    state: RewardState
    reason: RewardReason | None = None
    code: str | None = None
    value: float = 0.0
    currency: str | None = None
    by: str | None = None  # the API key of the person who decided; None: the service did
    created_at: datetime
    granted_at: datetime | None = None
    expires_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether the customer has it and can still use it."""
        return self.state is RewardState.GRANTED and (self.expires_at is None or now < self.expires_at)


def reward_id(response: str, incentive: str) -> str:
    """One response makes at most one reward of an incentive."""
    return hashed_id("rwd", response, incentive)
