"""The `customers` collection: people, found by any key they are known by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from survey_service.models.customer import ConsentRecord, Customer, CustomerNote, CustomerProfile, IdentityConflict
from survey_service.store.database import Database

_DUPLICATE_KEY = 11000
_BATCH = 1_000  # ids that are handed out at a time
MAX_CONFLICTS = 20  # of one customer; the oldest go first
MAX_NOTES = 50  # of one customer; the oldest go first


class Customers:
    """Customers by id and by key."""

    def __init__(self, database: Database) -> None:
        self._collection = database["customers"]

    async def find_by_keys(self, keys: Sequence[str]) -> dict[str, Customer]:
        """The customer behind each known key."""
        wanted = set(keys)
        found: dict[str, Customer] = {}
        async for document in self._collection.find({"keys": {"$in": list(wanted)}}):
            customer = Customer.from_document(document)
            found.update({key: customer for key in customer.keys if key in wanted})
        return found

    async def get_many(self, ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by our id."""
        found = self._collection.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: Customer.from_document(document) async for document in found}

    async def all_ids(self) -> AsyncIterator[list[str]]:
        """Our id of everybody, a batch at a time."""
        batch: list[str] = []
        async for document in self._collection.find({}, {"_id": 1}):
            batch.append(document["_id"])
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def insert(self, customers: Sequence[Customer]) -> None:
        """Store new customers; one whose id or key is taken already is left out: read again to see who holds it."""
        try:
            await self._collection.insert_many([customer.to_document() for customer in customers], ordered=False)
        except BulkWriteError as error:
            others = [failure for failure in error.details["writeErrors"] if failure["code"] != _DUPLICATE_KEY]
            if others or error.details.get("writeConcernErrors"):
                raise

    async def update_profiles(self, profiles: Mapping[str, tuple[CustomerProfile, datetime]]) -> None:
        """Take over newer profiles; one that is older than what is stored changes nothing.

        Left out are the id, which `give_id` gives once, and consent, which has times of its own.
        """
        await self._write(
            UpdateOne(
                {"_id": customer, "profile_at": {"$lt": at}},
                {"$set": {**_fields(profile), "profile_at": at}, "$currentDate": {"updated_at": True}},
            )
            for customer, (profile, at) in profiles.items()
        )

    async def note_consents(self, words: Mapping[tuple[str, str], ConsentRecord]) -> None:
        """Take over words on consent, by customer and channel; an older one changes nothing.

        Of a yes and a no of one instant the no stays.
        """
        await self._write(
            UpdateOne(
                {
                    "_id": customer,
                    "$or": [
                        {f"consent_log.{channel}": {"$exists": False}},
                        {f"consent_log.{channel}.at": {"$lt": word.at}},
                        *(
                            []
                            if word.granted
                            else [{f"consent_log.{channel}.at": word.at, f"consent_log.{channel}.granted": True}]
                        ),
                    ],
                },
                {
                    "$set": {f"consent_log.{channel}": word.model_dump(), f"profile.consent.{channel}": word.granted},
                    "$currentDate": {"updated_at": True},
                },
            )
            for (customer, channel), word in words.items()
        )

    async def note_conflicts(self, conflicts: Iterable[tuple[str, IdentityConflict]]) -> None:
        """Write down, on the customer who was named, which keys belong to others; each is noted once."""
        await self._write(
            UpdateOne(
                {
                    "_id": customer,
                    "conflicts": {"$not": {"$elemMatch": {"key": conflict.key, "other": conflict.other}}},
                },
                {
                    "$push": {"conflicts": {"$each": [conflict.model_dump()], "$slice": -MAX_CONFLICTS}},
                    "$currentDate": {"updated_at": True},
                },
            )
            for customer, conflict in conflicts
        )

    async def add_note(self, customer: str, note: CustomerNote) -> None:
        """Keep what a person wrote; a note of the same source is kept once."""
        change = {
            "$push": {"notes": {"$each": [note.model_dump()], "$slice": -MAX_NOTES}},
            "$currentDate": {"updated_at": True},
        }
        await self._collection.update_one({"_id": customer, "notes.source": {"$ne": note.source}}, change)

    async def delete_note(self, customer: str, source: str) -> bool:
        """Take a note away; False if there is none."""
        change = {"$pull": {"notes": {"source": source}}, "$currentDate": {"updated_at": True}}
        own = {"_id": customer, "notes.source": source}
        return (await self._collection.update_one(own, change)).matched_count == 1

    async def _write(self, updates: Iterable[UpdateOne]) -> None:
        if requests := list(updates):
            await self._collection.bulk_write(requests, ordered=False)

    async def give_id(self, customer: str, external_id: str) -> bool:
        """Let a person without an id of a caller's go by this one; False if they have one, or it is somebody else's."""
        try:
            result = await self._collection.update_one(
                {"_id": customer, "profile.external_id": None},
                {
                    "$set": {"profile.external_id": external_id},
                    "$addToSet": {"keys": f"id:{external_id}"},
                    "$currentDate": {"updated_at": True},
                },
            )
        except DuplicateKeyError:
            return False
        return result.matched_count == 1

    async def add_key(self, customer: str, key: str) -> bool:
        """Make `key` one of the customer's; False if it belongs to somebody else."""
        try:
            await self._collection.update_one(
                {"_id": customer}, {"$addToSet": {"keys": key}, "$currentDate": {"updated_at": True}}
            )
        except DuplicateKeyError:
            return False
        return True


def _fields(profile: CustomerProfile) -> dict[str, object]:
    named = profile.model_dump(exclude={"external_id", "consent"})
    return {f"profile.{name}": value for name, value in named.items()}
