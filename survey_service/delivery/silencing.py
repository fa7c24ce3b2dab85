"""Silencing: a delivery whose provider knows of a bounce, a STOP or a complaint comes in; suppressions are stored.

What is silenced is the delivery's own recipient, whatever addresses a report names. Repeating is harmless.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from survey_service.models.delivery import Delivery
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.store.store import Store
from survey_service.store.suppressions import address_suppression
from survey_service.tokens import Keyring, OptOutSubject

OptOut = Callable[[OptOutSubject, SuppressionReason], Awaitable[None]]


class Silencing:
    """Stops addresses and persons; `opt_out` is the way a person's own word goes."""

    def __init__(self, store: Store, keyring: Keyring, opt_out: OptOut) -> None:
        self._store = store
        self._keyring = keyring
        self._opt_out = opt_out

    async def stop_address(self, row: Delivery, detail: str) -> None:
        """Nobody writes to the address any more, under no brand: it does not exist."""
        await self._suppress(row, EVERY_BRAND, SuppressionReason.BOUNCED, detail)

    async def stop_person(self, row: Delivery, reason: SuppressionReason) -> bool:
        """The person is out on all channels of the brand, and what waits is cancelled; False if nobody is known."""
        if row.customer is None:
            return False
        await self._opt_out(OptOutSubject(row.brand, row.customer), reason)
        return True

    async def stop_texts(self, row: Delivery) -> bool:
        """The owner of the number told the provider STOP: number and person are out; False if only the number is."""
        # The number first: it may not be one of those that the person is known by today.
        await self._suppress(row, row.brand, SuppressionReason.STOP, None)
        return await self.stop_person(row, SuppressionReason.STOP)

    async def _suppress(self, row: Delivery, brand: str, reason: SuppressionReason, detail: str | None) -> None:
        if not row.to:
            return  # the person was erased since, and is silenced already
        now = self._store.clock.now()
        await self._store.suppressions.insert(
            [address_suppression(self._keyring, row.to, brand, reason, now, detail or None)]
        )
