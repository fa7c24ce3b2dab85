"""Lists: newest first and complete to the moment, or oldest change first and five seconds behind (DESIGN "HTTP")."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from motor.motor_asyncio import AsyncIOMotorCollection

from survey_service.errors import InvalidInput
from survey_service.models.base import Stored

RowT = TypeVar("RowT", bound=Stored)

# Readers of changes stop this long before now: a write that was stamped earlier may still become visible later.
SETTLING = timedelta(seconds=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the sort instant and the id of its last row."""

    at: datetime
    id: str

    def encode(self) -> str:
        """Opaque, URL-safe."""
        raw = struct.pack(">q", (self.at - EPOCH) // _MILLISECOND) + self.id.encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read a cursor back.

        Raises:
            InvalidInput: it is not one of ours.
        """
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            (milliseconds,) = struct.unpack(">q", raw[:8])
            return cls(EPOCH + milliseconds * _MILLISECOND, raw[8:].decode())
        except (UnicodeError, binascii.Error, struct.error, OverflowError) as error:
            raise InvalidInput.at("/cursor", "cursor", "is not a cursor of this service") from error


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: `changed` is set for incremental reading."""

    limit: int
    after: Cursor | None = None
    changed: ChangeWindow | None = None


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Rows whose last change lies in [since, before)."""

    since: datetime
    before: datetime | None = None

    def clause(self, now: datetime) -> dict[str, Any]:
        """The rows that are settled by `now`."""
        end = now - SETTLING
        return {"updated_at": {"$gte": self.since, "$lt": min(end, self.before) if self.before else end}}


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Rows, and the cursor to go on from, None at the end."""

    rows: tuple[RowT, ...]
    next: Cursor | None


async def read_page(
    collection: AsyncIOMotorCollection[dict[str, Any]],
    row: type[RowT],
    filters: Mapping[str, Any],
    request: PageRequest,
    now: datetime,
    newest_by: str = "created_at",
    oldest_by: str | None = None,
) -> Page[RowT]:
    """One page in the order of the request; ties are broken by `_id`, so that no row is lost between pages.

    `oldest_by` names the instant that what comes first has the earliest of.
    """
    forward = "updated_at" if request.changed else oldest_by
    field, direction, operator = (forward, 1, "$gt") if forward else (newest_by, -1, "$lt")
    clauses: list[Mapping[str, Any]] = [filters] if filters else []
    if request.changed:
        clauses.append(request.changed.clause(now))
    if request.after:
        at, last = request.after.at, request.after.id
        clauses.append({"$or": [{field: {operator: at}}, {field: at, "_id": {operator: last}}]})
    query = {"$and": clauses} if clauses else {}
    cursor = collection.find(query).sort([(field, direction), ("_id", direction)]).limit(request.limit + 1)
    documents = await cursor.to_list(length=request.limit + 1)
    rows = tuple(row.from_document(document) for document in documents[: request.limit])
    more = len(documents) > request.limit
    last_row = documents[request.limit - 1] if more else None
    return Page(rows, Cursor(last_row[field], last_row["_id"]) if last_row else None)
