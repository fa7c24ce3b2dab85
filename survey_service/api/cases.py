"""`/v1/cases`: what our people take care of goes out; changes and notes come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from survey_service.api.customer_refs import customer_filter
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import Changes, ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.cases import CaseDetail, CaseIn, CaseRow, NoteIn
from survey_service.api.shapes.rows import DeliveryRow, ErasedRow
from survey_service.errors import InvalidInput, NotFound, PreconditionFailed
from survey_service.followup.cases import CASES_STAGE, NEWS_STAGE
from survey_service.followup.changing import Changed, change_case, note_case
from survey_service.followup.wording import Notice, case_letters
from survey_service.models.api_key import Scope
from survey_service.models.case import ACTIVE_STATES, Case, CaseState
from survey_service.models.delivery import Delivery
from survey_service.models.follow_up import Priority
from survey_service.models.person import Person

Letters = Callable[[Changed], Sequence[Delivery]]


class CaseFilters(Changes):
    """Filters; all that are given must hold."""

    may_leave: ClassVar[Mapping[str, object]] = dict.fromkeys(
        ("state", "active", "owner", "unassigned", "priority", "overdue", "customer")
    )

    state: CaseState | None = None
    active: bool | None = Field(default=None, description="`true` shows open and waiting ones alone")
    owner: str | None = Field(default=None, max_length=100)
    unassigned: bool | None = Field(default=None, description="`true` shows those that nobody owns")
    priority: Priority | None = None
    overdue: bool | None = None
    survey: str | None = Field(default=None, max_length=100)
    rule: str | None = Field(default=None, max_length=100)
    touchpoint: str | None = Field(default=None, max_length=200)
    customer: str | None = Field(default=None, max_length=200, description="The caller's own id of the person, or ours")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        given = super().filters()
        clauses: list[dict[str, Any]] = []
        if (customer := given.pop("customer", None)) is not None:
            clauses.append(customer_filter(customer))
        if (active := given.pop("active", None)) is not None:
            clauses.append({"state": {"$in" if active else "$nin": list(ACTIVE_STATES)}})
        if (unassigned := given.pop("unassigned", None)) is not None:
            clauses.append({"owner": None if unassigned else {"$ne": None}})
        return {**given, "$and": clauses} if clauses else given


class CasesQuery(CaseFilters, ChangesQuery):
    """A page of cases."""


@endpoint("GET", "/v1/cases", tag="cases", scope=Scope.CASES_READ, answers={200: ListOf[CaseRow | ErasedRow]})
async def list_cases(call: Call, query: CasesQuery) -> Reply:
    """List cases, newest first."""
    page = await call.parts.store.cases.page(query.filters(), page_request(query))
    return page_reply(call, page, CaseRow.show)


@endpoint("GET", "/v1/cases/{id}", tag="cases", scope=Scope.CASES_READ, answers={200: CaseDetail})
async def get_case(call: Call) -> Reply:
    """Read one case with its notes, its history and the messages about it."""
    return await detail(call, await find_case(call))


@endpoint("PATCH", "/v1/cases/{id}", tag="cases", scope=Scope.CASES_WRITE, answers={200: CaseDetail})
async def patch_case(call: Call, body: CaseIn) -> Reply:
    """Change a case: state, owner, priority, due time, what was done; a new owner is told, unless they did it."""
    wanted, now = body.wanted(), call.parts.clock.now()
    people = (await call.parts.store.configuration.current()).people
    by = _author(call, body.by, people)
    if "due_by" in wanted and (wanted["due_by"] is None or wanted["due_by"] <= now):
        raise InvalidInput.at("/due_by", "ahead", "must be a time that lies ahead")
    if wanted.get("owner") is not None and wanted["owner"] not in people:
        raise InvalidInput.at("/owner", "exists", "there is no person of that id")

    def letters(changed: Changed) -> Sequence[Delivery]:
        owner = changed.case.owner
        handed_over = "owner" in wanted and changed.case.assigned_at == now and owner != by
        if not handed_over:
            return ()
        return case_letters(changed.case, [owner], people, Notice.HANDED_OVER, now, call.parts.base_url)

    case = await apply(call, lambda case: change_case(case, wanted, by, now), letters)
    return await detail(call, case)


@endpoint("POST", "/v1/cases/{id}/notes", tag="cases", scope=Scope.CASES_WRITE, answers={201: CaseDetail})
async def create_note(call: Call, body: NoteIn) -> Reply:
    """Write a note on a case, which customers never see."""
    by, now = await author(call, body.by), call.parts.clock.now()
    case = await apply(call, lambda case: note_case(case, body.text, by, now))
    return await detail(call, case, status=201)


async def find_case(call: Call) -> Case:
    """The case that the path names.

    Raises:
        NotFound: there is none.
    """
    case = await call.parts.store.cases.get(call.path("id"))
    if case is None or case.erased_at is not None:
        raise NotFound("there is no such case")
    return case


async def apply(call: Call, change: Callable[[Case], Changed], letters: Letters = lambda _: ()) -> Case:
    """Write a change of the case that the path names, with its letters, on whatever revision it has by then.

    Raises:
        NotFound: there is no such case.
        PreconditionFailed: `If-Match` names another revision.
        Conflict: the change is not possible.
    """
    expected, store = call.expected_version(), call.parts.store
    while True:
        case = await find_case(call)
        if expected is not None and expected != case.revision:
            raise PreconditionFailed(f"the case is at revision {case.revision}")
        changed = change(case)
        if changed.news is None:
            return case
        if await store.cases.change(case, changed.case, changed.told, letters(changed), held=False):
            for stage in (NEWS_STAGE, CASES_STAGE, "sending"):
                call.parts.bells.ring(stage)
            return changed.case


async def author(call: Call, named: str | None) -> str:
    """Who does it: the person that the caller names, else the caller's key.

    Raises:
        InvalidInput: there is no such person.
    """
    return _author(call, named, (await call.parts.store.configuration.current()).people)


def _author(call: Call, named: str | None, people: Mapping[str, Person]) -> str:
    if named is not None and named not in people:
        raise InvalidInput.at("/by", "exists", "there is no person of that id")
    return named or call.caller


async def detail(call: Call, case: Case, status: int = 200) -> Reply:
    """The case as it is shown alone."""
    messages = await call.parts.store.deliveries.of_case(case.id)
    shown = CaseDetail.of(case, deliveries=[DeliveryRow.of(message) for message in messages])
    return Reply(shown, status=status, etag=case.revision)


ENDPOINTS = (list_cases, get_case, patch_case, create_note)
