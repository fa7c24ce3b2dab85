"""The `customers` collection: people, found by any key they are known by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from survey_service.models.customer import Customer, CustomerProfile
from survey_service.store.database import Database

_DUPLICATE_KEY = 11000


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

    async def insert(self, customers: Sequence[Customer]) -> None:
        """Store new customers; one whose id or key is taken already is left out: read again to see who holds it."""
        try:
            await self._collection.insert_many([customer.to_document() for customer in customers], ordered=False)
        except BulkWriteError as error:
            others = [failure for failure in error.details["writeErrors"] if failure["code"] != _DUPLICATE_KEY]
            if others or error.details.get("writeConcernErrors"):
                raise

    async def update_profiles(self, profiles: Mapping[str, tuple[CustomerProfile, datetime]]) -> None:
        """Take over newer profiles; one that is older than what is stored changes nothing."""
        requests = [
            UpdateOne(
                {"_id": customer, "profile_at": {"$lt": at}},
                {"$set": {"profile": profile.model_dump(), "profile_at": at}, "$currentDate": {"updated_at": True}},
            )
            for customer, (profile, at) in profiles.items()
        ]
        if requests:
            await self._collection.bulk_write(requests, ordered=False)

    async def add_key(self, customer: str, key: str) -> bool:
        """Make `key` one of the customer's; False if it belongs to somebody else."""
        try:
            await self._collection.update_one(
                {"_id": customer}, {"$addToSet": {"keys": key}, "$currentDate": {"updated_at": True}}
            )
        except DuplicateKeyError:
            return False
        return True
