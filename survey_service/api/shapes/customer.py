"""The customer as callers name one: in `data.customer` of an event and in a direct invitation."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.shapes.fields import Email, Line, Locale, Phone, Zone
from survey_service.models.customer import CustomerProfile


class CustomerIn(BaseModel):
    """Closed and strict; at least one of `id`, `email` and `phone` says who it is."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Line | None = None
    name: Line | None = None
    first_name: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    locale: Locale | None = None
    timezone: Zone | None = None
    account: Line | None = None
    consent: dict[Literal["email", "sms"], bool] = {}
    attributes: dict[str, Any] = {}

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if self.id is None and self.email is None and self.phone is None:
            raise PydanticCustomError("customer", "needs an id, an email or a phone")
        return self

    def profile(self) -> CustomerProfile:
        """The same as the service stores it."""
        return CustomerProfile.model_validate(
            {"external_id": self.id, **self.model_dump(exclude={"id"}, exclude_none=True)}
        )
