"""Reports: what a mail system or Twilio says of a delivery comes in; the news in it are acted on."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from channels.base import ProviderStatus
from channels.dsn import Action, DeliveryReport
from channels.twilio_callbacks import SmsStatus
from channels.twilio_codes import meaning_of
from survey_service.delivery.news import Effect, News, take_news
from survey_service.delivery.silencing import Silencing
from survey_service.models.delivery import ChannelName
from survey_service.store.store import Store

log = structlog.get_logger()


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


async def take_report(report: DeliveryReport, store: Store, silencing: Silencing) -> Taken:
    """Act on a bounce or complaint. What it touches is the delivery's own recipient, whatever addresses it names."""
    row = await store.deliveries.get(report.delivery) if report.delivery else None
    log.info("report.taken", delivery=row.id if row else None, action=report.action.value, status=report.status)
    if row is None:
        return Taken(None)
    news = News(
        status=_PROVIDER_STATUS.get(report.action),
        detail=report.diagnostic or report.status,
        code=report.status,
        address_unusable=report.address_unusable,
        complained=report.action is Action.COMPLAINED,
    )
    return Taken(row.id, await take_news(row, news, store, silencing))


async def take_sms_status(delivery: str, said: SmsStatus, store: Store, silencing: Silencing) -> Taken:
    """Act on a status callback; its URL named the delivery, and its signature was right."""
    row = await store.deliveries.get(delivery)
    log.debug("sms_status.taken", delivery=row.id if row else None, status=said.raw, code=said.error_code)
    if row is None or row.channel is not ChannelName.SMS:
        return Taken(None)
    return Taken(row.id, await take_news(row, sms_news(said), store, silencing))


def sms_news(said: SmsStatus) -> News:
    """What a status of Twilio's amounts to. Pure."""
    meaning = meaning_of(said.error_code) if said.error_code and said.status is ProviderStatus.FAILED else None
    return News(
        status=said.status,
        detail=f"{said.error_code} {meaning.sentence}" if meaning else None,
        code=said.error_code or "",
        address_unusable=meaning is not None and meaning.address_unusable,
        stopped=meaning is not None and meaning.opted_out,
        provider="twilio",
        provider_id=said.provider_id,
    )
