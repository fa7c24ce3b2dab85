"""A customer and their reader come in; what the reader may see of what happened goes out. Reads only.

Every query names the touchpoints that its reader may see: nothing is read first and left out afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from survey_service.models.brand import Brand
from survey_service.models.case import ACTIVE_STATES, Case
from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.delivery import Delivery
from survey_service.models.event import Event
from survey_service.models.incentive import Reward
from survey_service.models.invitation import Invitation
from survey_service.models.response import Response
from survey_service.models.survey import Survey
from survey_service.pages.responses import CONFIGURATION_AGE
from survey_service.store.paging import Cursor, PageRequest
from survey_service.store.store import Store
from survey_service.store.timeline import PLACES, read_timeline, was_at

MOMENTS = 50  # a page
_LATEST = PageRequest(limit=50)  # answers that may ask for a call, and open cases

Row = Event | Invitation | Delivery | Response | Case | Reward
_ROWS: Mapping[str, type[Row]] = {
    "event": Event,
    "invitation": Invitation,
    "delivery": Delivery,
    "response": Response,
    "case": Case,
    "reward": Reward,
}


@dataclass(frozen=True, slots=True)
class Known:
    """What ids stand for; surveys by name and version, invitations are those that were answered."""

    touchpoints: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    brands: Mapping[str, Brand] = field(default_factory=dict)
    surveys: Mapping[tuple[str, int], Survey] = field(default_factory=dict)
    invitations: Mapping[str, Invitation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """One page of what happened, the newest first, and where the next one begins; beside it what a call is about."""

    customer: Customer
    rows: Sequence[Row] = ()
    older: Cursor | None = None
    notes: Sequence[CustomerNote] = ()
    answers: Sequence[Response] = ()
    cases: Sequence[Case] = ()
    known: Known = field(default_factory=Known)


async def read_history(
    store: Store, customer: Customer, touchpoints: frozenset[str] | None, after: Cursor | None = None
) -> History | None:
    """What happened before `after`; None where nothing ever did at the `touchpoints` that the reader is bound to.

    Raises:
        InvalidInput: the cursor is none of a timeline.
    """
    if not await is_seen(store, customer, touchpoints):
        return None
    match: dict[str, Any] = {"customer": customer.id}
    if touchpoints is not None:
        match["touchpoint"] = {"$in": sorted(touchpoints)}
    active = {**match, "state": {"$in": [state.value for state in ACTIVE_STATES]}}
    (moments, older), answers, cases = await asyncio.gather(
        read_timeline(store.database, customer, MOMENTS, after, touchpoints=touchpoints, kinds=PLACES),
        store.responses.page(match, _LATEST),
        store.cases.page(active, _LATEST),
    )
    rows = tuple(_ROWS[moment.kind].from_document(dict(moment.row)) for moment in moments)
    return History(
        customer=customer,
        rows=rows,
        older=older,
        notes=sorted((note for note in customer.notes if note.is_for(touchpoints)), key=lambda note: note.at)[::-1],
        answers=answers.rows,
        cases=cases.rows,
        known=await _known(store, rows),
    )


async def is_seen(store: Store, customer: Customer, touchpoints: frozenset[str] | None) -> bool:
    """Whether a reader who is bound to these touchpoints may know of the customer; None: they are bound to none."""
    return touchpoints is None or await was_at(store.database, customer, touchpoints)


async def _known(store: Store, rows: Sequence[Row]) -> Known:
    configuration = store.configuration
    snapshot = await configuration.current(CONFIGURATION_AGE)
    versions = {(row.survey, row.survey_version) for row in rows if isinstance(row, Response | Invitation)}
    surveys = await asyncio.gather(*(configuration.survey(*version) for version in versions))
    answered = [row.invitation for row in rows if isinstance(row, Response) and row.invitation]
    return Known(
        touchpoints={row.id: row.name for row in await configuration.touchpoints.all()},
        people={row.id: row.name for row in snapshot.people.values()},
        brands=snapshot.brands,
        surveys={version: survey for version, survey in zip(versions, surveys, strict=True) if survey is not None},
        invitations=await store.invitations.get_many(answered) if answered else {},
    )
