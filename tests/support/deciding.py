"""What tests of deciding share: a policy, a clock that is set, a pause over everything."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.contact_policy import POLICY_ID, ContactLimit, ContactPolicyContent
from survey_service.models.decision import Decision
from survey_service.models.pause import Pause, PauseScope
from tests.support.pipeline import Pipeline

DAY = timedelta(days=1)


BY_RULES: dict[str, Any] = {"exempt": False}


SECOND = timedelta(seconds=1)


async def put_policy(pipeline: Pipeline, **changes: Any) -> None:
    """A contact policy that allows everything but what `changes` say."""
    content = ContactPolicyContent.model_validate({"limits": (), "cooldown": None} | changes)
    await pipeline.store.configuration.policies.put(POLICY_ID, content)


def at_most(count: int, period: str) -> dict[str, Any]:
    return {"limits": (ContactLimit(max=count, period=period),)}


async def holds(pipeline: Pipeline) -> Counter[str]:
    """How many places each invitation holds."""
    found = pipeline.store.database["contacts"].find()
    return Counter([hold["invitation"] async for contact in found for hold in contact["holds"]])


async def decisions(pipeline: Pipeline, count: int) -> list[Decision]:
    """The only decision about each of `ord-0`, `ord-1`, ..."""
    return [await pipeline.decision(f"ord-{number}") for number in range(count)]


def set_time(pipeline: Pipeline, instant: datetime) -> None:
    """Let the service's clock show `instant`."""
    pipeline.pass_time(instant - pipeline.clock.now())


async def hold_everything(pipeline: Pipeline) -> None:
    """Pause: what falls due is held."""
    pause = Pause(id=PauseScope.EVERYTHING.value, scope=PauseScope.EVERYTHING, created_at=pipeline.clock.now())
    await pipeline.store.configuration.pauses.put(pause)


async def let_everything_go(pipeline: Pipeline) -> None:
    """Lift the pause."""
    await pipeline.store.configuration.pauses.delete(PauseScope.EVERYTHING.value)
    await pipeline.store.deliveries.let_go(PauseScope.EVERYTHING.value, pipeline.clock.now())
