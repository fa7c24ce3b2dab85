"""Bytes of CSV or NDJSON come in as they arrive; their codes fill a pool, and counts go out, batch by batch.

One entry is one line, so that a bad one costs itself and no other; no more than a batch is ever in memory. Whoever is
interrupted posts the same again: what is there already is counted, and added once.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from survey_service.api.shapes.incentives import CodesAdded, RefusedLine
from survey_service.api.strict_json import parse_json
from survey_service.errors import InvalidInput, MalformedInput
from survey_service.models.incentive import MAX_CODE
from survey_service.store.codes import Codes
from survey_service.store.group_commit import Inserted

MAX_LINE_BYTES = 4_096
MOST_PROBLEMS = 100  # that are named; all are counted
COLUMN = "code"
_BATCH = 1_000
_BOM = b"\xef\xbb\xbf"
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0]")


class CodeFormat(StrEnum):
    """How codes are written down."""

    CSV = "text/csv"  # a column, the only one or the one whose first line says `code`
    NDJSON = "application/x-ndjson"  # {"code": "…"} a line


class _Bad(Exception):
    """Why a line holds no code."""


@dataclass(slots=True)
class _Reader:
    """Reads lines of one file; the first line of a CSV may name its columns."""

    format: CodeFormat
    column: int | None = None  # None: the only one
    is_first: bool = True

    def read(self, line: bytes) -> str | None:
        """The code of a line; None for one without an entry. Raises _Bad."""
        first, self.is_first = self.is_first, False
        text = _text(line.removeprefix(_BOM) if first else line)
        if not text:
            return None
        if self.format is CodeFormat.NDJSON:
            return _checked(_json_code(text))
        cells = _cells(text)
        if first and self._names_columns(cells):
            return None
        return _checked(self._cell(cells))

    def _names_columns(self, cells: Sequence[str]) -> bool:
        names = [cell.lower() for cell in cells]
        if COLUMN in names:
            self.column = names.index(COLUMN) if len(names) > 1 else None
            return True
        if len(names) > 1:
            message = f"of several columns one must be called `{COLUMN}` in the first line"
            raise InvalidInput.at("", "columns", message)
        return False

    def _cell(self, cells: Sequence[str]) -> str:
        if self.column is None:
            if len(cells) > 1:
                raise _Bad(f"has {len(cells)} cells for one column")
            return cells[0]
        if self.column >= len(cells):
            raise _Bad(f"has no cell in the column `{COLUMN}`")
        return cells[self.column]


@dataclass(slots=True)
class CodesRead:
    """Counts so far; `size` is how many bytes, `lines` how many lines were read."""

    size: int = 0
    lines: int = 0
    counts: Counter[Inserted] = field(default_factory=Counter)
    refused: int = 0
    problems: list[RefusedLine] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        """Count a line that holds no code, and name it if few were named before."""
        self.refused += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(RefusedLine(line=line, message=why))

    def shown(self) -> CodesAdded:
        """The counts as they are answered."""
        return CodesAdded(
            added=self.counts[Inserted.NEW],
            present=self.counts[Inserted.DUPLICATE],
            refused=self.refused,
            problems=self.problems,
        )


async def import_codes(
    chunks: AsyncIterator[bytes], form: CodeFormat, pool: str, codes: Codes
) -> AsyncIterator[CodesRead]:
    """Fill the pool with the codes of a file; yields the same counts after each batch, and at the end.

    Raises:
        InvalidInput: the first line has several columns and names none of them `code`.
    """
    so_far, reader = CodesRead(), _Reader(form)
    batch: list[str] = []
    async for line in _lines(chunks, so_far):
        so_far.lines += 1
        try:
            if line is None:
                raise _Bad(f"is longer than {MAX_LINE_BYTES} bytes")
            code = reader.read(line)
        except _Bad as error:
            so_far.refuse(so_far.lines, str(error))
            continue
        if code is not None:
            batch.append(code)
        if len(batch) == _BATCH:
            so_far.counts.update(await codes.add(pool, batch))
            batch.clear()
            yield so_far
    so_far.counts.update(await codes.add(pool, batch))
    yield so_far


async def _lines(chunks: AsyncIterator[bytes], so_far: CodesRead) -> AsyncIterator[bytes | None]:
    """The lines of a file in pieces; None for one that is too long to be an entry, however long it is."""
    rest, too_long = b"", False
    async for chunk in chunks:
        so_far.size += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield None if too_long or len(line) > MAX_LINE_BYTES else line
            too_long = False
        if len(rest) > MAX_LINE_BYTES:
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long else rest


def _text(line: bytes) -> str:
    try:
        return line.decode().strip()
    except UnicodeDecodeError:
        raise _Bad("is not UTF-8") from None


def _cells(text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True))]
    except csv.Error:
        raise _Bad("is not a line of CSV") from None


def _json_code(text: str) -> str:
    try:
        value = parse_json(text.encode())
    except MalformedInput:
        raise _Bad("is not JSON") from None
    code = value.get(COLUMN) if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(code, str):
        raise _Bad('is not of the form {"code": "…"}')
    return code


def _checked(code: str) -> str:
    if not code:
        raise _Bad("holds an empty code")
    if len(code) > MAX_CODE:
        raise _Bad(f"holds a code of more than {MAX_CODE} characters")
    if _UNSEEN.search(code) or not code.isprintable():
        raise _Bad("holds a code with white space or signs that cannot be seen")
    return code
