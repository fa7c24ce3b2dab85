"""The `api_keys` collection: keys are stored as SHA-256 and shown once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from survey_service.models.api_key import MIN_KEY_LENGTH, ApiKey, Scope
from survey_service.models.ids import random_id
from survey_service.store.database import Database

_BELIEVED_SECONDS = 2.0


def key_hash(key: str) -> str:
    """What is stored of a key. Keys are random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeys:
    """Keys by hash; a look-up is believed for two seconds, so a revoked key ends within that time."""

    def __init__(self, database: Database) -> None:
        self._collection = database["api_keys"]
        self._clock = database.clock
        self._believed: dict[str, tuple[float, ApiKey]] = {}
        self._here: dict[str, ApiKey] = {}

    async def create(self, name: str, scopes: Sequence[Scope]) -> tuple[ApiKey, str]:
        """A new key; the second value is the key itself, which cannot be read again."""
        secret = random_id("sk")
        row = self._key(name, scopes, secret)
        await self._collection.insert_one(row.to_document())
        return row, secret

    async def register(self, name: str, scopes: Sequence[Scope], secret: str) -> bool:
        """Make a given secret a key; doing it again changes its name and scopes.

        False: it was revoked, and stays so.
        """
        row = self._key(name, scopes, secret)
        live = {"_id": row.id, "revoked_at": None}
        try:
            await self._collection.replace_one(live, row.to_document(), upsert=True)
        except DuplicateKeyError:  # of a revoked row, or of another process that was faster
            return await self.get(row.id) is not None
        return True

    def accept_here(self, name: str, scopes: Sequence[Scope], secret: str) -> None:
        """Take a key for as long as this process runs; nothing of it is stored, and no other process takes it."""
        row = self._key(name, scopes, secret)
        self._here[row.sha256] = row

    def _key(self, name: str, scopes: Sequence[Scope], secret: str) -> ApiKey:
        digest = key_hash(secret)
        return ApiKey(
            id=f"key_{digest[:22]}", name=name, sha256=digest, scopes=tuple(scopes), created_at=self._clock.now()
        )

    async def find(self, secret: str) -> ApiKey | None:
        """The live key behind a secret."""
        digest = key_hash(secret)
        if digest in self._here:
            return self._here[digest]
        if len(secret) < MIN_KEY_LENGTH:
            # No such key is made any more; databases that a demo of an earlier version filled hold one known to all.
            return None
        believed = self._believed.get(digest)
        if believed and time.monotonic() - believed[0] < _BELIEVED_SECONDS:
            return believed[1]
        document = await self._collection.find_one({"sha256": digest, "revoked_at": None})
        if document is None:
            self._believed.pop(digest, None)
            return None
        key = ApiKey.from_document(document)
        if len(self._believed) > 1_000:
            self._believed.clear()
        self._believed[digest] = (time.monotonic(), key)
        return key

    async def get(self, key: str) -> ApiKey | None:
        """A live key by its id."""
        for row in self._here.values():
            if row.id == key:
                return row
        document = await self._collection.find_one({"_id": key, "revoked_at": None})
        return ApiKey.from_document(document) if document else None

    async def all(self) -> list[ApiKey]:
        """Every key, the newest first."""
        return [ApiKey.from_document(document) async for document in self._collection.find().sort("created_at", -1)]

    async def revoke(self, key: str) -> datetime | None:
        """End a key; returns when, None if there is no such live key."""
        now = self._clock.now()
        result = await self._collection.update_one({"_id": key, "revoked_at": None}, {"$set": {"revoked_at": now}})
        self._believed.clear()
        return now if result.matched_count else None
