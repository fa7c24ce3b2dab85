"""Rows come in; CSV that spreadsheets read as it is meant goes out (RFC 4180; OWASP "CSV Injection")."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from survey_service.reporting.tables import Column, Row

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
# What a spreadsheet may take for the start of a formula, the full-width signs of East Asian keyboards among them.
_SIGNS = "=+@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}-"
_FORMULA = (*_SIGNS, "\t", "\r", "\n")
# A program that separates by these, such as Excel in German, takes our quotes for text, and begins a cell behind each.
_CELL_WITHIN = re.compile(rf'([;\t\r\n])(?="*[{_SIGNS}])')
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class CsvRows:
    """Writes rows under one fixed header."""

    content_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"
    is_heavy = False

    def __init__(self, columns: Sequence[Column], *, bom: bool = False) -> None:
        self._columns = tuple(columns)
        self._bom = bom

    def begin(self) -> bytes:
        """The header."""
        header = _lines([[column.name for column in self._columns]])
        return BOM + header if self._bom else header

    def write(self, rows: Iterable[Row]) -> bytes:
        """The lines of these rows."""
        readers = [column.read for column in self._columns]
        return _lines([[cell(read(row)) for read in readers] for row in rows])

    def end(self) -> bytes:
        """Nothing more."""
        return b""


def cell(value: Any) -> str | int | float | None:
    """A value as it stands in a cell: empty for null, JSON for what nests, and text that no program calculates."""
    make = _CELLS.get(type(value))
    return make(value) if make else _other(value)


def _text(value: str) -> str:
    safe = "'" + value if value.startswith(_FORMULA) else value
    if ";" in safe or "\n" in safe or "\t" in safe or "\r" in safe:
        return _CELL_WITHIN.sub(r"\1'", safe)
    return safe


def _same(value: Any) -> Any:
    return value


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _instant(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat() + "Z"


def _other(value: Any) -> str:
    return _text(value if isinstance(value, str) else orjson.dumps(value, option=_OPTIONS).decode())


_CELLS: Mapping[type, Any] = {
    str: _text,
    int: _same,
    float: _same,
    type(None): _same,
    bool: _flag,
    datetime: _instant,
}


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
