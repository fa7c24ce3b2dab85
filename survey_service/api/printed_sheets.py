"""What a public link says about itself comes in; a sheet of A6 as PDF goes out, to print for a window or a counter."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import segno
from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue
from fpdf.fonts import TTFFont

from survey_service.models.colors import LIGHT_SURFACE, palette
from survey_service.texts.locales import text_direction

_FOLDER = Path(__file__).parent / "fonts"
_MAIN, _FALLBACKS = "NotoSans", ("NotoSansArabic", "NotoSansHebrew")
_SCRIPTS = "Latin, Greek, Cyrillic, Arabic and Hebrew"

# Millimetres, from the top left corner; ISO 216 A6.
_WIDTH, _HEIGHT = 105.0, 148.0
_MARGIN = 9.0
_TEXT_WIDTH = _WIDTH - 2 * _MARGIN
_BAND = 50.0  # the coloured field with brand and call to action
_BRAND_TOP, _BRAND_HEIGHT = 6.0, 9.0
_CALL_TOP, _CALL_HEIGHT = 17.0, 29.0
_CODE_TOP, _CODE_SIZE = 60.0, 66.0  # leaves the quiet zone of four modules (ISO/IEC 18004) on every side
_ADDRESS_TOP, _ADDRESS_HEIGHT = 134.0, 9.0
_OVERLAP = 0.02  # of the rows of the code, so that no renderer shows a hairline between them

_INK = "#111418"  # of the address

# Points.
_BRAND_SIZES = (14.0, 11.0, 9.0, 7.0)
_CALL_SIZES = (26.0, 23.0, 20.0, 17.0, 14.0, 12.0, 10.0, 8.0)
_ADDRESS_SIZES = (11.0, 9.0, 7.0, 6.0)
_LINE_HEIGHT = 1.28 * 25.4 / 72  # millimetres a point


@dataclass(frozen=True, slots=True)
class PrintedSheet:
    """What stands on it: `call_to_action` in the language `lang`, the `address` of the code, colours as `#rrggbb`."""

    brand: str
    call_to_action: str
    lang: str
    address: str
    accent: str
    on_accent: str
    made_at: datetime


class CannotBePrinted(Exception):
    """A text has a sign that no font here has, or does not fit; the message says which."""


def render_pdf(sheet: PrintedSheet, code: segno.QRCode) -> bytes:
    """The sheet with the code of its address as PDF, the same bytes for the same sheet.

    Raises:
        CannotBePrinted: a sign has no glyph, or a text has no room.
    """
    with _empty_page(sheet) as pdf:
        _check_signs(pdf, sheet.brand, sheet.call_to_action)
        colors = palette(sheet.accent, sheet.on_accent, LIGHT_SURFACE)
        pdf.set_fill_color(colors.accent)
        pdf.rect(0, 0, _WIDTH, _BAND, style="F")
        pdf.set_text_color(colors.on_accent)
        _put(pdf, sheet.brand, "B", _BRAND_SIZES, _BRAND_TOP, _BRAND_HEIGHT)
        _write(pdf, text_direction(sheet.lang))
        _put(pdf, sheet.call_to_action, "B", _CALL_SIZES, _CALL_TOP, _CALL_HEIGHT)
        _put_code(pdf, code)
        _write(pdf, "ltr")
        pdf.set_text_color(_INK)
        _put(pdf, sheet.address.partition("://")[2], "", _ADDRESS_SIZES, _ADDRESS_TOP, _ADDRESS_HEIGHT)
        out = io.BytesIO()
        pdf.output(out)
    return out.getvalue()


@contextmanager
def _empty_page(sheet: PrintedSheet) -> Iterator[FPDF]:
    pdf = FPDF(orientation="portrait", unit="mm", format=(_WIDTH, _HEIGHT))
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(_MARGIN)
    pdf.set_creation_date(sheet.made_at)
    pdf.set_title(sheet.brand)
    pdf.set_lang(sheet.lang)
    pdf.add_font(_MAIN, "", _FOLDER / f"{_MAIN}-Regular.ttf")
    for family in (_MAIN, *_FALLBACKS):
        pdf.add_font(family, "B", _FOLDER / f"{family}-Bold.ttf")
    pdf.set_fallback_fonts(_FALLBACKS)
    _write(pdf, None)
    pdf.add_page()
    try:
        yield pdf
    finally:
        for font in pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.close()


def _write(pdf: FPDF, direction: Literal["ltr", "rtl"] | None) -> None:
    """Shape what follows, which joins Arabic letters, in lines of that direction; None: that of the first letter."""
    pdf.set_text_shaping(use_shaping_engine=True, direction=direction)


def _put(pdf: FPDF, text: str, style: str, sizes: tuple[float, ...], top: float, height: float) -> None:
    """The text in the largest size that fits, centred in its box."""
    for size in sizes:
        pdf.set_font(_MAIN, style, size)
        line = size * _LINE_HEIGHT
        taken = _height_of(pdf, text, line)
        if taken <= height and _words_stay_whole(pdf, text):
            break
    if taken > height:
        raise CannotBePrinted(f"has a text that is too long for the sheet: {text[:40]}…")
    pdf.set_xy(_MARGIN, top + (height - taken) / 2)
    pdf.multi_cell(_TEXT_WIDTH, line, text, align=Align.C)


def _height_of(pdf: FPDF, text: str, line: float) -> float:
    taken = pdf.multi_cell(_TEXT_WIDTH, line, text, align=Align.C, dry_run=True, output=MethodReturnValue.HEIGHT)
    assert isinstance(taken, float)  # noqa: S101 -- that is what MethodReturnValue.HEIGHT asks for
    return taken


def _words_stay_whole(pdf: FPDF, text: str) -> bool:
    return all(pdf.get_string_width(word) <= _TEXT_WIDTH - 2 * pdf.c_margin for word in text.split())


def _put_code(pdf: FPDF, code: segno.QRCode) -> None:
    size = _CODE_SIZE / len(code.matrix)
    left = (_WIDTH - _CODE_SIZE) / 2
    pdf.set_fill_color("#000000")
    for row, modules in enumerate(code.matrix):
        for begin, length in _dark_runs(modules):
            x, y = left + begin * size, _CODE_TOP + row * size
            pdf.rect(x, y, length * size, size + _OVERLAP, style="F")


def _dark_runs(modules: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where dark modules begin in a row, and how many follow one another."""
    begin = 0
    while (begin := modules.find(1, begin)) >= 0:
        end = modules.find(0, begin)
        length = (len(modules) if end < 0 else end) - begin
        yield begin, length
        begin += length


def _check_signs(pdf: FPDF, *texts: str) -> None:
    known = {point for font in pdf.fonts.values() if isinstance(font, TTFFont) for point in font.cmap}
    missing = sorted({sign for text in texts for sign in text if not sign.isspace() and ord(sign) not in known})
    if missing:
        raise CannotBePrinted(f"has {' '.join(missing[:10])}, but {_SCRIPTS} alone can be printed")
