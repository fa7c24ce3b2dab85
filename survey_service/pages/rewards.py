"""Rewards on pages: a response comes in; what its customer was given goes out, granted now if it was not yet."""

from __future__ import annotations

import structlog

from survey_service.models.incentive import Reward, reward_id
from survey_service.models.response import Response
from survey_service.parts import Parts
from survey_service.store.faults import as_service_error

log = structlog.get_logger()


async def find_reward(parts: Parts, response: Response | None) -> Reward | None:
    """What was given for a response before; changes nothing."""
    if response is None or response.incentive is None:
        return None
    return await parts.store.rewards.get(reward_id(response.id, response.incentive))


async def grant_reward(parts: Parts, response: Response | None) -> Reward | None:
    """What is given for a response, now if it is finished.

    The answer is stored by now: where the reward cannot be decided at this moment, thanks are said without it, and it
    is decided by the stage that follows answers.
    """
    if response is None:
        return None
    try:
        return await parts.granting.grant(response)
    except Exception as error:
        if as_service_error(error) is None:
            raise
        log.warning("page.reward_later", response=response.id, error=type(error).__name__)
        return None
