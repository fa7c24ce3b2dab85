"""What every stored noun shares: an id, a schema number, a server-stamped `updated_at`, tolerance for the unknown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

MAX_DEATHS = 5  # of workers that held a row: it is then taken for what they died of


class Noun(BaseModel):
    """An immutable value. Unknown fields are ignored, since a newer process may have written them.

    The HTTP edge validates the same classes with `strict=True, extra="forbid"`: what a caller sends is closed,
    what the database holds is open.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore", use_enum_values=False)


class Stored(Noun):
    """A noun with a document of its own."""

    SCHEMA: ClassVar[int] = 1

    id: str = Field(alias="_id", min_length=1)
    schema_version: int = Field(default=1, alias="schema")
    updated_at: datetime | None = None

    def to_document(self) -> dict[str, Any]:
        """The BSON-ready document, under its stored names."""
        return self.model_dump(by_alias=True)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a stored document, written by this version, the one before or the one after."""
        return cls.model_validate(document)


class Erasable(Stored):
    """A row that names a person, or holds their words; once they asked to be forgotten it keeps what counts, alone."""

    erased_at: datetime | None = None


class Revised(Stored):
    """Configuration that is simply replaced; `revision` is its ETag."""

    revision: int = 1


class Version(Stored):
    """One version of configuration that keeps its history; `id` is `{name}:{version}`, and only `latest` may change."""

    version: int
    latest: bool = True
    deleted: bool = False
    created_at: datetime


class Claimable(Stored):
    """A row that a stage picks up when it is due.

    `due_at` is when something is to be done next (None: nothing is); while a worker holds the row it is the end
    of that worker's lease. `claim` counts the claims and fences every write; `deaths` counts leases that ran out.
    """

    due_at: datetime | None = None
    lease: str | None = None
    claim: int = 0
    deaths: int = 0
