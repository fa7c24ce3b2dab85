"""Forgetting: rows that match a filter come in; what is left of them is a tombstone, or nothing.

Everything here may be done again after a crash: what depends on a row goes before the row itself is blanked, and a
blanked row is not found again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from survey_service.models.case import ACTIVE_STATES
from survey_service.models.contact import FORGOTTEN
from survey_service.models.delivery import WAITING_STATES, DeliveryState
from survey_service.models.erasure import Traces
from survey_service.models.event import EventState
from survey_service.models.ids import response_id
from survey_service.models.inbound import InboundState
from survey_service.models.incentive import RewardState
from survey_service.models.invitation import FINAL_STATES
from survey_service.models.response import ResponseStatus
from survey_service.models.survey import Survey
from survey_service.store import blanking
from survey_service.store.belongings import Rows
from survey_service.store.blanking import Blank
from survey_service.store.claims import EPOCH, held
from survey_service.store.configuration import Configuration
from survey_service.store.contacts import ADDRESS_PREFIX
from survey_service.store.database import Database
from survey_service.store.rollups import recount_mark

Document = dict[str, Any]
_NOT_YET = {"erased_at": None}

BATCH = 200  # rows that are read and blanked at a time
_ON_THEIR_WAY = (*WAITING_STATES, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row, and how it is blanked."""

    collection: str
    blank: Blank | None  # None: nothing of it counts, so the row goes
    aged_by: str  # the instant that says how old a row is
    is_over: Mapping[str, Any]  # what holds of a row that nobody waits for any more
    revised: bool = False  # written under a revision that fences other writers
    counted: bool = False  # in the rollups


