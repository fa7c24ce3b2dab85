"""Surveys and triggers: a PUT that changes something makes a new version, and a version never changes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from survey_service.errors import NotFound, PreconditionFailed
from survey_service.models.base import Noun, Version
from survey_service.store.database import Database, Session
from survey_service.store.revision import raise_revision

RowT = TypeVar("RowT", bound=Version)
ContentT = TypeVar("ContentT", bound=Noun)


class Versions(Generic[RowT, ContentT]):
    """All versions of one kind of configuration; the document id is `{name}:{version}`."""

    def __init__(self, database: Database, collection: str, row: type[RowT], content: type[ContentT]) -> None:
        self._database = database
        self._collection = database[collection]
        self._row = row
        self._content = content
        self._name = collection.removesuffix("s")

    async def latest(self, name: str) -> RowT | None:
        """The present version; None when there is none or it was deleted."""
        document = await self._collection.find_one({"latest": True, self._name: name})
        row = self._row.from_document(document) if document else None
        return None if row is None or row.deleted else row

    async def version(self, name: str, number: int) -> RowT | None:
        """One version, the deleted ones included."""
        document = await self._collection.find_one({"_id": f"{name}:{number}"})
        return self._row.from_document(document) if document else None

    async def all_latest(self) -> list[RowT]:
        """The present versions, by name, without the deleted ones."""
        found = self._collection.find({"latest": True, "deleted": False}).sort(self._name, 1)
        return [self._row.from_document(document) async for document in found]

    async def history(self, name: str) -> list[RowT]:
        """Every version, the newest first."""
        found = self._collection.find({self._name: name}).sort("version", -1)
        return [self._row.from_document(document) async for document in found]

    async def names(self, **fields: object) -> frozenset[str]:
        """The names of which any version, present, past or deleted, has these fields."""
        return frozenset(await self._collection.distinct(self._name, fields))

    async def put(self, name: str, content: ContentT, expected: int | None = None) -> tuple[RowT, bool]:
        """Make `content` the present version; returns it, and whether anything changed.

        Raises:
            PreconditionFailed: `expected` names another version than the present one (0: there is none).
        """

        async def write(session: Session) -> tuple[RowT, bool]:
            present = await self._present(name, session)
            alive = present if present and not present.deleted else None
            if expected is not None and expected != (alive.version if alive else 0):
                raise PreconditionFailed(f"{self._name} {name} is at version {alive.version if alive else 0}")
            if alive is not None and self._content.model_validate(alive.model_dump()) == content:
                return alive, False
            row = await self._append(name, present, content, session, deleted=False)
            return row, True

        result: tuple[RowT, bool] = await self._database.transaction(write)
        return result

    async def delete(self, name: str) -> None:
        """End it with a version that is marked deleted.

        Raises:
            NotFound: there is no such name.
        """

        async def write(session: Session) -> None:
            present = await self._present(name, session)
            if present is None or present.deleted:
                raise NotFound(f"there is no {self._name} {name}")
            content: Noun = self._content.model_validate(present.model_dump())
            await self._append(name, present, content, session, deleted=True)

        await self._database.transaction(write)

    async def _present(self, name: str, session: Session) -> RowT | None:
        document = await self._collection.find_one({"latest": True, self._name: name}, session=session)
        return self._row.from_document(document) if document else None

    async def _append(self, name: str, present: RowT | None, content: Noun, session: Session, *, deleted: bool) -> RowT:
        number = present.version + 1 if present else 1
        now = self._database.clock.now()
        fields: dict[str, Any] = {
            **content.model_dump(),
            "_id": f"{name}:{number}",
            self._name: name,
            "version": number,
            "deleted": deleted,
            "created_at": now,
            "updated_at": now,
        }
        row = self._row.model_validate(fields)
        if present is not None:
            await self._collection.update_one({"_id": present.id}, {"$set": {"latest": False}}, session=session)
        await self._collection.insert_one(row.to_document(), session=session)
        await raise_revision(self._database, session)
        return row
