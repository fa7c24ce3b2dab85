"""Static files, and a brand's colours and letters: what a page may hold of them, and what never reaches it."""

from __future__ import annotations

import pytest

from survey_service.models.colors import DARK_SURFACE, LIGHT_SURFACE, contrast, palette
from survey_service.models.fonts import FONT_STACKS, Font
from survey_service.pages.assets import inlined, inlined_file, render_brand_css, static_url


def test_what_stands_in_a_page_cannot_end_its_element() -> None:
    for content in ("a</style>", "a</SCRIPT >", "<!--"):
        with pytest.raises(ValueError, match="end of its element"):
            inlined(content)


def test_a_style_sheet_stands_in_a_page_without_comments_and_indentation() -> None:
    css = inlined_file("survey.css").text
    assert "/*" not in css
    assert "\n" not in css
    assert css.count("{") == css.count("}") > 100


def test_the_address_of_a_static_file_carries_its_content() -> None:
    assert static_url("survey.css").startswith("/static/survey.css?v=")
    assert static_url("survey.css") != static_url("sandbox.css").replace("sandbox", "survey")
    with pytest.raises(FileNotFoundError):
        static_url("missing.css")


@pytest.mark.parametrize("font", Font)
def test_a_brand_writes_in_its_own_letters(font: Font) -> None:
    css = render_brand_css("#0b5fd7", "#ffffff", font)
    assert (FONT_STACKS[font] in css) is (font is not Font.SYSTEM)
    assert inlined(css).text == css


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#ffee00", "#0b5fd7", "#7f7f7f", "#d55e00"])
@pytest.mark.parametrize("on_accent", ["#000000", "#ffffff"])
@pytest.mark.parametrize("surface", [LIGHT_SURFACE, DARK_SURFACE])
def test_any_brand_colour_becomes_readable(accent: str, on_accent: str, surface: str) -> None:
    colors = palette(accent, on_accent, surface)
    assert contrast(colors.accent, colors.on_accent) >= 4.5
    assert contrast(colors.ink, surface) >= 4.5


def test_a_readable_brand_colour_stays_as_it_is() -> None:
    assert palette("#0b5fd7", "#ffffff", LIGHT_SURFACE).accent == "#0b5fd7"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's well-known near miss


@pytest.mark.parametrize("color", ["red", "#fff", "#0b5fd7;}body{}", "#0b5fd7\n", ""])
def test_only_a_hex_colour_reaches_a_style_sheet(color: str) -> None:
    with pytest.raises(ValueError, match="rrggbb"):
        render_brand_css(color, "#ffffff")
    with pytest.raises(ValueError, match="rrggbb"):
        render_brand_css("#0b5fd7", color)
