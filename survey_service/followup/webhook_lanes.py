"""Lanes: each webhook has a few places for calls under way in this process, and none while it is held.

Due calls come in; those that have a place go out. A receiver that hangs fills its own lane and no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from survey_service.models.webhook import WebhookCall
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.work.bells import Bells

PLACES = 10  # calls of one webhook under way in a process
BATCH = 5  # claimed at once; a lane takes a whole batch or none


class LaneClaims:
    """The claims on calls whose webhook has room, as a stage's loop sees them."""

    def __init__(self, store: Store, bells: Bells, stage: str) -> None:
        self._store = store
        self._bells = bells
        self._stage = stage
        self._claims = store.webhook_calls.claims
        self._under_way: dict[str, str] = {}
        self.lease = self._claims.lease

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[WebhookCall] | None:
        """Lease up to a batch of due calls, each with a place in its lane."""
        webhooks = (await self._store.configuration.current()).webhooks
        if not webhooks:
            return None
        health, now = await self._store.webhook_calls.health(), self._store.clock.now()
        held = {name for name, row in health.items() if row.held_until > now}
        taken = Counter(self._under_way.values())
        free = [name for name in webhooks if name not in held and taken[name] + BATCH <= PLACES]
        if not free:
            return None
        claim = await self._claims.claim(min(limit, BATCH), orphans=orphans, where={"webhook": {"$in": free}})
        if claim is not None:
            self._under_way |= {row.id: row.webhook for row in claim.rows}
        return claim

    def leave(self, row: WebhookCall) -> None:
        """A call is over; whoever waits for a place looks again."""
        if self._under_way.pop(row.id, None) is not None:
            self._bells.ring(self._stage)

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        await self._claims.extend(lease)

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back what was not called."""
        await self._claims.release(lease, keep, pause)

    async def waiting(self) -> int:
        """How many calls are due now and not held by a worker."""
        return await self._claims.waiting()

    async def poisonous(self) -> int:
        """How many calls too many workers died with."""
        return await self._claims.poisonous()
