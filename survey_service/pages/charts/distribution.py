"""A distribution: how often each value was given comes in; one bar a value goes out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from survey_service.pages.charts.drawing import chart, element, percent, words

Band = Literal["good", "middling", "bad"]

_HEIGHT, _ABOVE, _BELOW = 150, 22, 26


@dataclass(frozen=True, slots=True)
class Bar:
    """One value of the scale; `count` is how often it was given."""

    label: str
    count: int
    band: Band


def distribution(name: str, title: str, description: str, bars: Sequence[Bar], show: Callable[[float], str]) -> Markup:
    """Bars with their share in percent on top, as `show` writes it; without answers an empty axis."""
    total, most = sum(bar.count for bar in bars), max((bar.count for bar in bars), default=0)
    bottom = _ABOVE + _HEIGHT
    parts = []
    for place, bar in enumerate(bars):
        height = _HEIGHT * bar.count / most if most else 0.0
        left, middle = (place + 0.1) / len(bars), (place + 0.5) / len(bars)
        if bar.count:
            parts.append(
                element(
                    "rect",
                    x=percent(left),
                    width=percent(0.8 / len(bars)),
                    y=bottom - height,
                    height=height,
                    class_=bar.band,
                )
            )
            share = words(show(100 * bar.count / total))
            parts.append(element("text", share, x=percent(middle), y=bottom - height - 6, text_anchor="middle"))
        label = words(bar.label)
        parts.append(element("text", label, x=percent(middle), y=bottom + 18, text_anchor="middle", class_="tick"))
    parts.append(element("line", x1=0, x2="100%", y1=bottom, y2=bottom, class_="zero"))
    return chart(name, title, description, bottom + _BELOW, *parts, kind="distribution")