KINDS: Mapping[str, Kind] = {
    kind.collection: kind
    for kind in (
        Kind(
            "responses",
            blanking.blank_response,
            "started_at",
            {"status": ResponseStatus.FINISHED},
            revised=True,
            counted=True,
        ),
        Kind("cases", blanking.blank_case, "opened_at", {"state": {"$nin": list(ACTIVE_STATES)}}, revised=True),
        Kind("rewards", blanking.blank_reward, "created_at", {"state": {"$ne": RewardState.HELD}}, revised=True),
        Kind("mails", None, "received_at", {"state": InboundState.HANDLED}),
        Kind("inbound_texts", None, "received_at", {"state": InboundState.HANDLED}),
        Kind("deliveries", blanking.blank_delivery, "created_at", {"state": {"$nin": list(_ON_THEIR_WAY)}}),
        Kind("invitations", blanking.blank_invitation, "created_at", {"state": {"$in": list(FINAL_STATES)}}),
        Kind("events", blanking.blank_event, "received_at", {"state": EventState.DECIDED}),
    )
}
"""In the order in which they are forgotten: what was said first, what it was said about last."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Takes people out of rows, a batch at a time."""

    database: Database
    configuration: Configuration

    async def forget_rows(self, kind: Kind, which: Mapping[str, Any]) -> int:
        """Blank, or take away, a batch of the rows that match; returns how many there were."""
        found = self.database[kind.collection].find({"$and": [dict(which), _NOT_YET]}).limit(BATCH)
        rows = await found.to_list(length=BATCH)
        await self._forget(kind, rows)
        return len(rows)

    async def forget_older(self, kind: Kind, since: datetime, until: datetime) -> tuple[int, datetime]:
        """Forget a batch of the oldest rows that are over, of those aged [since, until).

        Returns how many there were, and the instant to go on from: `until`, or the age of the oldest row that is left.
        """
        collection, age = self.database[kind.collection], kind.aged_by
        aged = {age: {"$gte": since, "$lt": until}, **_NOT_YET}
        found = collection.find({"$and": [aged, dict(kind.is_over)]}).sort(age, 1).limit(BATCH)
        rows = await found.to_list(length=BATCH)
        await self._forget(kind, rows)
        oldest = await collection.find_one(aged, {age: 1}, sort=[(age, 1)])
        return len(rows), oldest[age] if oldest else until

    async def _forget(self, kind: Kind, rows: Sequence[Document]) -> None:
        if not rows:
            return
        await self._forget_copies(kind.collection, rows)
        if kind.blank is None:
            await self.database[kind.collection].delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        else:
            await self._blank(kind, kind.blank, rows)

    async def _blank(self, kind: Kind, blank: Blank, rows: Sequence[Document]) -> None:
        now = self.database.clock.now()
        changes = []
        for row in rows:
            fields = blank(row, await self._survey_of(row), now)
            if "outbox" in row:
                # What was not told yet is not told any more.
                fields |= {"outbox.entries": [], "outbox.due_at": None, "outbox.lease": None}
            if kind.counted:
                fields |= recount_mark()
            change: Document = {"$set": fields, "$currentDate": {"updated_at": True}}
            guard: Document = {"_id": row["_id"]}
            if kind.revised:
                # Who read the row before this writes nothing after it, and whoever wrote since then is read again.
                change["$inc"] = {"revision": 1}
                guard["revision"] = row.get("revision", 1)
            changes.append(UpdateOne(guard, change))
        await self.database[kind.collection].bulk_write(changes, ordered=False)

    async def _survey_of(self, row: Document) -> Survey | None:
        name, version = row.get("survey"), row.get("survey_version")
        return await self.configuration.survey(name, version) if name and version else None

    async def _forget_copies(self, collection: str, rows: Sequence[Document]) -> None:
        """What repeats these rows elsewhere."""
        among, database = {"$in": [row["_id"] for row in rows]}, self.database
        await database["webhook_calls"].delete_many({"about": among})
        match collection:
            case "responses":
                await self._forget_words(among)
            case "mails":
                await self._forget_words({"$in": await self._unanswered(rows)})
            case "cases":
                await self._forget_letters({"case": among})
            case "deliveries":
                await database["sandbox_messages"].delete_many({"delivery": among})
            case "invitations":
                await database["visits"].delete_many({"of": among})
                await database["inbound_texts"].delete_many({"invitation": among})
                # That somebody was asked still counts; what was asked and answered then is not to be found by it.
                unnamed = {"holds.$[own].invitation": FORGOTTEN, "holds.$[own].since": None}
                await database["contacts"].update_many(
                    {"holds.invitation": among},
                    {"$set": unnamed, "$inc": {"revision": 1}},
                    array_filters=[{"own.invitation": among}],
                )
            case _:
                return

    async def _forget_letters(self, which: Mapping[str, Any]) -> None:
        while await self.forget_rows(KINDS["deliveries"], which):
            pass

    async def _unanswered(self, mails: Sequence[Document]) -> list[str]:
        """The responses in whose name our people were told of mails, though none of them is stored.

        What was answered takes its letters along itself, when its own time comes.
        """
        named = {response_id(mail["invitation"]) for mail in mails if mail.get("invitation")}
        which = {"_id": {"$in": sorted(named)}, **_NOT_YET}
        return sorted(named.difference(await self.database["responses"].distinct("_id", which)))

    async def _forget_words(self, among: Mapping[str, Any]) -> None:
        """What our people were told of these responses."""
        await self._forget_letters({"responses": among})
        await self.database["digests"].update_many(
            {"items.response": among},
            {"$pull": {"items": {"response": among}}, "$currentDate": {"updated_at": True}},
        )

    async def trace(self, customer: str) -> Traces:
        """What a person is known by, and every address that is theirs or that they were written to at."""
        person = await self.database["customers"].find_one({"_id": customer}) or {}
        profile = person.get("profile") or {}
        keys = tuple(person.get("keys", ()))
        found = {profile.get("email"), profile.get("phone")}
        found.update(key.partition(":")[2] for key in keys if not key.startswith("id:"))
        found.update(await self.database["deliveries"].distinct("to", {"customer": customer}))
        for name in ("email", "phone"):
            found.update(await self.database["invitations"].distinct(f"recipient.{name}", {"customer": customer}))
        return Traces(keys=keys, addresses=tuple(sorted(filter(None, found))))

    async def is_busy(self, rows: Rows, undecided: Mapping[str, Any], since: datetime) -> bool:
        """Whether a worker holds one of the rows now, or one of these events from before `since` is `undecided`."""
        holder = {"$or": [held(), held("outbox.")]}
        for name, which in rows.items():
            if await self.database[name].find_one({"$and": [dict(which), holder]}, {"_id": 1}) is not None:
                return True
        pending = {"due_at": {"$gt": EPOCH}, "received_at": {"$lte": since}, **undecided}
        return await self.database["events"].find_one(pending, {"_id": 1}) is not None

    async def forget(self, rows: Rows) -> int:
        """Forget all of these rows; returns how many there were."""
        found = 0
        for name, kind in KINDS.items():
            while name in rows and (count := await self.forget_rows(kind, rows[name])):
                found += count
        return found

    async def forget_addresses(self, traces: Traces, address_hashes: Collection[str]) -> None:
        """Take what people are reached by out of the sandbox, of what was counted, and of notes on suppressions."""
        database = self.database
        among = {"$in": list(traces.addresses)}
        phones = {"$in": list(traces.phones)}
        await database["sandbox_texts"].delete_many({"$or": [{"sender": phones}, {"recipient": phones}]})
        await database["sandbox_messages"].delete_many({"recipient": among})
        shared = {"_id": {"$in": [ADDRESS_PREFIX + value for value in address_hashes]}, "holds": []}
        await database["contacts"].delete_many(shared)
        await database["suppressions"].update_many(
            {"subject_hash": {"$in": list(address_hashes)}}, {"$set": {"detail": None}}
        )

    async def forget_customer(self, customer: str) -> int:
        """Take away who a person was, once nothing else names them; returns how many rows did."""
        database = self.database
        found = (await database["visits"].delete_many({"of": customer})).deleted_count
        await database["allowances"].delete_many({"_id": {"$in": await self._allowances_of(customer)}})
        await database["contacts"].delete_one({"_id": customer})
        conflict = {"$pull": {"conflicts": {"other": customer}}, "$currentDate": {"updated_at": True}}
        await database["customers"].update_many({"conflicts.other": customer}, conflict)
        return int(found + (await database["customers"].delete_one({"_id": customer})).deleted_count)

    async def forget_holds(self, customer: str, address_hashes: Collection[str]) -> None:
        """What a person was asked goes from their addresses, where it stands a second time, before it goes itself."""
        contacts = self.database["contacts"]
        own = await contacts.find_one({"_id": customer}) or {}
        if holds := own.get("holds"):
            addresses = {"_id": {"$in": [ADDRESS_PREFIX + value for value in address_hashes]}}
            await contacts.update_many(addresses, {"$pullAll": {"holds": holds}, "$inc": {"revision": 1}})

    async def _allowances_of(self, customer: str) -> list[str]:
        incentives = await self.database["incentives"].distinct("_id")
        return [f"{incentive}:person:{customer}" for incentive in incentives]
