"""A suppression as callers set or look for one: an address or a customer, never both."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from survey_service.api.shapes.fields import Line
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone

Address = Annotated[str, StringConstraints(min_length=3, max_length=320)]


class SubjectIn(BaseModel):
    """Whom it is about."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    address: Address | None = Field(default=None, description="An email address, or a phone number with country code")
    customer: Line | None = Field(default=None, description="The caller's own id of a person, or ours")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.address is None) == (self.customer is None):
            raise PydanticCustomError("subject", "needs either an address or a customer")
        if self.address is not None:
            subject_of_address(self.address)
        return self


class SuppressionIn(SubjectIn):
    """What is to be silenced, and where."""

    brand: Line = Field(default=EVERY_BRAND, description="A brand's id, or `*` for all")
    reason: Literal[SuppressionReason.MANUAL] = SuppressionReason.MANUAL
    note: Line | None = Field(default=None, description="Why; no personal data")


def subject_of_address(address: str) -> str:
    """What is hashed of an address: the same for every way to write it.

    Raises:
        PydanticCustomError: it can be neither mailed nor called.
    """
    try:
        return email_key(normalise_email(address)) if "@" in address else normalise_phone(address)
    except AddressInvalid:
        raise PydanticCustomError("address", "is neither an email address nor a phone number in E.164 form") from None
