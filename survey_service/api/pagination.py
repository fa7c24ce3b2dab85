"""List pages: `limit`, `cursor`, `updated_since` in; `data`, `next` and a `Link` header out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, Field

from survey_service.api.endpoint import Call, Reply
from survey_service.models.base import Stored
from survey_service.store.paging import ChangeWindow, Cursor, Page, PageRequest

RowT = TypeVar("RowT", bound=Stored)
ItemT = TypeVar("ItemT")


class ListQuery(BaseModel):
    """What every list takes."""

    limit: int = Field(default=100, ge=1, le=1000, description="Rows a page")
    cursor: str | None = Field(default=None, max_length=500, description="Where the page before ended; from `next`")


class Changes(BaseModel):
    """Rows that can be read by what changed; a resource adds its filters."""

    updated_since: AwareDatetime | None = Field(
        default=None, description="Rows changed at or after this instant, the oldest change first, up to 5 s before now"
    )
    updated_before: AwareDatetime | None = Field(default=None, description="With `updated_since`: changed before this")

    def filters(self) -> dict[str, Any]:
        """The resource's own filters that were given."""
        return self.model_dump(exclude_none=True, exclude=_NO_FILTERS)

    def window(self) -> ChangeWindow | None:
        """The changes that are asked for; None: all rows, whenever they changed."""
        return ChangeWindow(self.updated_since, self.updated_before) if self.updated_since else None


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
        InvalidInput: the cursor is not one of ours.
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
