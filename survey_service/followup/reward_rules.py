"""A claim and what is known of it come in; which allowances it uses, and the reward that follows, go out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from survey_service.calendars import parse_period, zone
from survey_service.followup.letters import way_to_customer
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import delivery_id
from survey_service.models.incentive import Incentive, Offer, Reward, RewardReason, RewardState, reward_id
from survey_service.models.invitation import Invitation
from survey_service.models.outbox import NewsType, news_of, outbox_with
from survey_service.models.response import FinishedBy, Response
from survey_service.store.allowances import Allowance
from survey_service.texts.addresses import email_key
from survey_service.texts.thanking import reward_subject, reward_text

SEND_WITHIN = timedelta(days=30)  # of a reward that is good for ever


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may be thanked for which answer; `incentive` is None where it is gone.

    `by` names the API key of a person who decided. What a person decides is looked at no more: a claim that is
    `trusted` passes the hold, one that is `given` passes what the customer's own share is, too.
    """

    offer: Offer
    incentive: Incentive | None
    response: Response
    brand: Brand | None
    invitation: Invitation | None = None
    by: str | None = None
    trusted: bool = False
    given: bool = False

    @property
    def id(self) -> str:
        """The id of its one reward."""
        return reward_id(self.response.id, self.offer.incentive)

    @property
    def profile(self) -> CustomerProfile:
        """The customer, as invited."""
        return self.invitation.recipient if self.invitation else CustomerProfile()

    def day(self, now: datetime) -> date:
        """The date in the brand's zone."""
        return now.astimezone(zone(self.brand.timezone if self.brand else "UTC")).date()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a claim came to."""

    state: RewardState
    reason: RewardReason | None = None
    code: str | None = None


def own_share(claim: Claim, incentive: Incentive) -> Allowance | None:
    """How many one person may have; None where nobody is known, or a person gives it."""
    if claim.given or claim.response.customer is None:
        return None
    name = f"{incentive.id}:person:{claim.response.customer}"
    return Allowance(name, incentive.per_person, parse_period(incentive.period))


def shares_of_sources(claim: Claim, incentive: Incentive, hashed: Callable[[str], str]) -> list[Allowance]:
    """How many may come from one address, phone or network before somebody has to look at them.

    `hashed` is a keyed hash: the store holds no address.
    """
    hold, profile = incentive.hold, claim.profile
    if hold is None or claim.trusted or claim.given:
        return []
    period = parse_period(hold.period)
    sources = [
        ("address", hashed(email_key(profile.email)) if profile.email else None, hold.most),
        ("phone", hashed(profile.phone) if profile.phone else None, hold.most),
        ("network", claim.response.network, hold.most_of_network),
    ]
    return [
        Allowance(f"{incentive.id}:{kind}:{subject}", most, period)
        for kind, subject, most in sources
        if subject is not None and most is not None
    ]


def new_reward(claim: Claim, outcome: Outcome, now: datetime) -> Reward:
    """The reward of a claim, with the news of it."""
    response = claim.response
    bare = Reward(
        id=claim.id,
        incentive=claim.offer.incentive,
        name=claim.offer.name,
        text=claim.offer.text,
        response=response.id,
        invitation=response.invitation,
        customer=response.customer,
        customer_ref=response.customer_ref,
        brand=response.brand,
        survey=response.survey,
        survey_version=response.survey_version,
        trigger=response.trigger,
        variant=response.variant,
        touchpoint=response.touchpoint,
        dimensions=response.dimensions,
        channel=response.channel,
        language=response.language,
        state=outcome.state,
        created_at=now,
    )
    return decided(bare, claim, outcome, now)


def decided(reward: Reward, claim: Claim, outcome: Outcome, now: datetime) -> Reward:
    """A reward after its claim was looked at, once more or for the first time."""
    incentive = claim.incentive
    change: dict[str, object] = {"state": outcome.state, "reason": outcome.reason, "by": claim.by}
    if outcome.state is RewardState.GRANTED and incentive is not None:
        good_for = parse_period(incentive.expires_after) if incentive.expires_after else None
        change |= {
            "code": outcome.code,
            "value": incentive.value,
            "currency": incentive.currency,
            "granted_at": now,
            "expires_at": now + good_for if good_for else None,
            "outbox": outbox_with(news_of(reward.id, NewsType.REWARD_GRANTED, now)),
        }
    return reward.model_copy(update=change)


def is_shown(response: Response) -> bool:
    """Whether a thank-you page shows what is granted at once: not after a text message, and not after a timeout."""
    return response.finished_by is FinishedBy.CUSTOMER and not response.texts


def message_of(
    reward: Reward, claim: Claim, usable: Collection[ChannelName], now: datetime, *, late: bool
) -> Delivery | None:
    """The message that hands a granted reward over; None where none is wished for, or nothing reaches the customer.

    What no page has shown is always sent, or nobody would ever know of it: `late` says that it was not granted when
    the answer came.
    """
    if reward.state is not RewardState.GRANTED or claim.incentive is None or claim.brand is None:
        return None
    if not (claim.incentive.send or late or not is_shown(claim.response)):
        return None
    way = way_to_customer(claim.profile, usable, claim.response.channel)
    if way is None:
        return None
    channel, to = way
    response, brand = claim.response, claim.brand
    place = zone(claim.profile.timezone or brand.timezone)
    return Delivery(
        id=delivery_id(reward.id, DeliveryKind.REWARD, 1),
        kind=DeliveryKind.REWARD,
        channel=channel,
        invitation=response.invitation,
        brand=response.brand,
        survey=response.survey,
        survey_version=response.survey_version,
        trigger=response.trigger,
        customer=response.customer,
        touchpoint=response.touchpoint,
        to=to,
        language=response.language,
        subject=reward_subject(brand.name, response.language),
        text=reward_text(reward, brand.name, place, response.language, by_mail=channel is ChannelName.EMAIL),
        reward=reward.id,
        state=DeliveryState.REQUESTED,
        due_at=now,
        created_at=now,
        planned_at=now,
        expires_at=reward.expires_at or now + SEND_WITHIN,
    )
