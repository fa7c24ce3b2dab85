"""`DELETE /v1/customers/{id}` and `/v1/erasures`: who is to be forgotten comes in; how far that came goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AwareDatetime, Field

from survey_service.api.customer_refs import find_customer
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.rows import Row
from survey_service.errors import NotFound
from survey_service.intake.erasing import ask_to_erase
from survey_service.models.api_key import Scope
from survey_service.models.erasure import ErasureState


class ErasureRow(Row):
    """That somebody asked to be forgotten, and how far that came; whom it was about stands nowhere."""

    id: str
    state: ErasureState
    by: str = Field(description="The API key that asked, by id")
    requested_at: AwareDatetime
    done_at: AwareDatetime | None
    updated_at: AwareDatetime | None


class ErasuresQuery(ChangesQuery):
    """Filters; all that are given must hold."""

    may_leave: ClassVar[Mapping[str, object]] = {"state": ErasureState.DONE}

    state: ErasureState | None = None


@endpoint("DELETE", "/v1/customers/{id}", tag="customers", scope=Scope.CUSTOMERS_ERASE, answers={202: ErasureRow})
async def erase_customer(call: Call) -> Reply:
    """Forget a customer, by the caller's own id or ours: nothing more is sent, and within seconds nothing is left."""
    person = await find_customer(call.parts.store.customers, call.path("id"))
    if person is None:
        raise NotFound("there is no such customer")
    erasure = await ask_to_erase(call.parts.store, call.parts.bells, person.id, call.key.id if call.key else "")
    return Reply(ErasureRow.of(erasure), status=202, headers={"Location": f"/v1/erasures/{erasure.id}"})


@endpoint("GET", "/v1/erasures", tag="customers", scope=Scope.CUSTOMERS_ERASE, answers={200: ListOf[ErasureRow]})
async def list_erasures(call: Call, query: ErasuresQuery) -> Reply:
    """List erasures, newest first."""
    page = await call.parts.store.erasures.page(query.filters(), page_request(query))
    return page_reply(call, page, ErasureRow.show)


@endpoint("GET", "/v1/erasures/{id}", tag="customers", scope=Scope.CUSTOMERS_ERASE, answers={200: ErasureRow})
async def get_erasure(call: Call) -> ErasureRow:
    """Read how far an erasure came."""
    erasure = await call.parts.store.erasures.get(call.path("id"))
    if erasure is None:
        raise NotFound("there is no such erasure")
    return ErasureRow.of(erasure)


ENDPOINTS = (erase_customer, list_erasures, get_erasure)
