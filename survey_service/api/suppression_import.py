"""Lines of CSV come in; the suppressions they ask for are stored, and one result a line goes out, batch by batch.

The first line names the columns: `address` or `customer` or both, then `reason` and `note` if wanted. One entry is one
line, so that a stray quote costs its own line and no other, and no more than a batch is ever in memory.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Annotated, BinaryIO

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError

from survey_service.api.customer_refs import find_customers
from survey_service.api.problems import invalid_from
from survey_service.api.shapes.fields import Line
from survey_service.api.shapes.suppression import SubjectIn, subject_of_address
from survey_service.errors import InvalidInput
from survey_service.models.customer import Customer
from survey_service.models.decision import Reason
from survey_service.models.suppression import EVERY_BRAND, Suppression, SuppressionReason
from survey_service.store.group_commit import Inserted
from survey_service.store.store import Store
from survey_service.store.suppressions import address_suppression, person_suppression
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import Keyring

COLUMNS = ("address", "customer", "reason", "note")
MAX_LINE_BYTES = 4_096
_BATCH = 250
_BOM = b"\xef\xbb\xbf"


class LineStatus(StrEnum):
    """What became of one line."""

    ADDED = "added"  # silenced from now on
    PRESENT = "present"  # was silenced already
    REFUSED = "refused"  # `message` says why; nothing was stored


class LineResult(BaseModel):
    """`line` is the number in the file, the first line being 1; the message repeats nothing of what stood there."""

    line: int
    status: LineStatus
    message: str | None = None


def _importable(reason: SuppressionReason) -> SuppressionReason:
    if reason is SuppressionReason.ERASED:
        raise PydanticCustomError("reason", "cannot be imported: erase the customer instead")
    return reason


class _LineIn(SubjectIn):
    """One line: a subject as in JSON, with any reason that another system may have had."""

    reason: Annotated[SuppressionReason, Field(strict=False), AfterValidator(_importable)] = SuppressionReason.MANUAL
    note: Line | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line that was read, or why it was not."""

    number: int
    content: _LineIn | str


async def import_suppressions(
    stream: BinaryIO, brand: str, store: Store, keyring: Keyring
) -> AsyncIterator[list[LineResult]]:
    """Store what the lines of `stream` (UTF-8) ask for under `brand`, which may be `*`; yields results in order.

    What waits for a person who is silenced is cancelled. Importing the same file again changes nothing.

    Raises:
        InvalidInput: there is no such brand, or the first line does not name the columns.
    """
    if brand != EVERY_BRAND and await store.configuration.brands.get(brand) is None:
        raise InvalidInput.at("/brand", "unknown", "there is no such brand")
    lines = _numbered_lines(stream)
    columns = _read_header(lines)
    entries = (_Entry(number, _read_line(line, columns)) for number, line in lines if line is None or line.strip())
    while batch := list(islice(entries, _BATCH)):
        yield await _import_batch(batch, brand, store, keyring)


def _numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number; None for one that is too long to be an entry."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        whole = line.endswith(b"\n") or len(line) <= MAX_LINE_BYTES
        yield number, line if whole else None
        while not whole and (rest := stream.readline(MAX_LINE_BYTES)):
            whole = rest.endswith(b"\n")


def _read_header(lines: Iterator[tuple[int, bytes | None]]) -> Sequence[str]:
    _, line = next(lines, (1, None))
    cells = _cells((line or b"").removeprefix(_BOM))
    names = [cell.lower() for cell in cells] if cells else []
    subjects = {"address", "customer"} & set(names)
    if not subjects or not set(names) <= set(COLUMNS) or len(set(names)) != len(names):
        message = f"the first line must name the columns, separated by commas: some of {', '.join(COLUMNS)}"
        raise InvalidInput.at("", "columns", message)
    return names


def _read_line(line: bytes | None, columns: Sequence[str]) -> _LineIn | str:
    if line is None:
        return f"is longer than {MAX_LINE_BYTES} bytes"
    cells = _cells(line)
    if cells is None:
        return "is not a line of CSV in UTF-8"
    if len(cells) > len(columns):
        return f"has {len(cells)} cells for {len(columns)} columns"
    try:
        return _LineIn.model_validate({name: cell for name, cell in zip(columns, cells, strict=False) if cell})
    except ValidationError as error:
        first = invalid_from(error).problems[0]
        return f"{first.pointer.removeprefix('/')} {first.message}".strip()


def _cells(line: bytes) -> list[str] | None:
    try:
        row = next(csv.reader([line.decode().rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return [cell.strip() for cell in row]


async def _import_batch(entries: Sequence[_Entry], brand: str, store: Store, keyring: Keyring) -> list[LineResult]:
    named = {entry.content.customer for entry in entries if isinstance(entry.content, _LineIn)}
    people = await find_customers(store.customers, [ref for ref in named if ref])
    results: dict[int, LineResult] = {}
    rows: dict[int, Suppression] = {}
    for entry in entries:
        row = entry.content if isinstance(entry.content, str) else _row(entry.content, people, brand, store, keyring)
        if isinstance(row, str):
            results[entry.number] = LineResult(line=entry.number, status=LineStatus.REFUSED, message=row)
        else:
            rows[entry.number] = row
    for number, inserted in zip(rows, await store.suppressions.insert(list(rows.values())), strict=True):
        status = LineStatus.ADDED if inserted is Inserted.NEW else LineStatus.PRESENT
        results[number] = LineResult(line=number, status=status)
    if people:
        # After the insert: what is planned from now on is stopped by the rows themselves.
        whose = {"customer": {"$in": sorted({person.id for person in people.values()})}}
        await withdraw_waiting(
            store.database, whose if brand == EVERY_BRAND else {**whose, "brand": brand}, Reason.SUPPRESSED
        )
    return [results[entry.number] for entry in entries]


def _row(
    line: _LineIn, people: Mapping[str, Customer], brand: str, store: Store, keyring: Keyring
) -> Suppression | str:
    now = store.clock.now()
    if line.customer is None:
        return address_suppression(keyring, subject_of_address(line.address or ""), brand, line.reason, now, line.note)
    person = people.get(line.customer)
    if person is None:
        return "customer is unknown; suppress the address instead"
    return person_suppression(keyring, person.id, brand, line.reason, now, line.note)
