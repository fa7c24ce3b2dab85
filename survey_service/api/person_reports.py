"""`/v1/people/{id}/report`: a person's weekly mail comes now instead of on Monday, and to nobody but them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, Field

from survey_service.api.checks import check_person_id
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found
from survey_service.errors import Conflict, InvalidInput
from survey_service.models.api_key import OF_A_PERSON, Scope
from survey_service.models.delivery import Delivery
from survey_service.models.ids import random_id
from survey_service.models.person import Person
from survey_service.reporting.weekly import letters_of_week
from survey_service.reporting.weekly_schedule import monday_after, week_that_ended

_YEARS = (1980, 2200)  # of which zones are sure


class ReportIn(BaseModel):
    """Which week."""

    week: date | None = Field(default=None, description="Any day of it; unset: the last whole one in the person's zone")


class ReportMailView(BaseModel):
    """The mail of one brand."""

    brand: str
    delivery: str
    subject: str
    text: str = Field(description="What it says in a sentence or two, in the person's language")
    leaves_at: AwareDatetime = Field(description="Later than now where the person's quiet hours stand")

    @classmethod
    def of(cls, row: Delivery) -> Self:
        """A mail that was asked for."""
        return cls(
            brand=row.brand,
            delivery=row.id,
            subject=row.subject or "",
            text=row.text or "",
            leaves_at=row.planned_at,
        )


class ReportView(BaseModel):
    """The mails that are on their way."""

    person: str
    data: list[ReportMailView]


@endpoint(
    "POST",
    "/v1/people/{id}/report",
    tag="people",
    scope=Scope.CONFIG_WRITE,
    answers={202: ReportView},
    gives=OF_A_PERSON,
)
async def send_report(call: Call, body: ReportIn) -> Reply:
    """Send a person's weekly report now, whether or not they get one on Mondays; it goes to their own address."""
    parts, name = call.parts, call.path("id")
    check_person_id(name)
    snapshot = await parts.store.configuration.current()
    person = found(snapshot.people.get(name), "person", name)
    if not person.active:
        raise Conflict("the person is not active")
    if person.email is None:
        raise Conflict("the person has no email")
    monday = _monday(person, body.week, parts.clock.now())
    occasion = random_id("now")
    letters = await letters_of_week(
        parts.store,
        snapshot,
        person,
        monday,
        parts.base_url,
        occasion=occasion,
        least_anonymous=parts.settings.metrics_min_n,
    )
    if not letters:
        raise Conflict("nobody answered in that week or the one before: there is nothing to report")
    await parts.store.deliveries.insert(letters)
    parts.bells.ring("sending")
    return Reply(ReportView(person=person.id, data=[ReportMailView.of(row) for row in letters]), status=202)


def _monday(person: Person, day: date | None, now: datetime) -> datetime:
    """The Monday with which the wanted week ends."""
    if day is None:
        return week_that_ended(now, person)
    if not _YEARS[0] <= day.year <= _YEARS[1] or day > (now + timedelta(days=1)).date():
        raise InvalidInput.at("/week", "week", f"must be a day since {_YEARS[0]} that has come")
    return monday_after(datetime.combine(day, time(), UTC))


ENDPOINTS = (send_report,)
