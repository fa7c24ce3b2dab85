"""Sending anew: an operator gives up on an unknown delivery; a new one that names it goes out in its place."""

from __future__ import annotations

from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.ids import hashed_id
from survey_service.models.outbox import Outbox
from survey_service.store.database import Database, Session
from survey_service.store.deliveries import dead_news


def replacement_id(delivery: str) -> str:
    """The one delivery that may replace another."""
    return hashed_id("dlv", "replaces", delivery)


async def replace_unknown(database: Database, unknown: Delivery) -> Delivery | None:
    """End `unknown` as dead and plan its replacement for now, both or neither; None if it is not unknown any more."""
    now = database.clock.now()
    replacement = unknown.model_copy(
        update={
            "id": replacement_id(unknown.id),
            "replaces": unknown.id,
            "state": DeliveryState.PLANNED,
            "due_at": now,
            "planned_at": now,
            "created_at": now,
            "updated_at": now,
            **dict.fromkeys(("lease", "reason", "detail", "provider", "provider_id", "provider_status")),
            **dict.fromkeys(("attempted_at", "sent_at", "segments")),
            "outbox": Outbox(),
            **dict.fromkeys(("claim", "deaths", "attempts", "lookups", "provider_rank"), 0),
        }
    )

    dead = {"state": DeliveryState.DEAD, "reason": Reason.OUTCOME_UNKNOWN, "due_at": None, "lease": None}
    news = dead_news(unknown.id, now)

    async def write(session: Session) -> bool:
        ended = await database["deliveries"].update_one(
            {"_id": unknown.id, "state": DeliveryState.UNKNOWN},
            {
                **news,
                "$set": {**dead, "replaced_by": replacement.id, **news["$set"]},
                "$currentDate": {"updated_at": True},
            },
            session=session,
        )
        if ended.matched_count:
            await database["deliveries"].insert_one(replacement.to_document(), session=session)
        return bool(ended.matched_count)

    return replacement if await database.transaction(write) else None
