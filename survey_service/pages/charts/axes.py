"""Axes: numbers that have to fit come in; a domain with a few round ticks goes out. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with its `ticks`, all of them round."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one; what lies outside is moved to the end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def decimals(self) -> int:
        """How many places a tick's label needs."""
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 1.0
        return 0 if step == round(step) else 1


def axis_for(values: Sequence[float], low: float, high: float, ticks: int = 4) -> Axis:
    """The part of `low` to `high`, the ends of the scale, that holds all `values`, with about as many ticks."""
    inside = [min(max(value, low), high) for value in values]
    if not inside:
        inside = [low, high]
    first, last = min(inside), max(inside)
    least = (high - low) / 20
    if last - first < least:
        middle = (first + last) / 2
        first, last = max(low, middle - least / 2), min(high, middle + least / 2)
    step = _step((last - first) / ticks)
    start = max(low, math.floor(first / step + 1e-9) * step)
    end = min(high, math.ceil(last / step - 1e-9) * step)
    first_tick = math.ceil(start / step - 1e-9)
    count = math.floor(end / step + 1e-9) - first_tick + 1
    return Axis(start, end, tuple(round((first_tick + place) * step, 10) for place in range(count)))


def evenly(count: int, wanted: int) -> list[int]:
    """The places of at most `wanted` of `count` things, the first and the last among them, spread evenly."""
    if count <= wanted:
        return list(range(count))
    return sorted({round(place * (count - 1) / (wanted - 1)) for place in range(wanted)})


def _step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step * magnitude for step in _STEPS if step * magnitude >= rough * (1 - 1e-9))
