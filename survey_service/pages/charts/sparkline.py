"""A sparkline: a few numbers come in; a line without axes, as high as a line of text, goes out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from survey_service.pages.charts.drawing import element, number

_HEIGHT = 28


def sparkline(values: Sequence[float]) -> Markup:
    """The line from zero on; it stands beside the words that say it, hence is hidden from screen readers."""
    most = max(values, default=0.0) or 1.0
    last = max(1, len(values) - 1)
    line = [f"{number(100 * place / last)},{number(96 - 92 * value / most)}" for place, value in enumerate(values)]
    drawn = [element("polyline", points=" ".join(line), class_="line", vector_effect="non-scaling-stroke")]
    return element(
        "svg",
        *(drawn if len(values) > 1 else []),
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        class_="chart sparkline",
        aria_hidden="true",
        width="100%",
        height=_HEIGHT,
    )
