"""A sparkline: a few numbers come in; a line without axes, as high as a line of text, goes out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from survey_service.pages.charts.drawing import element, number

_HEIGHT = 28


def sparkline(values: Sequence[float | None]) -> Markup:
    """The line from zero on, None is a gap; it stands beside the words that say it, hence is hidden from readers."""
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    last = max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{number(100 * place / last)},{number(96 - 92 * value / most)}")
    # One value alone is a line to itself: its round ends make a dot.
    lines = [run if len(run) > 1 else 2 * run for run in runs if run]
    drawn = [
        element("polyline", points=" ".join(line), class_="line", vector_effect="non-scaling-stroke") for line in lines
    ]
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
