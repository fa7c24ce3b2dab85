"""`DELETE /v1/customers/{id}` and `/v1/erasures`: who is to be forgotten comes in; how far that came goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.customer_refs import find_customer
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.fields import Email, Line, Phone
from survey_service.api.shapes.rows import Row
from survey_service.errors import Conflict, InvalidInput, NotFound
from survey_service.intake.erasing import ask_to_erase
from survey_service.models.api_key import Scope
from survey_service.models.erasure import ErasureState
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone


class ErasureRow(Row):
    """That somebody asked to be forgotten, and how far that came; whom it was about stands nowhere."""

    id: str
    state: ErasureState
    by: str = Field(description="The API key that asked, by id, or `erase-again`, the command")
    requested_at: AwareDatetime
    done_at: AwareDatetime | None
    updated_at: AwareDatetime | None


class ErasureIn(BaseModel):
    """What is to be forgotten, where no customer owns it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    email: Email | None = None
    phone: Phone | None = Field(default=None, description="As it stands in texts that came in")
    response: Line | None = Field(default=None, description="An answer by a public link, by its id")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise PydanticCustomError("what", "needs one of email, phone and response")
        return self


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


@endpoint("POST", "/v1/erasures", tag="customers", scope=Scope.CUSTOMERS_ERASE, answers={202: ErasureRow})
async def create_erasure(call: Call, body: ErasureIn) -> Reply:
    """Forget what no customer owns: what came from an address or number, or an answer by a public link.

    What belongs to a customer is 409: forget them with `DELETE /v1/customers/{id}`.
    """
    store = call.parts.store
    about = _about(body)
    if body.response is not None:
        response = await store.responses.get(body.response)
        if response is None or response.erased_at is not None:
            raise InvalidInput.at("/response", "unknown", "there is no such response")
        owned = response.customer is not None
    else:
        owned = about in await store.customers.find_by_keys([about])
    if owned:
        raise Conflict("it belongs to a customer: forget them with DELETE /v1/customers/{id}")
    erasure = await ask_to_erase(store, call.parts.bells, None, call.key.id if call.key else "", about=about)
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


def _about(body: ErasureIn) -> str:
    """What is to be forgotten, as erasures name it; an address that nobody could write to is taken as it is."""
    try:
        if body.email is not None:
            return f"email:{email_key(normalise_email(body.email))}"
        if body.phone is not None:
            return f"phone:{normalise_phone(body.phone)}"
    except AddressInvalid:
        return f"email:{email_key(body.email)}" if body.email is not None else f"phone:{body.phone}"
    return f"response:{body.response}"


ENDPOINTS = (erase_customer, create_erasure, list_erasures, get_erasure)
