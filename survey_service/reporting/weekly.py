"""Weekly reports: people who want one come in as plans; on their Monday morning a mail a brand is asked for.

The figures are counted here, when the mail is asked for, and stored with it: composing stays pure, a mail that has to
be tried again says the same, and nothing else has to know how figures are made. A week that is over hardly changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from survey_service.calendars import WindowsInvalid, ZoneInvalid
from survey_service.models.delivery import Delivery
from survey_service.models.ids import hashed_id
from survey_service.models.person import Person
from survey_service.models.report import ReportPlan
from survey_service.reporting.weekly_figures import WeekFigures, read_week
from survey_service.reporting.weekly_letters import Weekly, weekly_letter
from survey_service.reporting.weekly_schedule import (
    OF_USE,
    due_at,
    first_monday,
    newest_monday,
    next_monday,
    two_weeks,
    wants_report,
)
from survey_service.store.claims import Claim
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "reports"
MAX_DEATHS = 5
LOOK_EVERY = timedelta(minutes=10)  # between two looks for people whose plans are behind, if nothing was configured
_UNTIL_COUNTED = timedelta(seconds=5)


class PlanClaims:
    """The claims on plans, as a stage's loop sees them: who wants a report gets a plan first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claims = store.report_plans.claims
        self._planned: tuple[int, datetime] | None = None
        self.lease = self._claims.lease

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[ReportPlan] | None:
        """Bring the plans up to date where that is due, then lease some."""
        snapshot, now = await self._store.configuration.current(), self._store.clock.now()
        if self._planned is None or self._planned[0] != snapshot.revision or now - self._planned[1] >= LOOK_EVERY:
            await self._plan(snapshot.people)
            self._planned = (snapshot.revision, now)
        return await self._claims.claim(limit, orphans=orphans)

    async def _plan(self, people: Mapping[str, Person]) -> None:
        """A plan for each who has none; one at another time for who moved. Others end when they fall due."""
        plans = await self._store.report_plans.all()
        for person in people.values():
            if not wants_report(person):
                continue
            try:
                await self._plan_of(person, plans.get(person.id))
            except (ZoneInvalid, WindowsInvalid) as error:  # of a newer table of zones: everybody else is told
                log.error("reports.unplannable", person=person.id, error=str(error))

    async def _plan_of(self, person: Person, plan: ReportPlan | None) -> None:
        plans = self._store.report_plans
        if plan is None:
            monday = first_monday(person, person.updated_at or self._store.clock.now())
            await plans.begin(ReportPlan(id=person.id, monday=monday, due_at=due_at(monday, person)))
        elif plan.lease is None and plan.due_at != (moved := due_at(plan.monday, person)):
            await plans.move(plan, moved)

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        await self._claims.extend(lease)

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back plans that were not finished."""
        await self._claims.release(lease, keep, pause)

    async def waiting(self) -> int:
        """How many people are due a report."""
        return await self._claims.waiting()


class AskForReports:
    """The handler of the stage that asks for weekly mails; `base_url` is what the dashboard's address starts with.

    `least_anonymous` answers must stand behind a figure that may count those of an anonymous survey.
    """

    def __init__(self, store: Store, bells: Bells, base_url: str, least_anonymous: int = 0) -> None:
        self._store = store
        self._bells = bells
        self._base_url = base_url
        self._least_anonymous = least_anonymous

    async def __call__(self, claim: Claim[ReportPlan]) -> None:
        """Ask for each person's mails, then plan their next Monday."""
        snapshot = await self._store.configuration.current()
        for plan in claim.rows:
            person = snapshot.people.get(plan.id)
            if person is None or not wants_report(person):
                await self._store.report_plans.end(plan)
            else:
                await self._tell(plan, person, snapshot)
        self._bells.ring("sending")

    async def _tell(self, plan: ReportPlan, person: Person, snapshot: Snapshot) -> None:
        plans, now = self._store.report_plans, self._store.clock.now()
        monday = newest_monday(person, now)
        if monday < plan.monday:  # in the zone where they are now it is not yet morning
            await plans.go_on(plan, plan.monday, due_at(plan.monday, person))
            return
        if plan.deaths >= MAX_DEATHS:
            log.error("reports.given_up", person=person.id, week=f"{monday:%Y-%m-%d}")
        elif now < due_at(monday, person) + OF_USE:
            time = two_weeks(monday, person)
            if await self._store.rollups.is_behind(time.start, time.end):
                await plans.go_on(plan, plan.monday, now + _UNTIL_COUNTED)
                return
            letters = await letters_of_week(
                self._store, snapshot, person, monday, self._base_url, least_anonymous=self._least_anonymous
            )
            if letters:
                await self._store.deliveries.insert(letters)
        upcoming = next_monday(monday)
        await plans.go_on(plan, upcoming, due_at(upcoming, person))


async def letters_of_week(
    store: Store,
    snapshot: Snapshot,
    person: Person,
    monday: datetime,
    base_url: str,
    *,
    occasion: str = "",
    least_anonymous: int = 0,
) -> list[Delivery]:
    """The mails that tell a person of the week that ends with `monday`: one for each brand that there is news of.

    A person hears of a brand's week once: the ids are made of the three. Another `occasion` is told beside that.
    """
    now, letters = store.clock.now(), []
    for name, brand in sorted(snapshot.brands.items()):
        surveys = {key: survey for key, survey in snapshot.surveys.items() if survey.brand == name}
        least = least_anonymous if snapshot.promised & surveys.keys() else 0
        figures = await read_week(store, person, name, surveys, monday, least)
        if figures.says_anything:
            names = await _names(store, figures)
            weekly = Weekly(person, brand, monday, figures, names, base_url)
            letter = hashed_id("dlv", "report", person.id, name, f"{monday:%Y-%m-%d}", occasion)
            letters.append(weekly_letter(weekly, now, letter=letter))
    return letters


async def _names(store: Store, figures: WeekFigures) -> dict[str, str]:
    """What the touchpoints of these figures are called."""
    found: Collection[str] = {place for each in figures.standings for place, _ in each.places if place is not None}
    rows = await store.configuration.touchpoints.get_many(sorted(found))
    return {name: row.name for name, row in rows.items()}
