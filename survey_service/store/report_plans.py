"""The `report_plans` collection: one row for each person who gets a weekly report, with the Monday that comes next."""

from __future__ import annotations

from datetime import datetime, timedelta

from survey_service.models.report import ReportPlan
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database


class ReportPlans:
    """Plans by person."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["report_plans"]
        self.claims = Claims(self._collection, ReportPlan, database.clock, lease)

    async def all(self) -> dict[str, ReportPlan]:
        """Every plan, by person."""
        return {document["_id"]: ReportPlan.from_document(document) async for document in self._collection.find()}

    async def begin(self, plan: ReportPlan) -> None:
        """Store a person's first plan; one that is there stays."""
        first = {name: value for name, value in plan.to_document().items() if name != "_id"}
        await self._collection.update_one({"_id": plan.id}, {"$setOnInsert": first}, upsert=True)

    async def move(self, plan: ReportPlan, due_at: datetime) -> None:
        """The same Monday comes at another instant; a plan that is worked on stays."""
        same = {"_id": plan.id, "monday": plan.monday, "lease": None}
        await self._collection.update_one(same, {"$set": {"due_at": due_at}, "$currentDate": {"updated_at": True}})

    async def go_on(self, plan: ReportPlan, monday: datetime, due_at: datetime) -> None:
        """A claimed plan waits for `monday`, until `due_at`."""
        change = {"monday": monday, "due_at": due_at, "lease": None, "deaths": 0}
        await self._collection.update_one(fence(plan), {"$set": change, "$currentDate": {"updated_at": True}})

    async def end(self, plan: ReportPlan) -> None:
        """The person of a claimed plan wants no more reports."""
        await self._collection.delete_one(fence(plan))
