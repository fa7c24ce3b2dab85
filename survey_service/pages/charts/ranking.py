"""A ranking: scores with intervals on one common axis come in; a dot and its whisker a row go out. Pure.

Each row stands beside its own words in a list, so its drawing is hidden from screen readers: the words say it all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from survey_service.pages.charts.axes import Axis
from survey_service.pages.charts.drawing import element, percent, words

Verdict = Literal["better", "worse", "noise"]

_HEIGHT, _MIDDLE = 24, 12


@dataclass(frozen=True, slots=True)
class Dot:
    """One score; `verdict` says how it compares with the rest."""

    score: float
    low: float | None
    high: float | None
    verdict: Verdict


def whisker(dot: Dot, axis: Axis, reference: float | None) -> Markup:
    """The interval as a line, the score as a dot on it; `reference`, the score of all, is a thin line across."""
    parts = []
    if reference is not None:
        x = percent(axis.share(reference))
        parts.append(element("line", x1=x, x2=x, y1=0, y2=_HEIGHT, class_="reference"))
    if dot.low is not None and dot.high is not None:
        low, high = percent(axis.share(dot.low)), percent(axis.share(dot.high))
        parts.append(element("line", x1=low, x2=high, y1=_MIDDLE, y2=_MIDDLE, class_=f"whisker {dot.verdict}"))
    cx = percent(axis.share(dot.score))
    parts.append(element("circle", cx=cx, cy=_MIDDLE, r=5, class_=f"dot {dot.verdict}"))
    return element("svg", *parts, class_="chart row", aria_hidden="true", width="100%", height=_HEIGHT)


def scale_line(axis: Axis, show: Callable[[float, int], str]) -> Markup:
    """The common axis, below the rows."""
    parts = [element("line", x1=0, x2="100%", y1=1, y2=1, class_="grid")]
    for tick in axis.ticks:
        share = axis.share(tick)
        parts.append(element("line", x1=percent(share), x2=percent(share), y1=1, y2=6, class_="grid"))
        label = words(show(tick, axis.decimals))
        parts.append(element("text", label, x=percent(share), y=20, text_anchor="middle", class_="tick"))
    return element("svg", *parts, class_="chart row scale", aria_hidden="true", width="100%", height=_HEIGHT)
