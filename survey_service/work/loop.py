"""The claim loop: due rows of one stage go in, handled batches come out, until the worker is told to drain."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from survey_service.errors import Unavailable
from survey_service.models.base import Stored
from survey_service.store.claims import Claim, Claiming
from survey_service.store.faults import as_service_error
from survey_service.work.bells import Bells

RowT = TypeVar("RowT", bound=Stored)
log = structlog.get_logger()

LOOK_EVERY = 0.75  # seconds between looks for rows that another process wrote
BACK_OFF = 2.0  # seconds after a fault of the database
HEARTBEATS_A_LEASE = 3


@dataclass(frozen=True)
class Stage(Generic[RowT]):
    """One stage of the way: what it claims, how it handles a batch, and how many batches may be under way.

    `handle` finishes each row by a fenced write; what it leaves is given back and falls due again. Rows that match
    `keep_on_drain` stay leased when the worker is stopped: their state does not allow a blind second start.
    """

    name: str
    claims: Claiming[RowT]
    handle: Callable[[Claim[RowT]], Awaitable[None]]
    batch: int = 100
    parallel: int = 1
    keep_on_drain: Mapping[str, Any] = field(default_factory=dict)


class StageLoop(Generic[RowT]):
    """Runs one stage in this process."""

    def __init__(self, stage: Stage[RowT], bells: Bells) -> None:
        self.stage = stage
        self._bells = bells
        self._draining = asyncio.Event()
        self._batches: set[asyncio.Task[None]] = set()
        self._orphans = 0

    async def run(self) -> None:
        """Claim and handle until `drain`; a fault of the database is waited out."""
        while not self._draining.is_set():
            self._bells.silence(self.stage.name)
            try:
                found = await self._start_batch()
            except Exception as error:
                if as_service_error(error) is None:
                    raise
                log.warning("stage.database_away", stage=self.stage.name, error=type(error).__name__)
                await self._pause(BACK_OFF)
                continue
            if not found:
                # Spread the looks of many workers.
                await self._pause(LOOK_EVERY * random.uniform(0.8, 1.2))  # noqa: S311 -- spreading load
            elif len(self._batches) >= self.stage.parallel:
                await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)

    async def run_until_idle(self) -> int:
        """Handle everything that is due now, one batch after the other; returns how many rows."""
        handled = 0
        while claim := await self.stage.claims.claim(self.stage.batch):
            handled += len(claim.rows)
            await self._work(claim)
        return handled

    async def drain(self, grace: float) -> None:
        """Claim no more, let what is under way end within `grace` seconds, then give the rest back."""
        self._draining.set()
        self._bells.ring(self.stage.name)
        if self._batches:
            _, late = await asyncio.wait(self._batches, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        await self._bells.wait(self.stage.name, seconds)

    async def _start_batch(self) -> bool:
        # Orphans that hang must not take every place: one is kept for rows that nobody died with.
        room_for_orphans = self._orphans < max(1, self.stage.parallel - 1)
        claim = await self.stage.claims.claim(self.stage.batch, orphans=room_for_orphans)
        if claim is None:
            return False
        if self._draining.is_set():
            # Told to stop while asking: nobody would wait for this batch.
            await self._give_back(claim.lease)
            return False
        task = asyncio.create_task(self._work(claim), name=f"{self.stage.name}:{claim.lease}")
        self._batches.add(task)
        self._orphans += claim.is_orphan
        task.add_done_callback(partial(self._forget, is_orphan=claim.is_orphan))
        return True

    def _forget(self, task: asyncio.Task[None], *, is_orphan: bool) -> None:
        self._batches.discard(task)
        self._orphans -= is_orphan

    async def _work(self, claim: Claim[RowT]) -> None:
        heartbeat = asyncio.create_task(self._beat(claim.lease))
        failed, pause = False, timedelta()
        try:
            await self.stage.handle(claim)
        except Exception as error:
            if isinstance(as_service_error(error), Unavailable):
                # Not the rows' fault: they are given back together, and no lease of theirs has died.
                log.warning("stage.database_away", stage=self.stage.name, error=type(error).__name__)
                pause = timedelta(seconds=BACK_OFF)
            else:
                log.error("stage.batch_failed", stage=self.stage.name, rows=len(claim.rows), exc_info=error)
                failed = True
        finally:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat
            cancelling = asyncio.current_task()
            if cancelling is not None and cancelling.cancelling():
                await asyncio.shield(self._give_back(claim.lease))
        if not failed:
            await self._give_back(claim.lease, pause)
        # A failed batch keeps its lease until it runs out: its rows are then claimed one by one.

    async def _give_back(self, lease: str, pause: timedelta = timedelta()) -> None:
        try:
            await self.stage.claims.release(lease, self.stage.keep_on_drain, pause)
        except Exception as error:
            if as_service_error(error) is None:
                raise
            log.warning("stage.release_failed", stage=self.stage.name, error=type(error).__name__)

    async def _beat(self, lease: str) -> None:
        pause = self.stage.claims.lease.total_seconds() / HEARTBEATS_A_LEASE
        while True:
            await asyncio.sleep(pause)
            try:
                await self.stage.claims.extend(lease)
            except Exception as error:
                if as_service_error(error) is None:
                    raise
                log.warning("stage.heartbeat_missed", stage=self.stage.name, error=type(error).__name__)
