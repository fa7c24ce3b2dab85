"""One event as callers post it: a CloudEvents 1.0 envelope, closed but for extension attributes and `data.*`.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md; `specversion` and `time` may be missing.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from survey_service.api.problems import invalid_from
from survey_service.api.shapes.customer import CustomerIn
from survey_service.api.shapes.fields import Instant, Line, LongLine
from survey_service.api.strict_json import JsonValue, check_storable
from survey_service.errors import FieldProblem, InvalidInput

_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}")


def _json_type(text: str) -> str:
    essence = text.partition(";")[0].strip().lower()
    if essence != "application/json" and not essence.endswith("+json"):
        raise PydanticCustomError("datacontenttype", "must be JSON: data is read as an object")
    return text


class EventDataIn(BaseModel):
    """`data`: who and where by name, and whatever else belongs to the interaction."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    customer: CustomerIn
    touchpoint: Line | None = None


class EventIn(BaseModel):
    """The envelope. Unknown names are CloudEvents extension attributes: lower-case letters and digits, plain values."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: Line
    source: LongLine
    type: Line
    subject: LongLine | None = None
    time: Instant | None = None
    datacontenttype: Annotated[str, Field(max_length=200), AfterValidator(_json_type)] | None = None
    dataschema: LongLine | None = None
    data: EventDataIn

    @property
    def extensions(self) -> dict[str, Any]:
        """The extension attributes."""
        return dict(self.model_extra or {})


def read_event(value: JsonValue) -> EventIn:
    """One posted value as an event.

    Raises:
        InvalidInput: what is wrong with which field.
    """
    if not isinstance(value, dict):
        raise InvalidInput.at("", "type", "an event is a JSON object")
    if problems := check_storable(value, ""):
        raise InvalidInput(problems)
    try:
        event = EventIn.model_validate(value)
    except ValidationError as error:
        raise invalid_from(error) from None
    if event.model_extra:
        _check_extensions(event.model_extra)
    return event


def _check_extensions(extensions: dict[str, Any]) -> None:
    problems = []
    for name, value in extensions.items():
        if not _EXTENSION_NAME.fullmatch(name) or name == "data_base64":
            message = "is neither a CloudEvents attribute nor a valid extension name (a-z, 0-9)"
            problems.append(FieldProblem(f"/{name.replace('~', '~0').replace('/', '~1')}", "unknown_field", message))
        elif not isinstance(value, str | bool | int):
            problems.append(FieldProblem(f"/{name}", "extension", "an extension is a text, an integer or a boolean"))
    if problems:
        raise InvalidInput(problems)
