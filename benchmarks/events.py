"""The demo's flights come in; as many events as wanted go out, each with an id and a passenger of its own."""

from __future__ import annotations

import uuid
from functools import cache
from importlib.resources import files
from itertools import cycle, islice
from typing import Any

import orjson

EVENT_TYPE = "flight.landed"


def make_events(count: int) -> list[dict[str, Any]]:
    """`count` landings as callers post them; nobody is asked twice, so that no contact policy has a say."""
    run = uuid.uuid4().hex[:12]
    return [_renamed(event, f"{run}-{number}") for number, event in enumerate(islice(cycle(_flights()), count))]


def make_lines(count: int) -> list[bytes]:
    """The same as JSON."""
    return [orjson.dumps(event) for event in make_events(count)]


def _renamed(event: dict[str, Any], name: str) -> dict[str, Any]:
    customer = {**event["data"]["customer"], "id": name, "email": f"{name}@example.com"}
    customer.pop("phone", None)
    return {**event, "id": name, "data": {**event["data"], "customer": customer}}


@cache
def _flights() -> list[dict[str, Any]]:
    source = files("survey_service") / "cli" / "demo_events.ndjson"
    events: list[dict[str, Any]] = [orjson.loads(line) for line in source.read_bytes().splitlines()]
    return [event for event in events if event["type"] == EVENT_TYPE]
