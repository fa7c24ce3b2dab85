"""A table of figures comes in; its lines go out, in columns that stand in a font of one width. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from survey_service.models.report import ReportRow, ReportTable, Verdict
from survey_service.texts.numbers import percentage
from survey_service.texts.printable import one_line
from survey_service.texts.words import Words

WIDTH = 78  # signs of a line (RFC 5322, 2.1.1)
_NAME = 12  # signs of the column of names, at least
_GAP = "  "


def plain_table(table: ReportTable, words: Words) -> list[str]:
    """The lines of a table, its head first; a name that has no room in its column has a line of its own above."""
    head = ("", words("Score"), percentage(95, words.lang), words("Answers"), words("Change"), "", "")
    cells = [head, *(_cells(row, words) for row in (table.total, *table.rows))]
    widths = [max(_width(cell) for cell in column) for column in zip_longest(*cells, fillvalue="")]
    rest = sum(widths[1:]) + len(_GAP) * (len(widths) - 1)
    widths[0] = min(widths[0], max(_NAME, WIDTH - rest))
    lines = []
    for name, *figures in cells:
        if _width(name) > widths[0]:
            lines.append(_cut(name, WIDTH))
            name = ""
        lines.append(_line((name, *figures), widths))
    return lines


def _cells(row: ReportRow, words: Words) -> tuple[str, ...]:
    marks = {
        Verdict.BETTER: words("better"),
        Verdict.WORSE: words("worse"),
        Verdict.CHANCE: words("chance?"),
        Verdict.NONE: "",
    }
    return (
        one_line(row.name),
        row.score or "–",
        row.interval or "–",
        row.n,
        row.change or "–",
        row.change_interval or "–",
        marks[row.verdict],
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names and verdicts begin where their column begins, numbers end where it ends."""
    last = len(row) - 1
    parts = [
        _padded(cell, width, left=place in {0, last})
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _GAP.join(parts).rstrip()


def _padded(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _width(text: str) -> int:
    """How many columns a text takes: two for a wide sign (UAX #11), none for marks and what only formats."""
    return sum(
        0
        if unicodedata.category(sign) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )
