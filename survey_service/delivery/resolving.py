"""Resolving: an unknown text message that is due for a look comes in; proof that the provider has it settles it.

Silence proves nothing: what is not found stays unknown, and is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from channels.base import Channel, Searchable
from channels.errors import TemporaryFailure
from channels.twilio_callbacks import SmsStatus
from survey_service.delivery.composing import Composer, Draft
from survey_service.delivery.gate import MAX_DEATHS
from survey_service.delivery.news import take_news
from survey_service.delivery.reports import sms_news
from survey_service.delivery.silencing import Silencing
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.store.store import Store

log = structlog.get_logger()

# Together 1, 10 and 60 minutes after the outcome became unknown.
LOOK_AFTER: tuple[timedelta, ...] = (timedelta(minutes=1), timedelta(minutes=9), timedelta(minutes=50))
_PROVIDER_AWAY = timedelta(minutes=5)
_CLOCKS_APART = timedelta(minutes=1)  # the provider's and ours


class Resolving:
    """Asks providers about deliveries whose outcome is unknown."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[ChannelName, Channel[Any]],
        composer: Composer,
        silencing: Silencing,
    ) -> None:
        self._store = store
        self._channels = channels
        self._composer = composer
        self._silencing = silencing

    async def look(self, row: Delivery, draft: Draft | None) -> None:
        """Look once, then note when to look again; without a draft, or a marker in it, there is nothing to find."""
        channel: object = self._channels.get(row.channel)
        marker = self._composer.marker(draft) if draft is not None else None
        poisonous = row.deaths >= MAX_DEATHS
        if not isinstance(channel, Searchable) or marker is None or row.attempted_at is None or poisonous:
            await self._store.deliveries.record_lookup(row, row.lookups, None)
            return
        try:
            found = await channel.find_sent(row.to, row.attempted_at - _CLOCKS_APART, marker)
        except TemporaryFailure as error:
            log.warning("resolving.provider_away", delivery=row.id, code=error.code)
            now = self._store.clock.now()
            again = now + max(_PROVIDER_AWAY, timedelta(seconds=error.retry_after or 0))
            await self._store.deliveries.record_lookup(row, row.lookups, again if again < row.expires_at else None)
            return
        if found is None:
            await self._record_silence(row)
            return
        log.info("resolving.found", delivery=row.id, status=found.raw)
        said = SmsStatus(found.provider_id, found.status, found.raw, found.error_code)
        await take_news(row, sms_news(said), self._store, self._silencing)

    async def _record_silence(self, row: Delivery) -> None:
        lookups = row.lookups + 1
        wait = LOOK_AFTER[lookups] if lookups < len(LOOK_AFTER) else None
        next_at = self._store.clock.now() + wait if wait is not None else None
        await self._store.deliveries.record_lookup(row, lookups, next_at)
