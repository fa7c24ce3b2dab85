"""A person's id and content come in; every rule that they break is raised."""

from __future__ import annotations

from collections.abc import Container

from survey_service.api.checks.fields import (
    Problems,
    address_problems,
    check_touchpoint_id,
    line_problems,
    refuse,
    window_problems,
    zone_problems,
)
from survey_service.api.checks.texts import language_problems
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.delivery import ChannelName
from survey_service.models.person import PersonContent
from survey_service.texts.addresses import AddressInvalid, normalise_phone

_TAKEN = ("customer", "service", "api:")  # what else stands in a history


def check_person_id(name: str, pointer: str = "/id") -> None:
    """Refuse an id that nobody can have (events name agents: any printable text will do); raises InvalidInput."""
    check_touchpoint_id(name, pointer)
    if name.startswith(_TAKEN[2]) or name in _TAKEN:
        raise InvalidInput.at(pointer, "taken", "means something else in the history of a case")


def check_person(content: PersonContent, touchpoints: Container[str]) -> None:
    """Refuse a person who could not be told anything as they wish; `touchpoints` are those of theirs that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, touchpoints))


def _problems(content: PersonContent, touchpoints: Container[str]) -> Problems:
    yield from line_problems("/name", content.name)
    yield from address_problems("/email", content.email)
    yield from _phone_problems(content.phone)
    if content.alerts_by is ChannelName.WEB:
        yield FieldProblem("/alerts_by", "channel", "must be email or sms: on the web nobody hears of anything")
    if content.alerts_by is ChannelName.SMS and content.phone is None:
        yield FieldProblem("/phone", "missing", "is needed for alerts by sms")
    if content.weekly_report and content.email is None:
        yield FieldProblem("/email", "missing", "is needed for the weekly report")
    yield from language_problems("/language", content.language)
    yield from zone_problems("/timezone", content.timezone)
    if content.quiet_hours is not None:
        yield from window_problems("/quiet_hours/allow", content.quiet_hours.allow)
    for number, touchpoint in enumerate(content.touchpoints):
        pointer = f"/touchpoints/{number}"
        if touchpoint in content.touchpoints[:number]:
            yield FieldProblem(pointer, "unique", f"{touchpoint} stands in the list already")
        elif touchpoint not in touchpoints:
            yield FieldProblem(pointer, "exists", "there is no registered touchpoint of that id")


def _phone_problems(phone: str | None) -> Problems:
    if phone is None:
        return
    try:
        written = normalise_phone(phone)
    except AddressInvalid as error:
        yield FieldProblem("/phone", "phone", f"is {error}")
    else:
        if written != phone:
            yield FieldProblem("/phone", "phone", f"is not in E.164 form: write {written}")
