"""The `suppressions` collection: who must not be written to, found by keyed hashes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.outbox import NewsType, outbox_with, recurring_news
from survey_service.models.suppression import (
    EVERY_BRAND,
    Suppression,
    SuppressionReason,
    SuppressionScope,
    suppression_id,
)
from survey_service.store.database import Database
from survey_service.store.group_commit import GroupInsert, Inserted
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import Page, PageRequest, read_page
from survey_service.texts.addresses import email_key
from survey_service.tokens import Keyring


class Suppressions:
    """Suppressions by id and by the hash of what they silence."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["suppressions"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self.outbox = Outboxes(self._collection, Suppression, database.clock, lease)

    async def insert(self, suppressions: Sequence[Suppression]) -> list[Inserted]:
        """Store suppressions; `DUPLICATE` where the same one stands already."""
        now = self._clock.now()
        return await self._insert.insert([{**row.to_document(), "updated_at": now} for row in suppressions])

    async def outweigh(self, suppressions: Sequence[Suppression]) -> None:
        """Store suppressions whose reason replaces that of whatever silenced the same before; repeating is harmless."""
        await self.insert(suppressions)
        for row in suppressions:
            change = {"$set": {"reason": row.reason, "detail": row.detail}, "$currentDate": {"updated_at": True}}
            await self._collection.update_one({"_id": row.id, "reason": {"$ne": row.reason}}, change)

    async def standing(self, hashes: Collection[str]) -> dict[tuple[str, str], Suppression]:
        """What stands against these subject hashes, by (hash, brand); the brand may be `*`."""
        found = self._collection.find({"subject_hash": {"$in": list(hashes)}})
        rows = [Suppression.from_document(document) async for document in found]
        return {(row.subject_hash, row.brand): row for row in rows}

    async def get(self, suppression: str) -> Suppression | None:
        """One suppression."""
        document = await self._collection.find_one({"_id": suppression})
        return Suppression.from_document(document) if document else None

    async def delete(self, suppression: str) -> bool:
        """Lift one."""
        return (await self._collection.delete_one({"_id": suppression})).deleted_count == 1

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Suppression]:
        """A list page, newest first."""
        return await read_page(self._collection, Suppression, filters, request, self._clock.now())


def stands_against(
    standing: Mapping[tuple[str, str], Suppression], hashes: Collection[str], brand: str
) -> Suppression | None:
    """The suppression that applies to any of `hashes` under `brand`, if one does."""
    for subject in hashes:
        for scope in (brand, EVERY_BRAND):
            if (subject, scope) in standing:
                return standing[subject, scope]
    return None


def address_suppression(
    keyring: Keyring, address: str, brand: str, reason: SuppressionReason, at: datetime, detail: str | None = None
) -> Suppression:
    """The row that silences one normalised address or number; `brand` may be `*`."""
    return _suppression(keyring, SuppressionScope.ADDRESS, email_key(address), brand, reason, at, detail)


def person_suppression(
    keyring: Keyring, customer: str, brand: str, reason: SuppressionReason, at: datetime, detail: str | None = None
) -> Suppression:
    """The row that silences a customer, by our id, on every channel; `brand` may be `*`."""
    return _suppression(keyring, SuppressionScope.PERSON, customer, brand, reason, at, detail)


def _suppression(
    keyring: Keyring,
    scope: SuppressionScope,
    subject: str,
    brand: str,
    reason: SuppressionReason,
    at: datetime,
    detail: str | None,
) -> Suppression:
    subject_hash = keyring.subject_hash(subject)
    name = suppression_id(scope, brand, subject_hash)
    return Suppression(
        id=name,
        outbox=outbox_with(recurring_news(name, NewsType.SUPPRESSION_CREATED, at)),
        scope=scope,
        brand=brand,
        subject_hash=subject_hash,
        reason=reason,
        detail=detail,
        created_at=at,
    )


def person_hashes(keyring: Keyring, customer: str) -> list[str]:
    """The hashes under which a person may be silenced."""
    return keyring.subject_hashes(customer)


def address_hashes(keyring: Keyring, address: str) -> list[str]:
    """The hashes under which an address or number may be silenced, in whatever case it is written."""
    return keyring.subject_hashes(email_key(address))
