"""The `contacts` collection: holds on the fatigue budget of people and addresses, changed by compare-and-set.

A batch reads its contacts once, decides in memory and writes each changed contact once, fenced by its revision:
whoever was slower reads again and decides again. So any rule that Python can say holds exactly, for any number of
workers, and the cost is one read and two writes a batch: people first, then addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pymongo.read_concern import ReadConcern

from survey_service.models.contact import FORGOTTEN, Contact, Frequency, Hold
from survey_service.models.delivery import ChannelName
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.texts.addresses import email_key
from survey_service.tokens import Keyring

# Older holds matter to no rule: periods of the policy are at most this long, and conditions look back 90 days.
REMEMBERED = timedelta(days=400)

# A place that was taken so long ago, for an invitation that is still not there, was left behind by a failure.
MADE_WITHIN = timedelta(minutes=10)

ADDRESS_PREFIX = "adr_"


def contact_ids(person: str, address: str | None, keyring: Keyring) -> tuple[str, ...]:
    """Under which contacts a first message counts: the person, and the address, which others may share.

    While secrets are exchanged the address has a contact under each of them, so that none forgets what it was asked.
    On the web there is no message, and nothing counts.
    """
    return (
        (person, *(ADDRESS_PREFIX + value for value in keyring.subject_hashes(email_key(address)))) if address else ()
    )


class Contacts:
    """Contacts by id; one that was never written is empty, at revision 0."""

    def __init__(self, database: Database) -> None:
        # A revision that a failover could still take back would fence nothing: another worker may write it once more.
        self._collection = database["contacts"].with_options(read_concern=ReadConcern("majority"))
        self._invitations = database["invitations"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)

    async def get_many(self, ids: Sequence[str]) -> dict[str, Contact]:
        """The contacts of these ids, empty ones for those that are not stored."""
        found = self._collection.find({"_id": {"$in": list(ids)}})
        stored = {document["_id"]: Contact.from_document(document) async for document in found}
        return {name: stored.get(name) or Contact(id=name) for name in ids}

    async def save_holds(self, changed: Sequence[Contact]) -> dict[str, Contact]:
        """Write the holds of contacts whose stored revision is still the one given.

        Returns each contact as it stands now: as written, or as somebody else wrote it meanwhile.
        """
        now = self._clock.now()
        after = [
            contact.model_copy(
                update={
                    "revision": contact.revision + 1,
                    "holds": tuple(_since(now, hold) for hold in contact.holds if hold.at > now - REMEMBERED),
                }
            )
            for contact in changed
        ]
        written = {contact.id: contact for contact in await self._insert_new(after) + await self._replace_holds(after)}
        lost = [contact.id for contact in changed if contact.id not in written]
        return written | await self.get_many(lost) if lost else written

    async def _insert_new(self, contacts: Sequence[Contact]) -> list[Contact]:
        new = [contact for contact in contacts if contact.revision == 1]
        if not new:
            return []
        outcomes = await self._insert.insert([contact.to_document() for contact in new])
        return [contact for contact, outcome in zip(new, outcomes, strict=True) if outcome is Inserted.NEW]

    async def _replace_holds(self, contacts: Sequence[Contact]) -> list[Contact]:
        known = [contact for contact in contacts if contact.revision > 1]
        outcomes = await self._update.apply(
            *(
                FencedUpdate(
                    {"_id": contact.id, "revision": contact.revision - 1},
                    {"$set": {"holds": [hold.model_dump() for hold in contact.holds], "revision": contact.revision}},
                )
                for contact in known
            )
        )
        return [contact for contact, done in zip(known, outcomes, strict=True) if done]

    async def holding(self, invitations: Sequence[str]) -> dict[str, list[Contact]]:
        """The contacts that hold a place for each of these invitations, the person before the address."""
        holders: dict[str, list[Contact]] = {}
        async for document in self._collection.find({"holds.invitation": {"$in": list(invitations)}}):
            contact = Contact.from_document(document)
            for name in {hold.invitation for hold in contact.holds}.intersection(invitations):
                holders.setdefault(name, []).append(contact)
        for found in holders.values():
            found.sort(key=lambda contact: contact.id.startswith(ADDRESS_PREFIX))
        return holders

    async def left_behind(self, holds: Iterable[Hold]) -> list[str]:
        """Those of the invitations that hold these places which were not made, and will not be."""
        latest = self._clock.now() - MADE_WITHIN
        old = (hold for hold in holds if hold.since is None or hold.since < latest)
        held = {hold.invitation for hold in old} - {FORGOTTEN}
        if not held:
            return []
        made = self._invitations.find({"_id": {"$in": sorted(held)}}, {"_id": 1})
        return sorted(held - {document["_id"] async for document in made})

    async def release(self, invitations: Sequence[str]) -> None:
        """Give back what these invitations held: nothing was sent for them."""
        if invitations:
            await self._collection.update_many(
                {"holds.invitation": {"$in": list(invitations)}},
                {"$pull": {"holds": {"invitation": {"$in": list(invitations)}}}, "$inc": {"revision": 1}},
            )

    async def prefer(
        self, customer: str, *, frequency: Frequency | None = None, channel: ChannelName | None = None
    ) -> None:
        """Remember what a person asked for; what is None stays as it was, and so does what is asked for again."""
        wishes = {"frequency": frequency, "channel": channel}
        chosen = {name: wish.value for name, wish in wishes.items() if wish is not None}
        await self._collection.update_one({"_id": customer}, {"$set": chosen, "$inc": {"revision": 1}}, upsert=True)


def _since(now: datetime, hold: Hold) -> Hold:
    return hold if hold.since or hold.invitation == FORGOTTEN else hold.model_copy(update={"since": now})
