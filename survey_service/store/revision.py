"""The configuration revision: one number that every change of configuration raises in its own transaction."""

from __future__ import annotations

from survey_service.store.database import Database, Session

_ID = "revision"


async def raise_revision(database: Database, session: Session) -> None:
    """Part of a PUT's or DELETE's transaction."""
    await database["config"].update_one({"_id": _ID}, {"$inc": {"n": 1}}, upsert=True, session=session)


async def read_revision(database: Database) -> int:
    """The present revision; 0 before the first change."""
    document = await database["config"].find_one({"_id": _ID})
    return int(document["n"]) if document else 0
