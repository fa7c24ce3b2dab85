"""Taking back what waits: the one function that an opt-out, a cancelling event and the API share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.store.database import Database, Session

_AT_ONCE = 500  # invitations a transaction: the server ends one that takes many seconds


async def withdraw_waiting(
    database: Database,
    whose: Mapping[str, Any],
    reason: Reason,
    states: tuple[InvitationState, ...] = (InvitationState.WAITING,),
) -> int:
    """Cancel every invitation in `states` and every unsent delivery that match `whose`; returns how many invitations.

    `whose` uses fields that both rows carry (`customer`, `brand`, `trigger`) or `invitation` for a single one. A
    delivery that a worker holds at this moment is cancelled too: the worker's `mark_sending` then fails.

    An invitation, its deliveries and its place in the budget go together; many go in batches, so that no number of
    them is too large for a transaction, until none is left. Asking again goes on where a fault ended it.
    """
    named = dict(whose)
    invitation = {"_id": named.pop("invitation")} if "invitation" in named else {}
    deliveries = {"invitation": invitation["_id"]} if invitation else {}
    which = {**named, **invitation, "state": {"$in": list(states)}}
    cancelled = 0
    while names := [row["_id"] async for row in database["invitations"].find(which, {"_id": 1}).limit(_AT_ONCE)]:
        cancelled += await database.transaction(partial(_withdraw, database, names, states, reason))
    # Of invitations that stay, such as the reminder of one that was sent, or of none.
    await database["deliveries"].update_many(
        {**named, **deliveries, "state": {"$in": list(WAITING_STATES)}}, _stop(DeliveryState.CANCELLED, reason)
    )
    return cancelled


async def _withdraw(
    database: Database, names: Sequence[str], states: Sequence[InvitationState], reason: Reason, session: Session
) -> int:
    which = {"_id": {"$in": list(names)}, "state": {"$in": list(states)}}
    found = database["invitations"].find({**which, "sent_at": None}, {"_id": 1}, session=session)
    unsent = {row["_id"] async for row in found}
    arriving = {"invitation": {"$in": list(unsent)}, "state": {"$in": [DeliveryState.SENDING, DeliveryState.UNKNOWN]}}
    at_provider = await database["deliveries"].distinct("invitation", arriving, session=session)
    stop = _stop(InvitationState.CANCELLED, reason)
    cancelled = await database["invitations"].update_many(which, stop, session=session)
    await database["deliveries"].update_many(
        {"invitation": {"$in": list(names)}, "state": {"$in": list(WAITING_STATES)}},
        _stop(DeliveryState.CANCELLED, reason),
        session=session,
    )
    if never_left := list(unsent.difference(at_provider)):
        # Their places in the budget are free again.
        await database["contacts"].update_many(
            {"holds.invitation": {"$in": never_left}},
            {"$pull": {"holds": {"invitation": {"$in": never_left}}}, "$inc": {"revision": 1}},
            session=session,
        )
    return int(cancelled.modified_count)


def _stop(state: InvitationState | DeliveryState, reason: Reason) -> dict[str, dict[str, Any]]:
    """The update that ends a row, whoever holds it."""
    return {
        "$set": {"state": state, "reason": reason, "due_at": None, "lease": None},
        "$currentDate": {"updated_at": True},
    }
