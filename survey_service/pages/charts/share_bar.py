"""A share comes in; one thin bar of that length goes out, for a list whose words say the number. Pure."""

from __future__ import annotations

from markupsafe import Markup

from survey_service.pages.charts.drawing import element, percent

_HEIGHT = 6


def share_bar(share: float, kind: str) -> Markup:
    """`share` of 1 is the whole width; `kind` chooses the colour."""
    bar = element("rect", x=0, y=0, width=percent(share), height=_HEIGHT, rx=3, class_=kind)
    return element("svg", bar, class_="chart row", aria_hidden="true", width="100%", height=_HEIGHT)
