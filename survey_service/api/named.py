"""What the configuration resources share: ids in paths, look-ups that end in a 404, and lists in the order of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel

from survey_service.api.checks import check_resource_id
from survey_service.api.endpoint import Call, Reply, read_version_number
from survey_service.api.pagination import ListQuery, list_reply
from survey_service.errors import NotFound
from survey_service.models.base import Version
from survey_service.store.versions import Versions

RowT = TypeVar("RowT")
VersionT = TypeVar("VersionT", bound=Version)


def resource_id(call: Call) -> str:
    """The id in the path.

    Raises:
        InvalidInput: no survey, trigger or brand can have it.
    """
    name = call.path("id")
    check_resource_id(name)
    return name


def found(row: RowT | None, noun: str, name: str) -> RowT:
    """The row that was looked up.

    Raises:
        NotFound: there is none.
    """
    if row is None:
        raise NotFound(f"there is no {noun} {name}")
    return row


async def read_version(call: Call, versions: Versions[VersionT, Any], noun: str) -> VersionT:
    """The version that the path names, a deleted one included.

    Raises:
        NotFound: there is none.
    """
    name, version = resource_id(call), call.path("version")
    number = read_version_number(version)
    row = await versions.version(name, number) if number is not None else None
    return found(row, noun, f"{name} in version {version}")


async def list_versions(
    call: Call,
    query: ListQuery,
    versions: Versions[VersionT, Any],
    noun: str,
    show: Callable[[VersionT], BaseModel],
) -> Reply:
    """Every version under the id in the path, the newest first.

    Raises:
        NotFound: there never was one.
    """
    name = resource_id(call)
    history = found(await versions.history(name) or None, noun, name)
    return list_by(call, query, history, lambda row: f"{row.version:09d}", show, descending=True)


def list_by(
    call: Call,
    query: ListQuery,
    rows: Iterable[RowT],
    place: Callable[[RowT], str],
    show: Callable[[RowT], BaseModel],
    *,
    descending: bool = False,
) -> Reply:
    """One page of a short list, in the order of `place`, which is unique; the cursor is the place of the last row."""
    placed = sorted(((place(row), row) for row in rows), key=lambda pair: pair[0], reverse=descending)
    if query.cursor is not None:
        after = query.cursor
        placed = [(at, row) for at, row in placed if (at < after if descending else at > after)]
    page = placed[: query.limit]
    cursor = page[-1][0] if len(placed) > query.limit else None
    return list_reply(call, [show(row).model_dump() for _, row in page], cursor)
