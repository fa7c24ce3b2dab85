"""Granting: a finished response comes in; the one reward of what its invitation offered goes out, granted or not.

The page asks at once, and the stage that follows answers asks as well: whoever is first decides, both get the same.
Nothing is locked. Each step names the reward that it is for and takes nothing twice for the same one; the reward's own
row is written last, once, with its news and its message. What was taken for nothing is given back after that: a
process that dies in between may cost one place, and never gives a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from survey_service.errors import Conflict
from survey_service.followup.reward_rules import (
    Claim,
    Outcome,
    decided,
    message_of,
    new_reward,
    own_share,
    shares_of_sources,
)
from survey_service.followup.telling import Told
from survey_service.models.delivery import ChannelName
from survey_service.models.incentive import (
    Incentive,
    IncentiveKind,
    Offer,
    Reward,
    RewardReason,
    RewardState,
    reward_id,
)
from survey_service.models.outbox import NewsType
from survey_service.models.response import Response, ResponseStatus
from survey_service.store.allowances import Allowance
from survey_service.store.claims import Claim as RowClaim
from survey_service.store.store import Store
from survey_service.telemetry import REWARDS
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "granting"
MAX_DEATHS = 5
# Claims under way in this process: an incentive's counter takes one at a time, and more would only wait on each other.
_AT_ONCE = 32


@dataclass(slots=True)
class _Attempt:
    """A claim that is being decided: the allowances that it took, and whether it took a place."""

    claim: Claim
    now: datetime
    allowances: list[str] = field(default_factory=list)
    has_place: bool = False


class Granting:
    """Decides on claims; the only writer of rewards. `usable` are the channels with settings."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells, usable: Collection[ChannelName]) -> None:
        self._store = store
        self._keyring = keyring
        self._bells = bells
        self._usable = usable
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def grant(self, response: Response) -> Reward | None:
        """The reward of a response, decided now or before; None where nothing was offered or it is not finished."""
        if response.incentive is None or response.status is not ResponseStatus.FINISHED or response.erased_at:
            return None
        known = await self._store.rewards.get(reward_id(response.id, response.incentive))
        if known is not None:
            return known
        claim = await self._claim(response, response.incentive)
        return await self._decide(claim) if claim else None

    async def give(self, response: Response, incentive: str, by: str) -> Reward:
        """A person thanks for an answer by hand, as from a case; `by` is the API key.

        The customer's own share and the hold do not count; money, codes and the day's cap do.

        Raises:
            Conflict: there is no such incentive, or the person was forgotten.
        """
        if response.erased_at is not None:
            raise _forgotten()
        known = await self._store.rewards.get(reward_id(response.id, incentive))
        if known is not None and known.state is RewardState.GRANTED:
            return known
        claim = await self._claim(response, incentive, known)
        if claim is None:
            raise Conflict(f"there is no incentive {incentive}")
        claim = replace(claim, by=by, trusted=True, given=True)
        return await self._decide_again(known, claim) if known else await self._decide(claim, late=True)

    async def approve(self, reward: Reward, by: str) -> Reward:
        """A person looked at a held reward: it is granted, unless there is nothing left to grant.

        Raises:
            Conflict: it is not held.
        """
        if reward.state is not RewardState.HELD:
            raise Conflict(f"the reward is {reward.state.value}, not held")
        return await self._by_hand(reward, by)

    async def reject(self, reward: Reward, by: str) -> Reward:
        """A person looked at a held reward and says no.

        Raises:
            Conflict: it is not held, or somebody else decides at this moment.
        """
        if reward.state is not RewardState.HELD:
            raise Conflict(f"the reward is {reward.state.value}, not held")
        said = {"state": RewardState.REFUSED, "reason": RewardReason.REJECTED, "by": by}
        if not await self._store.rewards.change(reward, reward.model_copy(update=said)):
            raise _changed_meanwhile()
        _count(reward.model_copy(update=said))
        return await self._stored(reward.id)

    async def grant_again(self, reward: Reward, by: str | None = None) -> Reward:
        """Decide anew on one that was refused, such as after more codes or a lifted suspicion.

        Raises:
            Conflict: it was not refused.
        """
        if reward.state is not RewardState.REFUSED:
            raise Conflict(f"the reward is {reward.state.value}, not refused")
        return await self._by_hand(reward, by)

    async def note_codes(self, incentive: Incentive) -> None:
        """Codes were added to the pool, or deleted: they are counted, and whoever found none is served in turn."""
        left = await self._store.codes.count_left(incentive.id)
        await self._store.incentive_states.set_left(incentive, left)
        if left and await self._store.rewards.wake(incentive.id):
            self._bells.ring(STAGE)
        self._bells.ring("following")

    async def _by_hand(self, reward: Reward, by: str | None) -> Reward:
        response = await self._store.responses.get(reward.response)
        if reward.erased_at is not None or (response is not None and response.erased_at is not None):
            raise _forgotten()
        claim = await self._claim(response, reward.incentive, reward) if response else None
        if claim is None:
            raise Conflict("the answer of this reward is gone")
        return await self._decide_again(reward, replace(claim, by=by, trusted=by is not None))

    async def _claim(self, response: Response, name: str, reward: Reward | None = None) -> Claim | None:
        """Everything a claim is decided by; None where nothing tells what was offered."""
        snapshot = await self._store.configuration.current()
        invitation = await self._store.invitations.get(response.invitation) if response.invitation else None
        incentive = snapshot.incentives.get(name)
        offer = invitation.incentive if invitation else None
        if reward is not None:
            offer = Offer(incentive=name, name=reward.name, text=reward.text)
        elif offer is None or offer.incentive != name:
            offer = Offer(incentive=name, name=incentive.name, text=incentive.text) if incentive else None
        if offer is None:
            return None
        return Claim(offer, incentive, response, snapshot.brands.get(response.brand), invitation)

    async def _decide(self, claim: Claim, *, late: bool = False) -> Reward:
        """Decide on a claim that has no reward yet."""
        async with self._slots:
            attempt = _Attempt(claim, self._store.clock.now())
            outcome = await self._outcome(attempt)
            reward = new_reward(claim, outcome, attempt.now)
            message = message_of(reward, claim, self._usable, attempt.now, late=late)
            if await self._store.rewards.insert(reward, [message] if message else []):
                await self._settle(attempt, reward)
                return reward
            if outcome.code is not None:
                # Decided twice at once: the other one may have looked at the pool before a code was there.
                await self._store.rewards.wake(claim.offer.incentive)
        return await self._stored(claim.id)

    async def _decide_again(self, reward: Reward, claim: Claim) -> Reward:
        async with self._slots:
            attempt = _Attempt(claim, self._store.clock.now())
            after = decided(reward, claim, await self._outcome(attempt), attempt.now)
            message = message_of(after, claim, self._usable, attempt.now, late=True)
            if await self._store.rewards.change(reward, after, [message] if message else []):
                await self._settle(attempt, after)
        return await self._stored(claim.id)

    async def _stored(self, reward: str) -> Reward:
        found = await self._store.rewards.get(reward)
        if found is None:
            raise _changed_meanwhile()
        return found

    async def _outcome(self, attempt: _Attempt) -> Outcome:
        """Who and how many first, the code last: what holds or refuses a claim never costs a code."""
        claim, incentive = attempt.claim, attempt.claim.incentive
        if incentive is None or not incentive.enabled:
            return _refused(RewardReason.DISABLED)
        if claim.response.suspect is not None and not claim.given:
            return _refused(RewardReason.SUSPECT)
        sources = shares_of_sources(claim, incentive, self._keyring.subject_hash)
        if not all(await asyncio.gather(*(self._take(attempt, source) for source in sources))):
            return Outcome(RewardState.HELD, RewardReason.SAME_SOURCE)
        if incentive.kind is IncentiveKind.UNIQUE_CODE and await self.finds_no_code(incentive.id, claim.id):
            return _refused(RewardReason.NO_CODES)
        share = own_share(claim, incentive)
        if share is not None and not await self._take(attempt, share):
            return _refused(RewardReason.PER_PERSON)
        stands_against = await self._store.incentive_states.take(incentive, claim.id, claim.day(attempt.now))
        if stands_against is not None:
            return _refused(stands_against)
        attempt.has_place = True
        if incentive.kind is not IncentiveKind.UNIQUE_CODE:
            return Outcome(RewardState.GRANTED, code=incentive.code)
        code = await self._store.codes.take(incentive.id, claim.id)
        return Outcome(RewardState.GRANTED, code=code) if code else _refused(RewardReason.NO_CODES)

    async def _take(self, attempt: _Attempt, allowance: Allowance) -> bool:
        taken = await self._store.allowances.take(allowance, attempt.claim.id, attempt.now)
        if taken:
            attempt.allowances.append(allowance.name)
        return taken

    async def finds_no_code(self, pool: str, reward: str) -> bool:
        """Whether there is none for this reward; looked up before anything is taken, since that costs no write."""
        codes = self._store.codes
        return await codes.is_empty(pool) and await codes.of_reward(pool, reward) is None

    async def _settle(self, attempt: _Attempt, reward: Reward) -> None:
        """After the row is written: give back what came to nothing, and ring for who goes on."""
        _count(reward)
        claim = attempt.claim
        if reward.state is RewardState.REFUSED:
            if attempt.allowances:
                await self._store.allowances.give_back(attempt.allowances, reward.id)
            if attempt.has_place and claim.incentive is not None:
                await self._store.incentive_states.give_back(
                    claim.incentive.id, reward.id, claim.incentive.value, claim.day(attempt.now)
                )
            if reward.reason is RewardReason.NO_CODES and claim.incentive is not None:
                await self._note_empty(claim.incentive)
        elif reward.state is RewardState.GRANTED:
            self._bells.ring("following")
            self._bells.ring("sending")

    async def _note_empty(self, incentive: Incentive) -> None:
        """Warn if nobody has, and look again: codes that were just added did not know of this claim."""
        state = (await self._store.incentive_states.get_many([incentive.id])).get(incentive.id)
        is_known = state is not None and state.left == 0 and state.low
        if not is_known or not await self._store.codes.is_empty(incentive.id):
            await self.note_codes(incentive)


