"""A score over time: points with their intervals come in; a line within a band goes out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from survey_service.pages.charts.axes import Axis, evenly
from survey_service.pages.charts.drawing import chart, element, number, percent, words

_HEIGHT, _BELOW = 220, 28
_LABELS, _DOTS = 4, 40  # most of them


@dataclass(frozen=True, slots=True)
class Point:
    """One period; `score` is None where nobody answered, `hint` says it all in words."""

    label: str
    score: float | None
    low: float | None = None
    high: float | None = None
    is_complete: bool = True
    hint: str = ""


def over_time(
    name: str, title: str, description: str, points: Sequence[Point], axis: Axis, show: Callable[[float, int], str]
) -> Markup:
    """The line; `show` writes a number with so many decimals. A period without a score is a gap."""
    return chart(
        name,
        title,
        description,
        _HEIGHT + _BELOW,
        *_grid(axis, show),
        _drawn(points, axis),
        *_dots(points, axis),
        *_dates(points),
        *_last(points, axis, show),
        kind="over-time",
    )


def _grid(axis: Axis, show: Callable[[float, int], str]) -> list[Markup]:
    parts = []
    for tick in axis.ticks:
        y = _y(tick, axis)
        kind = "zero" if tick == 0 and axis.low < 0 else "grid"
        parts.append(element("line", x1=0, x2="100%", y1=y, y2=y, class_=kind))
        parts.append(element("text", words(show(tick, axis.decimals)), x=-8, y=y + 4, text_anchor="end", class_="tick"))
    return parts


def _drawn(points: Sequence[Point], axis: Axis) -> Markup:
    """Band and line in a square that is stretched over the plot; what leaves it is cut off."""
    shapes = []
    for run in _runs(points):
        if len(run) == 1:
            continue
        upper = [_at(place, points, _or(points[place].high, points[place].score), axis) for place in run]
        lower = [_at(place, points, _or(points[place].low, points[place].score), axis) for place in reversed(run)]
        shapes.append(element("polygon", points=" ".join(upper + lower), class_="band"))
    for run in _runs(points):
        line = [_at(place, points, _or(points[place].score, 0.0), axis) for place in run]
        if len(line) > 1:
            shapes.append(element("polyline", points=" ".join(line), class_="line", vector_effect="non-scaling-stroke"))
    return element(
        "svg", *shapes, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height=_HEIGHT, class_="plot"
    )


def _dots(points: Sequence[Point], axis: Axis) -> list[Markup]:
    alone = {run[0] for run in _runs(points) if len(run) == 1}
    parts = []
    for place, point in enumerate(points):
        if point.score is None or (len(points) > _DOTS and place not in alone and place != len(points) - 1):
            continue
        x = percent(_x(place, points))
        if place in alone and point.low is not None and point.high is not None:
            y1, y2 = _y(point.high, axis), _y(point.low, axis)
            parts.append(element("line", x1=x, x2=x, y1=y1, y2=y2, class_="whisker"))
        kind = "dot" if point.is_complete else "dot unfinished"
        hint = element("title", words(point.hint))
        parts.append(element("circle", hint, cx=x, cy=_y(point.score, axis), r=3.5, class_=kind))
    return parts


def _dates(points: Sequence[Point]) -> list[Markup]:
    shown = evenly(len(points), _LABELS)
    parts = []
    for place in shown:
        anchor = {0: "start", len(points) - 1: "end"}.get(place, "middle") if len(points) > 1 else "middle"
        is_between = 0 < place < len(points) - 1  # where there is little room it is left out
        x = percent(_x(place, points))
        label = words(points[place].label)
        parts.append(
            element(
                "text", label, x=x, y=_HEIGHT + 20, text_anchor=anchor, class_="tick between" if is_between else "tick"
            )
        )
    return parts


def _last(points: Sequence[Point], axis: Axis, show: Callable[[float, int], str]) -> list[Markup]:
    """The newest score stands at the end of its line."""
    if not points or points[-1].score is None:
        return []
    score = points[-1].score
    x = percent(_x(len(points) - 1, points))
    return [element("text", words(show(score, 1)), x=x, dx=9, y=_y(score, axis) + 5, class_="last")]


def _runs(points: Sequence[Point]) -> list[list[int]]:
    """The places of points that follow one another without a gap."""
    runs: list[list[int]] = [[]]
    for place, point in enumerate(points):
        if point.score is not None:
            runs[-1].append(place)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _at(place: int, points: Sequence[Point], value: float, axis: Axis) -> str:
    return f"{number(100 * _x(place, points))},{number(100 * (1 - axis.share(value)))}"


def _x(place: int, points: Sequence[Point]) -> float:
    return place / (len(points) - 1) if len(points) > 1 else 0.5


def _y(value: float, axis: Axis) -> float:
    return _HEIGHT * (1 - axis.share(value))


def _or(value: float | None, other: float | None) -> float:
    return value if value is not None else other if other is not None else 0.0
