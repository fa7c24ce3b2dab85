"""A funnel: steps with how many came so far come in; one bar a step goes out, each as wide as its share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from survey_service.pages.charts.drawing import chart, element, percent, words

_ROW, _BAR = 48, 14


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `shown` is its count in words, such as `1,204 · 62 %`."""

    label: str
    count: int
    shown: str


def funnel(name: str, title: str, description: str, steps: Sequence[Step]) -> Markup:
    """The bars, the widest step over the whole width."""
    most = max((step.count for step in steps), default=0)
    parts = []
    for place, step in enumerate(steps):
        top = place * _ROW
        parts.append(element("text", words(step.label), x=0, y=top + 15))
        parts.append(element("text", words(step.shown), x="100%", y=top + 15, text_anchor="end", class_="tick"))
        parts.append(element("rect", x=0, y=top + 22, width="100%", height=_BAR, class_="track"))
        if step.count:
            width = percent(max(step.count / most, 0.002))
            parts.append(element("rect", x=0, y=top + 22, width=width, height=_BAR, class_="good"))
    return chart(name, title, description, max(1, len(steps)) * _ROW, *parts, kind="funnel")
