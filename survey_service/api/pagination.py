"""List pages: `limit`, `cursor`, `updated_since` in; `data`, `next` and a `Link` header out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from survey_service.api.endpoint import Call, Reply
from survey_service.api.shapes.fields import Instant
from survey_service.errors import InvalidInput
from survey_service.models.base import Stored
from survey_service.store.paging import EPOCH, ChangeWindow, Cursor, Page, PageRequest

RowT = TypeVar("RowT", bound=Stored)
ItemT = TypeVar("ItemT")

_MAY_LEAVE = "cannot stand beside updated_since: a row that leaves it would not be told of; filter your copy instead"


class ListQuery(BaseModel):
    """What every list takes."""

    limit: int = Field(default=100, ge=1, le=1000, description="Rows a page")
    cursor: str | None = Field(default=None, max_length=500, description="Where the page before ended; from `next`")


class Changes(BaseModel):
    """Rows that can be read by what changed; a resource adds its filters.

    Who reads changes keeps a copy, and would not be told of a row that leaves a filter: such filters are refused.
    """

    may_leave: ClassVar[Mapping[str, object]] = {}  # filters by what changes, each with the value that stays, or None

    updated_since: Instant | None = Field(
        default=None,
        description="Rows changed at or after this instant, the oldest change first, up to 5 s before now; not "
        "together with a filter that rows may leave, such as by their state or customer",
    )
    updated_before: Instant | None = Field(
        default=None, description="Rows changed before this instant, in the same order and under the same rule"
    )

    def filters(self) -> dict[str, Any]:
        """The resource's own filters that were given."""
        return self.model_dump(exclude_none=True, exclude=_NO_FILTERS)

    def window(self) -> ChangeWindow | None:
        """The changes that are asked for; None: all rows, whenever they changed.

        Raises:
            InvalidInput: a row could leave a filter without a word.
        """
        if self.updated_since is None and self.updated_before is None:
            return None
        for name, lasting in self.may_leave.items():
            if (given := getattr(self, name)) is not None and given != lasting:
                raise InvalidInput.at(f"/{name}", "changes", _MAY_LEAVE)
        return ChangeWindow(self.updated_since or EPOCH, self.updated_before)


class ChangesQuery(Changes, ListQuery):
    """Lists that can be read by what changed, a page at a time."""


class ExportQuery(BaseModel):
    """What every export takes besides the filters of its list."""

    format: Literal["ndjson", "csv", "parquet"] = Field(default="ndjson", description="How the rows are written")
    bom: bool = Field(default=False, description="CSV begins with a byte order mark, by which Excel knows UTF-8")


_NO_FILTERS = {*ChangesQuery.model_fields, *ExportQuery.model_fields}


class ListOf(BaseModel, Generic[ItemT]):
    """A page of a list; `next` is the address of the page after it, null at the end."""

    data: list[ItemT]
    next: str | None


def page_request(query: ChangesQuery) -> PageRequest:
    """The store's page request of a list query.

    Raises:
        InvalidInput: the cursor is not one of ours, or a filter cannot stand beside `updated_since`.
    """
    return PageRequest(query.limit, Cursor.decode(query.cursor) if query.cursor else None, query.window())


def page_reply(call: Call, page: Page[RowT], show: Callable[[RowT], Mapping[str, Any]]) -> Reply:
    """A page with its `next`, in the body and as an RFC 8288 `Link`; the other query parameters survive in it."""
    return list_reply(call, [show(row) for row in page.rows], page.next.encode() if page.next else None)


def list_reply(call: Call, rows: list[Mapping[str, Any]], cursor: str | None) -> Reply:
    """Rows and an encoded cursor as a list answer."""
    if cursor is None:
        return Reply({"data": rows, "next": None})
    url = call.parts.base_url + str(call.request.rel_url.update_query(cursor=cursor))
    return Reply({"data": rows, "next": url}, headers={"Link": f'<{url}>; rel="next"'})
