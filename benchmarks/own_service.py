"""A service in this process, with the demo's airline and a condition on its trigger: what the worker's floors meet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from survey_service.api.shapes.event import read_event
from survey_service.cli.apply import apply_folder, demo_folder
from survey_service.intake.receiving import PostedEvent
from survey_service.models.delivery import ChannelName
from survey_service.models.trigger import TriggerContent
from survey_service.settings import Settings
from survey_service.telemetry import REGISTRY
from survey_service.wiring import Service, open_service
from survey_service.work.loop import StageLoop

SECRET = "bench-secret-bench-secret"
TRIGGER = "after-landing"
CONDITION = "event.data.distance_miles > 0.0 && event.data.carrier != ''"
_POSTED_AT_ONCE = 1_000
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def own_service(uri: str, database: str, smtp_port: int = 1) -> AsyncIterator[Service]:
    """An open service whose worker has not been started; its mails go to `smtp_port` on this machine."""
    settings = Settings(
        mongodb_uri=SecretStr(uri),
        secret=SecretStr(SECRET),
        smtp_url=SecretStr(f"smtp://127.0.0.1:{smtp_port}"),
    )
    async with open_service(settings, database=database) as service:
        configuration = service.parts.store.configuration
        await apply_folder(demo_folder(), configuration, frozenset(ChannelName), confirm=lambda _: True)
        trigger = (await configuration.current()).triggers[TRIGGER]
        changes = {"condition": CONDITION, "hourly_cap": 1_000_000}
        content = TriggerContent.model_validate({**trigger.model_dump(), **changes})
        await configuration.triggers.put(TRIGGER, content)
        yield service


async def post(service: Service, events: list[dict[str, Any]], *, decide: bool = True) -> None:
    """Store events as the edge does."""
    for start in range(0, len(events), _POSTED_AT_ONCE):
        part = events[start : start + _POSTED_AT_ONCE]
        await service.parts.receiving.receive([_posted(event) for event in part], decide=decide)


async def run_stage(service: Service, name: str) -> None:
    """Let one stage do everything that is due, untimed."""
    await _loop(service, name).run_until_idle()


async def time_stage(service: Service, name: str, metric: str, labels: dict[str, str], rows: int) -> float:
    """Run one stage's loop as a worker does, until its own `metric` counted `rows` more; returns the seconds."""
    loop = StageLoop(_loop(service, name).stage, service.parts.bells)
    before = _counted(metric, labels)
    started = time.perf_counter()
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while _counted(metric, labels) - before < rows:  # noqa: ASYNC110 -- the metric rings no bell
            await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - started
    await loop.drain(_PATIENCE_SECONDS)
    await running
    return seconds


def _loop(service: Service, name: str) -> StageLoop[Any]:
    return next(loop for loop in service.worker.loops if loop.stage.name == name)


def _counted(metric: str, labels: dict[str, str]) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def _posted(event: dict[str, Any]) -> PostedEvent:
    read = read_event(event)
    return PostedEvent(read.source, read.id, read.type, read.subject, read.time, event["data"], read.extensions)
