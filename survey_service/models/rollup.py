"""Rollups: cells of one UTC hour or day, each with how often every value was given, and what still has to be counted.

A cube is a survey by metric question by none, one or two dimensions. A dimension that a survey lists is called
`dimensions.` and its name in here, so that it never meets one of the fixed ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import IntEnum, StrEnum

from survey_service.models.base import Claimable

Cube = tuple[str, ...]  # the dimensions, sorted; () is the total

LONGEST = 200  # characters of the value of a dimension
LISTED = "dimensions."
AGENT = LISTED + "agent"
# What every response has; survey and question stand in every cell and need no cube.
SINGLE_DIMENSIONS = ("brand", "channel", "journey_stage", "language", "region", "touchpoint", "trigger", "variant")
# Of this one a response has any number of values. It counts in the group of each, so that groups overlap and do not
# add up to the whole; one without a value counts in the group of none.
TOPIC, TOPICS = "topic", "topics"  # the dimension, and where its values stand in a response
FIXED_DIMENSIONS = (*SINGLE_DIMENSIONS, TOPIC)
PAIRS: frozenset[Cube] = frozenset(
    {
        ("channel", "touchpoint"),
        (AGENT, "touchpoint"),
        ("journey_stage", "region"),
        ("region", "touchpoint"),
        (TOPIC, "touchpoint"),
        ("trigger", "variant"),
    }
)
CUBES = 2  # raised with every change of the cubes: all answers are then counted anew

VOLUME = "volume"  # a metric that every response has: its value is a `Progress`


class Span(StrEnum):
    """How long a cell lasts."""

    HOUR = "hour"
    DAY = "day"  # the sum of its hours, so that a year is read in a few hundred cells


class Progress(IntEnum):
    """How far a response came, as a value of `VOLUME`."""

    STARTED = 0
    FINISHED = 1
    SUSPECT = 2  # however far it came: it counts nowhere else


class RollupSlice(Claimable):
    """The hours of one UTC day of one survey whose cells are behind the answers; it is gone once they are not."""

    survey: str
    day: datetime
    hours: tuple[datetime, ...]


def cube_of(dimensions: Iterable[str]) -> Cube | None:
    """The cube that holds these dimensions; None: there is none."""
    wanted = tuple(sorted(set(dimensions)))
    return wanted if len(wanted) < 2 or wanted in PAIRS else None


def text_of(value: object) -> str | None:
    """The value of a dimension as it is grouped and filtered by: `5`, `true`, `gold`; None for what is no scalar."""
    match value:
        case str():
            return value[:LONGEST] or None
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return None


def stored_values(texts: Collection[str | None]) -> list[str | int | float | bool | None]:
    """Every scalar that may be stored where `text_of` is one of these texts, and perhaps more."""
    found: list[str | int | float | bool | None] = []
    for text in texts:
        found.append(text)
        if text in {"true", "false"}:
            found.append(text == "true")
        elif text is not None and (number := _number_in(text)) is not None:
            found.append(number)
    return found


def _number_in(text: str) -> int | float | None:
    """What a text says as a number of 64 bits."""
    try:
        whole = int(text)
    except ValueError:
        whole = None
    if whole is not None and -(2**63) <= whole < 2**63:
        return whole
    try:
        return float(text)
    except (ValueError, OverflowError):
        return None
