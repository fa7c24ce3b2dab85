"""Field types that several shapes share; each refuses by one named rule."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from survey_service.calendars import is_zone
from survey_service.texts.addresses import EMAIL_SHAPE, PHONE_SHAPE

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# RFC 3339 section 5.6, with the offset that it demands.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


def _no_control(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "must not hold line breaks or other control characters")
    return text


def _email(text: str) -> str:
    if not EMAIL_SHAPE.match(text):
        raise PydanticCustomError("email", "is not an email address")
    return text


def _phone(text: str) -> str:
    if not PHONE_SHAPE.match(text):
        raise PydanticCustomError("phone", "is not a phone number in E.164 form, such as +4915123456789")
    return text


def _zone(text: str) -> str:
    if not is_zone(text):
        raise PydanticCustomError("timezone", "is not a zone of the IANA database, such as Europe/Berlin")
    return text


def _locale(text: str) -> str:
    if not _LOCALE.fullmatch(text):
        raise PydanticCustomError("locale", "is not a language tag, such as de-DE")
    return text


def parse_instant(value: object) -> datetime:
    """An RFC 3339 text as an aware instant, UTC, to the millisecond that MongoDB can store."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        whole, dot, rest = value.upper().partition(".")
        if dot:
            digits = re.match(r"\d+", rest)
            fraction = digits.group() if digits else ""
            value = f"{whole}.{fraction[:3]:0<3}{rest[len(fraction) :]}"
        try:
            instant = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            instant = None
        if instant is not None and 1970 <= instant.year <= 2200:
            return instant
    raise PydanticCustomError("time", "is not an RFC 3339 time with an offset, such as 2026-11-22T10:00:00Z")


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_no_control)]
LongLine = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_no_control)]
Email = Annotated[str, StringConstraints(max_length=320), AfterValidator(_email)]
Phone = Annotated[str, AfterValidator(_phone)]
Zone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_zone)]
Locale = Annotated[str, StringConstraints(max_length=35), AfterValidator(_locale)]
_RFC3339_TEXT = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Instant = Annotated[datetime, BeforeValidator(parse_instant, json_schema_input_type=_RFC3339_TEXT)]