class GrantRewards:
    """Listens to finished responses: each has its reward, whether or not somebody saw a page."""

    def __init__(self, granting: Granting) -> None:
        self._granting = granting

    async def __call__(self, told: Sequence[Told[Response]]) -> None:
        """Grant what was offered; what was granted before stays as it is."""
        finished = [one.about for one in told if one.news.type is NewsType.RESPONSE_FINISHED]
        await _each([self._granting.grant(response) for response in finished if response.incentive])


class GrantWaiting:
    """The granting stage's handler: rewards that had found no code, after codes were added."""

    def __init__(self, store: Store, granting: Granting) -> None:
        self._store = store
        self._granting = granting

    async def __call__(self, claim: RowClaim[Reward]) -> None:
        """Decide again on each; who finds none once more waits for the next codes."""
        # In the order in which they came: the first to answer is the first to be served.
        for row in sorted(claim.rows, key=lambda row: (row.created_at, row.id)):
            await self._serve(row)

    async def _serve(self, row: Reward) -> None:
        waits = row.state is RewardState.REFUSED and row.reason is RewardReason.NO_CODES
        if not waits or row.deaths >= MAX_DEATHS or await self._granting.finds_no_code(row.incentive, row.id):
            await self._store.rewards.rest(row)
            return
        try:
            await self._granting.grant_again(row)
        except Conflict as error:
            log.warning("granting.given_up", reward=row.id, detail=error.detail)
            await self._store.rewards.rest(row)


async def _each(work: Sequence[Awaitable[object]]) -> None:
    """Do all of it before a fault of one is told."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _refused(reason: RewardReason) -> Outcome:
    return Outcome(RewardState.REFUSED, reason)


def _count(reward: Reward) -> None:
    REWARDS.labels(reward.incentive, reward.state.value, reward.reason.value if reward.reason else "").inc()


def _forgotten() -> Conflict:
    return Conflict("whoever gave this answer was forgotten")


def _changed_meanwhile() -> Conflict:
    return Conflict("somebody else decides on this reward at this moment")
