"""News: what a provider tells later of a delivery comes in, in one shape for all channels; what follows is stored.

News come twice, late, in any order, and before the send has returned: everything here can be repeated, and a status
only rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from channels.base import ProviderStatus
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.steps import LOOK_AGAIN
from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.suppression import SuppressionReason
from survey_service.store.store import Store


class Effect(StrEnum):
    """What holds because of a report; the same one again has the same effects."""

    STATUS = "status"  # the delivery's provider status is at least what the report says
    ADDRESS_SUPPRESSED = "address_suppressed"  # nobody writes to the address any more
    PERSON_SUPPRESSED = "person_suppressed"  # the person is out on all channels of the brand


@dataclass(frozen=True, slots=True)
class News:
    """What became of a message that the provider has."""

    status: ProviderStatus | None = None  # None: it says nothing about that
    detail: str | None = None  # its words, without addresses
    code: str = ""  # the provider's own
    address_unusable: bool = False
    stopped: bool = False  # the person told the provider STOP
    complained: bool = False
    provider: str | None = None
    provider_id: str | None = None


async def take_news(row: Delivery, news: News, store: Store, silencing: Silencing) -> tuple[Effect, ...]:
    """Act on what the provider tells of `row`."""
    effects: list[Effect] = []
    if news.provider and news.provider_id:
        await store.deliveries.note_provider_id(row.id, news.provider, news.provider_id)
    if news.address_unusable:
        await silencing.stop_address(row, news.code)
        effects.append(Effect.ADDRESS_SUPPRESSED)
    if news.stopped:
        effects.append(Effect.ADDRESS_SUPPRESSED)
        if await silencing.stop_texts(row):
            effects.append(Effect.PERSON_SUPPRESSED)
    if news.complained and await silencing.stop_person(row, SuppressionReason.COMPLAINED):
        effects.append(Effect.PERSON_SUPPRESSED)
    if news.status is not None:
        await store.deliveries.raise_status(row.id, news.status.value, news.status.rank)
        effects.append(Effect.STATUS)
    if news.provider_id:
        await settle_sent(row, store)
    if news.detail:
        await store.deliveries.note_words(row.id, news.detail)
    if news.status is ProviderStatus.FAILED and row.invitation:
        # Another channel may be left. News that come again wake again: nobody knows how far the first ones came.
        await store.invitations.wake(row.invitation)
    return tuple(effects)


async def settle_sent(row: Delivery, store: Store) -> bool:
    """The provider is known to have it: what was `unknown` is `sent`, and its invitation goes on.

    The invitation first: should this process die in between, the next news find it in the right state.
    """
    if row.invitation and row.state in {DeliveryState.UNKNOWN, DeliveryState.SENDING}:
        await store.invitations.move(row.invitation, InvitationState.SENT, at=store.clock.now())
        await store.invitations.wake(row.invitation, within=LOOK_AGAIN)
    settled = await store.deliveries.settle_unknown(row.id, DeliveryState.SENT)
    if settled and row.invitation:
        await store.invitations.wake(row.invitation)
    return settled


async def settle_not_sent(row: Delivery, store: Store) -> bool:
    """The provider is known never to have had it: what was `unknown` is dead, and its invitation goes on."""
    if row.invitation:
        await store.invitations.wake(row.invitation, within=LOOK_AGAIN)
    settled = await store.deliveries.settle_unknown(row.id, DeliveryState.DEAD, Reason.OUTCOME_UNKNOWN)
    if settled and row.invitation:
        await store.invitations.wake(row.invitation)
    return settled
