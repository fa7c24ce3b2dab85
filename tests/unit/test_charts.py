"""Charts: whatever the figures and the names are, the drawing is well-formed, says what it shows, and stays inside."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from survey_service.pages.charts.axes import Axis, axis_for, evenly
from survey_service.pages.charts.distribution import Bar, distribution
from survey_service.pages.charts.funnel import Step, funnel
from survey_service.pages.charts.over_time import Point, over_time
from survey_service.pages.charts.ranking import Dot, scale_line, whisker
from survey_service.pages.charts.sparkline import sparkline

HOSTILE = "</svg><script>alert(1)</script>\" onload='x' &amp; \x00\x08\u202e"
AXIS = Axis(-100, 100, (-100, -50, 0, 50, 100))
Draw = Callable[[int, str], Markup]


def show(value: float, places: int) -> str:
    return f"{value:.{places}f}"


def draw_over_time(count: int, text: str) -> Markup:
    points = [Point(text, 10.0 * place, 10.0 * place - 90, 10.0 * place + 90, True, text) for place in range(count)]
    return over_time("over-time", text, text, points, AXIS, show)


def draw_distribution(count: int, text: str) -> Markup:
    return distribution("distribution", text, text, [Bar(text, place, "good") for place in range(count)], str)


def draw_funnel(count: int, text: str) -> Markup:
    return funnel("funnel", text, text, [Step(text, 10 - place, text) for place in range(count)])


def draw_sparkline(count: int, _: str) -> Markup:
    return sparkline(list(range(count)))


def draw_sparkline_with_gaps(count: int, _: str) -> Markup:
    return sparkline([None if place % 3 == 1 else place for place in range(count)])


def draw_whisker(count: int, _: str) -> Markup:
    return whisker(Dot(12.5, -20.0 * count, 20.0 * count, "better"), AXIS, 3.0)


def draw_scale(_: int, text: str) -> Markup:
    return scale_line(AXIS, lambda _value, _places: text)


BESIDE_WORDS: list[Draw] = [draw_sparkline, draw_sparkline_with_gaps, draw_whisker, draw_scale]
DRAWINGS: list[Draw] = [draw_over_time, draw_distribution, draw_funnel, *BESIDE_WORDS]


def parsed(markup: Markup) -> ET.Element:
    return ET.fromstring(str(markup))  # noqa: S314 -- our own markup is what is tested


def numbers(root: ET.Element, *names: str) -> list[float]:
    found = [value for each in root.iter() for name in names if (value := each.get(name)) is not None]
    return [float(value.removesuffix("%")) for value in found]


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_a_drawing_is_well_formed_and_obeys_the_policy(draw: Draw, count: int) -> None:
    root = parsed(draw(count, "Berlin"))
    assert root.tag == "svg"
    for each in root.iter():
        assert "style" not in each.attrib
        assert each.tag not in {"script", "style", "a", "image", "use"}
        assert not [name for name in each.attrib if name.startswith("on") or "href" in name]


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__)
def test_a_hostile_name_is_text_and_nothing_else(draw: Draw) -> None:
    root = parsed(draw(3, HOSTILE))
    known = {"svg", "title", "desc", "text", "line", "rect", "circle", "polyline", "polygon"}
    assert {each.tag for each in root.iter()} <= known
    assert all(each.get("onload") is None for each in root.iter())
    words = [each.text for each in root.iter() if each.text]
    assert all("\x00" not in text and "\u202e" not in text for text in words)


@pytest.mark.parametrize("draw", [draw_over_time, draw_distribution, draw_funnel], ids=lambda draw: draw.__name__)
def test_a_chart_is_read_out_by_its_title_and_description(draw: Draw) -> None:
    root = parsed(draw(3, "Berlin"))
    named = {each.get("id"): each.text for each in root if each.tag in {"title", "desc"}}
    assert root.get("role") == "img"
    assert named[root.get("aria-labelledby")] == named[root.get("aria-describedby")] == "Berlin"


@pytest.mark.parametrize("draw", BESIDE_WORDS, ids=lambda draw: draw.__name__)
def test_a_drawing_beside_its_own_words_is_not_read_out(draw: Draw) -> None:
    assert parsed(draw(3, "Berlin")).get("aria-hidden") == "true"


def test_positions_stay_inside_the_drawing() -> None:
    for root in (parsed(draw_distribution(11, "x")), parsed(draw_funnel(5, "x")), parsed(draw_over_time(30, "x"))):
        assert all(0 <= value <= 100 for value in numbers(root, "cx"))
        assert all(0 <= value <= root_height(root) for value in numbers(root, "y", "cy", "y1", "y2"))


def root_height(root: ET.Element) -> float:
    return float(root.get("height", ""))


def test_a_period_without_answers_is_a_gap_in_the_line() -> None:
    points = [Point("a", 1.0), Point("b", 2.0), Point("c", None), Point("d", 3.0), Point("e", 4.0)]
    root = parsed(over_time("t", "t", "t", points, axis_for([1, 4], -100, 100), show))
    assert len(list(root.iter("polyline"))) == 2
    assert len(list(root.iter("circle"))) == 4


def test_a_lonely_point_still_shows_its_interval() -> None:
    root = parsed(over_time("t", "t", "t", [Point("a", 50.0, 20.0, 70.0)], AXIS, show))
    assert [each.get("class") for each in root.iter("line") if each.get("class") == "whisker"] == ["whisker"]


def test_a_period_that_goes_on_is_drawn_open() -> None:
    points = [Point("a", 1.0), Point("b", 2.0, is_complete=False)]
    root = parsed(over_time("t", "t", "t", points, AXIS, show))
    assert [each.get("class") for each in root.iter("circle")] == ["dot", "dot unfinished"]


@pytest.mark.parametrize(
    ("values", "low", "high", "ticks"),
    [
        ([-12, 37], -20, 40, (-20, 0, 20, 40)),
        ([-100, 100], -100, 100, (-100, -50, 0, 50, 100)),
        ([], -100, 100, (-100, -50, 0, 50, 100)),
        ([31, 31], 25, 37.5, None),
        ([100, 100], 94, 100, None),
        ([-500, 500], -100, 100, (-100, -50, 0, 50, 100)),
    ],
)
def test_an_axis_is_round_and_holds_its_values(
    values: list[float], low: float, high: float, ticks: tuple[float, ...] | None
) -> None:
    axis = axis_for(values, -100, 100)
    assert (axis.low, axis.high) == pytest.approx((low, high))
    assert ticks is None or axis.ticks == ticks
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert 2 <= len(axis.ticks) <= 7


@pytest.mark.parametrize(("count", "wanted"), [(0, 4), (1, 4), (3, 4), (13, 4), (365, 4)])
def test_labels_are_few_and_keep_both_ends(count: int, wanted: int) -> None:
    places = evenly(count, wanted)
    assert len(places) == min(count, wanted)
    assert count == 0 or (places[0], places[-1]) == (0, count - 1)
