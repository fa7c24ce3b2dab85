"""Brands, touchpoints and pauses: configuration that is simply replaced, under a revision for `If-Match`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pymongo.errors import DuplicateKeyError

from survey_service.errors import Conflict, NotFound, PreconditionFailed
from survey_service.models.base import Noun, Revised
from survey_service.models.pause import Pause
from survey_service.store.database import Database, Session
from survey_service.store.revision import raise_revision

RowT = TypeVar("RowT", bound=Revised)
ContentT = TypeVar("ContentT", bound=Noun)


class Registry(Generic[RowT, ContentT]):
    """One kind of named configuration."""

    def __init__(
        self, database: Database, collection: str, row: type[RowT], content: type[ContentT], noun: str | None = None
    ) -> None:
        self._database = database
        self._collection = database[collection]
        self._row = row
        self._content = content
        self._noun = noun or collection.removesuffix("s")

    async def get(self, name: str) -> RowT | None:
        """One, by name."""
        document = await self._collection.find_one({"_id": name})
        return self._row.from_document(document) if document else None

    async def get_many(self, names: Sequence[str]) -> dict[str, RowT]:
        """Those of `names` that are registered."""
        found = self._collection.find({"_id": {"$in": list(names)}})
        return {document["_id"]: self._row.from_document(document) async for document in found}

    async def find(self, field: str, value: str) -> RowT | None:
        """The one that has `value` in a field that no two share."""
        document = await self._collection.find_one({field: value})
        return self._row.from_document(document) if document else None

    async def all(self) -> list[RowT]:
        """Every one, by name."""
        return [self._row.from_document(document) async for document in self._collection.find().sort("_id", 1)]

    async def put(self, name: str, content: ContentT, expected: int | None = None) -> tuple[RowT, bool]:
        """Create or replace; returns the row, and whether anything changed.

        Raises:
            PreconditionFailed: `expected` names another revision than the present one (0: there is none).
            Conflict: another one has what no two may share.
        """

        async def write(session: Session) -> tuple[RowT, bool]:
            document = await self._collection.find_one({"_id": name}, session=session)
            present = self._row.from_document(document) if document else None
            revision = present.revision if present else 0
            if expected is not None and expected != revision:
                raise PreconditionFailed(f"{self._noun} {name} is at revision {revision}")
            if present is not None and self._content.model_validate(present.model_dump()) == content:
                return present, False
            fields = {
                **self.beside(content, present),
                **content.model_dump(),
                "_id": name,
                "revision": revision + 1,
                "updated_at": self._database.clock.now(),
            }
            row = self._row.model_validate(fields)
            await self._collection.replace_one({"_id": name}, row.to_document(), upsert=True, session=session)
            await raise_revision(self._database, session)
            return row, True

        try:
            result: tuple[RowT, bool] = await self._database.transaction(write)
        except DuplicateKeyError as error:
            shared = ", ".join((error.details or {}).get("keyPattern", {}))
            raise Conflict(f"another {self._noun} has the same {shared}") from None
        return result

    def beside(self, content: ContentT, present: RowT | None) -> Mapping[str, Any]:
        """The fields of a row that no caller PUTs; most kinds have none."""
        return {}

    async def delete(self, name: str) -> None:
        """Remove it.

        Raises:
            NotFound: there is no such name.
        """
        await _delete(self._database, self._collection.name, self._noun, name)


class Pauses:
    """The pauses that stand; they are part of the configuration, so every worker sees a change with its next batch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database["pauses"]

    async def all(self) -> list[Pause]:
        """Every pause, the newest first."""
        found = self._collection.find().sort([("created_at", -1), ("_id", 1)])
        return [Pause.from_document(document) async for document in found]

    async def put(self, pause: Pause) -> None:
        """Set one; setting it again replaces its note."""

        async def write(session: Session) -> None:
            await self._collection.replace_one({"_id": pause.id}, pause.to_document(), upsert=True, session=session)
            await raise_revision(self._database, session)

        await self._database.transaction(write)

    async def delete(self, pause: str) -> None:
        """Lift one.

        Raises:
            NotFound: it does not stand.
        """
        await _delete(self._database, self._collection.name, "pause", pause)


async def _delete(database: Database, collection: str, noun: str, name: str) -> None:
    async def write(session: Session) -> None:
        result = await database[collection].delete_one({"_id": name}, session=session)
        if result.deleted_count == 0:
            raise NotFound(f"there is no {noun} {name}")
        await raise_revision(database, session)

    await database.transaction(write)
