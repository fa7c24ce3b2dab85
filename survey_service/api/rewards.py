"""`/v1/rewards`: what customers were given, out; somebody's word on what is held or was refused, in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from survey_service.api.customer_refs import customer_filter
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.incentives import RewardIn, RewardRow
from survey_service.api.shapes.rows import ErasedRow
from survey_service.errors import Conflict, InvalidInput, NotFound
from survey_service.models.api_key import Scope
from survey_service.models.incentive import Reward, RewardReason, RewardState


class RewardsQuery(ChangesQuery):
    """Filters; all that are given must hold."""

    may_leave: ClassVar[Mapping[str, object]] = {"state": RewardState.GRANTED, "reason": None, "customer": None}

    incentive: str | None = Field(default=None, max_length=100)
    state: RewardState | None = None
    reason: RewardReason | None = None
    response: str | None = Field(default=None, max_length=100)
    customer: str | None = Field(default=None, max_length=200, description="The caller's own id of the person, or ours")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        given = super().filters()
        if self.customer is not None:
            del given["customer"]
            given |= customer_filter(self.customer)
        return given


@endpoint("GET", "/v1/rewards", tag="rewards", scope=Scope.REWARDS_READ, answers={200: ListOf[RewardRow | ErasedRow]})
async def list_rewards(call: Call, query: RewardsQuery) -> Reply:
    """List rewards, newest first."""
    page = await call.parts.store.rewards.page(query.filters(), page_request(query))
    return page_reply(call, page, RewardRow.show)


@endpoint("POST", "/v1/rewards", tag="rewards", scope=Scope.REWARDS_WRITE, answers={201: RewardRow, 200: RewardRow})
async def create_reward(call: Call, body: RewardIn) -> Reply:
    """Thank for an answer by hand: the customer's own share does not count, what is left of the incentive does."""
    store = call.parts.store
    response = await store.responses.get(body.response)
    if response is None or response.erased_at is not None:
        raise InvalidInput.at("/response", "unknown", "there is no such response")
    if await store.configuration.incentives.get(body.incentive) is None:
        raise InvalidInput.at("/incentive", "unknown", "there is no such incentive")
    before = call.parts.clock.now()
    reward = await call.parts.granting.give(response, body.incentive, _who(call))
    created = reward.created_at >= before
    return Reply(RewardRow.of(reward), 201 if created else 200, {"Location": f"/v1/rewards/{reward.id}"})


@endpoint("GET", "/v1/rewards/{id}", tag="rewards", scope=Scope.REWARDS_READ, answers={200: RewardRow})
async def get_reward(call: Call) -> RewardRow:
    """Read one reward."""
    return RewardRow.of(await _find(call))


@endpoint("POST", "/v1/rewards/{id}/approve", tag="rewards", scope=Scope.REWARDS_WRITE, answers={200: RewardRow})
async def approve_reward(call: Call) -> RewardRow:
    """Grant a held reward; where nothing is left to grant, it is refused and says why."""
    return RewardRow.of(await call.parts.granting.approve(await _find(call), _who(call)))


@endpoint("POST", "/v1/rewards/{id}/reject", tag="rewards", scope=Scope.REWARDS_WRITE, answers={200: RewardRow})
async def reject_reward(call: Call) -> RewardRow:
    """Refuse a held reward."""
    return RewardRow.of(await call.parts.granting.reject(await _find(call), _who(call)))


@endpoint("POST", "/v1/rewards/{id}/grant", tag="rewards", scope=Scope.REWARDS_WRITE, answers={200: RewardRow})
async def grant_reward(call: Call) -> RewardRow:
    """Decide anew on a refused reward, such as after the suspicion about its answer was lifted."""
    reward = await call.parts.granting.grant_again(await _find(call), _who(call))
    if reward.state is not RewardState.GRANTED:
        raise Conflict(f"the reward is {reward.state.value} again: {reward.reason.value if reward.reason else ''}")
    return RewardRow.of(reward)


async def _find(call: Call) -> Reward:
    reward = await call.parts.store.rewards.get(call.path("id"))
    if reward is None or reward.erased_at is not None:
        raise NotFound("there is no such reward")
    return reward


def _who(call: Call) -> str:
    return call.key.id if call.key else ""


ENDPOINTS = (list_rewards, create_reward, get_reward, approve_reward, reject_reward, grant_reward)
