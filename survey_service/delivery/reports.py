"""Reports: what a mail system says of a delivery comes in; the suppression and the status that follow are stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from channels.base import ProviderStatus
from channels.dsn import Action, DeliveryReport
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.store.store import Store
from survey_service.store.suppressions import address_suppression
from survey_service.tokens import Keyring, OptOutSubject

log = structlog.get_logger()

OptOut = Callable[[OptOutSubject, SuppressionReason], Awaitable[None]]


class Effect(StrEnum):
    """What holds because of a report; the same one again has the same effects."""

    STATUS = "status"  # the delivery's provider status is at least what the report says
    ADDRESS_SUPPRESSED = "address_suppressed"  # nobody writes to the address any more, under no brand
    PERSON_SUPPRESSED = "person_suppressed"  # the person is out on all channels of the brand


@dataclass(frozen=True, slots=True)
class Taken:
    """The delivery that was meant, None if we know none of that name, and what holds now."""

    delivery: str | None
    effects: tuple[Effect, ...] = ()


_PROVIDER_STATUS = {
    Action.FAILED: ProviderStatus.FAILED,
    Action.RELAYED: ProviderStatus.SENT,
    Action.EXPANDED: ProviderStatus.SENT,
    Action.DELIVERED: ProviderStatus.DELIVERED,
    Action.COMPLAINED: ProviderStatus.DELIVERED,  # whoever complains has got it
}


async def take_report(report: DeliveryReport, store: Store, keyring: Keyring, opt_out: OptOut) -> Taken:
    """Act on a report. What it touches is the delivery's own recipient, whatever addresses the report names."""
    row = await store.deliveries.get(report.delivery) if report.delivery else None
    log.info("report.taken", delivery=row.id if row else None, action=report.action.value, status=report.status)
    if row is None:
        return Taken(None)
    effects: list[Effect] = []
    if report.address_unusable:
        bounced = SuppressionReason.BOUNCED
        suppression = address_suppression(keyring, row.to, EVERY_BRAND, bounced, store.clock.now(), report.status)
        await store.suppressions.insert([suppression])
        effects.append(Effect.ADDRESS_SUPPRESSED)
    if report.action is Action.COMPLAINED and row.customer is not None:
        await opt_out(OptOutSubject(row.brand, row.customer), SuppressionReason.COMPLAINED)
        effects.append(Effect.PERSON_SUPPRESSED)
    if detail := report.diagnostic or report.status:
        await store.deliveries.note_words(row.id, detail)
    if status := _PROVIDER_STATUS.get(report.action):
        news = await store.deliveries.raise_status(row.id, status.value, status.rank)
        effects.append(Effect.STATUS)
        if news and status is ProviderStatus.FAILED and row.invitation:
            await store.invitations.wake(row.invitation)  # another channel may be left
    return Taken(row.id, tuple(effects))
