"""Taking back what waits: the one function that an opt-out, a cancelling event and the API share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.store.database import Database, Session


async def withdraw_waiting(
    database: Database,
    whose: Mapping[str, Any],
    reason: Reason,
    states: tuple[InvitationState, ...] = (InvitationState.WAITING,),
) -> int:
    """Cancel every invitation in `states` and every unsent delivery that match `whose`; returns how many invitations.

    `whose` uses fields that both rows carry (`customer`, `brand`, `trigger`) or `invitation` for a single one. A
    delivery that a worker holds at this moment is cancelled too: the worker's `mark_sending` then fails.
    """
    named = dict(whose)
    invitation = {"_id": named.pop("invitation")} if "invitation" in named else {}
    deliveries = {"invitation": invitation["_id"]} if invitation else {}
    stop = {"reason": reason, "due_at": None, "lease": None}

    async def write(session: Session) -> int:
        which = {**named, **invitation, "state": InvitationState.WAITING}
        unsent = [row["_id"] async for row in database["invitations"].find(which, {"_id": 1}, session=session)]
        leaving = {"invitation": {"$in": unsent}, "state": DeliveryState.SENDING}
        found = database["deliveries"].find(leaving, {"invitation": 1}, session=session)
        at_provider = {row["invitation"] async for row in found}
        cancelled = await database["invitations"].update_many(
            {**named, **invitation, "state": {"$in": list(states)}},
            {"$set": {**stop, "state": InvitationState.CANCELLED}, "$currentDate": {"updated_at": True}},
            session=session,
        )
        await database["deliveries"].update_many(
            {**named, **deliveries, "state": {"$in": list(WAITING_STATES)}},
            {"$set": {**stop, "state": DeliveryState.CANCELLED}, "$currentDate": {"updated_at": True}},
            session=session,
        )
        if never_left := [name for name in unsent if name not in at_provider]:
            # Their places in the budget are free again.
            await database["contacts"].update_many(
                {"holds.invitation": {"$in": never_left}},
                {"$pull": {"holds": {"invitation": {"$in": never_left}}}, "$inc": {"revision": 1}},
                session=session,
            )
        return int(cancelled.modified_count)

    return int(await database.transaction(write, may_last=True))
