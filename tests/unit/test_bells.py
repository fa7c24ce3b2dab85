"""Bells: whoever rings for a stage is heard in each of its lanes, and nowhere else."""

from __future__ import annotations

import asyncio

import pytest

from survey_service.work.bells import Bells


@pytest.mark.parametrize(
    ("rung", "heard"),
    [("sending", {"sending", "sending:email", "sending:sms"}), ("sending:sms", {"sending:sms"}), ("send", set())],
)
async def test_a_ring_is_heard_by_the_stage_and_its_lanes(rung: str, heard: set[str]) -> None:
    bells, names = Bells(), ("sending", "sending:email", "sending:sms", "planning")
    waits = {name: asyncio.create_task(bells.wait(name, timeout=60)) for name in names}
    await asyncio.sleep(0)
    bells.ring(rung)
    for _ in range(5):
        await asyncio.sleep(0)
    assert {name for name, wait in waits.items() if wait.done()} == heard
    for wait in waits.values():
        wait.cancel()
    await asyncio.gather(*waits.values(), return_exceptions=True)
