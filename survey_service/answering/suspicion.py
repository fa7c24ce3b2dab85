"""Suspicion: the first answer of a response and what happened around it come in; why no person gave it goes out.

Suspects are kept, marked and left out of metrics; a wrong word costs a customer's voice, so each threshold is beyond
what people do. Answers by text message are not judged: whoever sends one holds the telephone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from survey_service.answering.gate import LINK_AGE, Visit
from survey_service.models.delivery import ASKS, Delivery, DeliveryState
from survey_service.models.invitation import Invitation
from survey_service.store.store import Store
from survey_service.store.suspects import count_begun
from survey_service.store.visits import Opened, PageVisit

log = structlog.get_logger()

# Whoever reads a scale may try two of its buttons; a scanner follows each link of a mail, one after the other.
MANY_LINKS = 3
# A scanner answers while it scans. Minutes later a person may sit behind the same address as their mail's scanner.
SCAN = timedelta(seconds=10)
# A page may stay open for so long before it is sent, while a reminder leaves.
PAGE_OPEN = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Suspect(StrEnum):
    """Why an answer is taken for a machine's."""

    OPENS_EVERY_LINK = "opens_every_link"  # its network opened three or more links of the mail seconds before
    TOO_FAST = "too_fast"  # the message had hardly left
    BURST = "burst"  # its network began more answers within a minute than people do


@dataclass(frozen=True, slots=True)
class Limits:
    """`too_fast`: no person opens a message, reads and answers in less.

    `burst`: first answers a minute from one network. One address may be an office whose staff is asked at once, or a
    carrier's, with hundreds of telephones behind it; few of them answer in the same minute.
    """

    too_fast: timedelta
    burst: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at `now`, when an answer arrives.

    `left_at` is when the newest message that asked for it left; `opened` is what its network opened of that mail
    within `PAGE_OPEN`, and `begun` how many other answers the network began within a minute.
    """

    now: datetime
    left_at: datetime | None = None
    opened: Collection[PageVisit] = ()
    begun: int = 0


def suspect_reason(facts: Facts, limits: Limits) -> Suspect | None:
    """Why no person gave this answer, the surest reason first; None: one did. Pure."""
    links = {(one.opened, one.score) for one in facts.opened if _is_link(one) and facts.now - one.at <= SCAN}
    if len(links) >= MANY_LINKS:
        return Suspect.OPENS_EVERY_LINK
    if _is_at_once(facts, limits.too_fast):
        return Suspect.TOO_FAST
    return Suspect.BURST if facts.begun >= limits.burst else None


def newest_departure(deliveries: Sequence[Delivery]) -> datetime | None:
    """When the newest message of an invitation left; of one whose sender has not heard back yet, when it was tried."""
    under_way = {DeliveryState.SENDING, DeliveryState.UNKNOWN}
    asks = [row for row in deliveries if row.kind in ASKS]
    times = [row.sent_at for row in asks if row.state is DeliveryState.SENT]
    times += [row.attempted_at for row in asks if row.state in under_way]
    return max((time for time in times if time is not None), default=None)


class Suspicion:
    """Gathers the facts and judges; only reads."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def judge(self, visit: Visit, network: str | None, now: datetime) -> str | None:
        """Why the first answer of `visit` is left out of metrics; None: it counts. See `Suspecting`."""
        if visit.link is not None and visit.link.kiosk:
            return None  # one device, many people
        left_at, opened, begun = await asyncio.gather(
            self._left_at(visit.invitation), self._opened(visit.invitation, network, now), self._begun(network, now)
        )
        reason = suspect_reason(Facts(now, left_at, opened, begun), self._limits)
        if reason is not None:
            log.info("answer.suspect", reason=reason.value, survey=visit.survey.survey if visit.survey else None)
        return reason.value if reason else None

    async def _left_at(self, invitation: Invitation | None) -> datetime | None:
        if invitation is None:
            return None
        return newest_departure(await self._store.deliveries.of_invitation(invitation.id))

    async def _opened(self, invitation: Invitation | None, network: str | None, now: datetime) -> Collection[PageVisit]:
        if invitation is None or network is None:
            return ()
        return await self._store.visits.recent((invitation.id, invitation.customer), network, now - PAGE_OPEN)

    async def _begun(self, network: str | None, now: datetime) -> int:
        if network is None:
            return 0
        snapshot = await self._store.configuration.current(LINK_AGE)
        kiosks = [link.id for link in snapshot.links.values() if link.kiosk]
        return await count_begun(self._store.database, network, now - MINUTE, kiosks, self._limits.burst)


def _is_at_once(facts: Facts, too_fast: timedelta) -> bool:
    if facts.left_at is None or facts.now - facts.left_at >= too_fast:
        return False
    # Who had the page open before a reminder left answers an earlier message.
    return not any(one.at < facts.left_at for one in facts.opened)


def _is_link(one: PageVisit) -> bool:
    """Whether the mail leads there by a link of its own; the page leads to itself too (reload, another language)."""
    return one.opened in {Opened.SCORE, Opened.OPT_OUT}
