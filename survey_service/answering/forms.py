"""Forms: the questions of a page and a submitted form come in; the answers that hold, and what is wrong, go out. Pure.

Fields are the question ids; a field that comes several times holds its values one a line. Beside a call's field stand
`{id}.about` and `{id}.phone`. Anything else is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from survey_service.calendars.slots import is_free
from survey_service.models.response import AnswerValue, CallWish
from survey_service.models.survey import Question, QuestionKind, Scale
from survey_service.texts.addresses import AddressInvalid, normalise_phone
from survey_service.texts.printable import one_line, printable

MAX_TEXT = 4_000  # characters of one answer in words
MAX_LINE = 200  # characters of a short one
NO_CALL = "no"  # what the field of a call holds when none is wanted

Form = Mapping[str, str]


class Fault(StrEnum):
    """What is wrong with one answer."""

    MISSING = "missing"  # a required question without an answer
    NOT_ON_SCALE = "not_on_scale"  # not a number of the question's scale
    NOT_OFFERED = "not_offered"  # not one of the options, or a time that is not free
    TOO_LONG = "too_long"  # more than MAX_TEXT characters, or MAX_LINE
    NO_PHONE = "no_phone"  # a call is wanted, and no number is known or given
    BAD_PHONE = "bad_phone"  # not a phone number with its country code


@dataclass(frozen=True, slots=True)
class ReadForm:
    """Answers that hold, and the fault of each one that does not."""

    answers: dict[str, AnswerValue] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a call depends on: the present (aware), the brand's zone, and whether the customer's number is known."""

    now: datetime
    zone: ZoneInfo
    phone_known: bool = False


def read_form(questions: Collection[Question], form: Form, circumstances: Circumstances) -> ReadForm:
    """The answers in a submitted form."""
    read = ReadForm()
    for question in questions:
        answer = _READERS[question.kind](question, form, circumstances)
        if isinstance(answer, Fault):
            read.faults[question.id] = answer
        elif answer is not None:
            read.answers[question.id] = answer
        elif question.required and form.get(question.id) != NO_CALL:
            read.faults[question.id] = Fault.MISSING
    return read


def read_number(raw: str, scale: Scale) -> int | None:
    """A number of the scale, in ASCII digits; None for anything else."""
    if raw.isascii() and raw.isdigit() and len(raw) <= 2 and int(raw) in scale.values:
        return int(raw)
    return None


_Reader = Callable[[Question, Form, Circumstances], AnswerValue | Fault | None]


def _number(question: Question, form: Form, _: Circumstances) -> AnswerValue | Fault | None:
    raw = printable(form.get(question.id, "")).strip()
    if not raw or question.metric is None:
        return None
    number = read_number(raw, question.metric)
    return Fault.NOT_ON_SCALE if number is None else number


def _words(question: Question, form: Form, _: Circumstances) -> AnswerValue | Fault | None:
    text = printable(form.get(question.id, "")).strip()
    longest = MAX_TEXT
    if question.kind is QuestionKind.LINE:
        text, longest = one_line(text), MAX_LINE
    return Fault.TOO_LONG if len(text) > longest else text or None


def _choice(question: Question, form: Form, _: Circumstances) -> AnswerValue | Fault | None:
    raw = printable(form.get(question.id, "")).strip()
    if not raw:
        return None
    return raw if any(option.id == raw for option in question.options) else Fault.NOT_OFFERED


def _choices(question: Question, form: Form, _: Circumstances) -> AnswerValue | Fault | None:
    chosen = set(form.get(question.id, "").split())
    known = tuple(option.id for option in question.options if option.id in chosen)
    if len(known) < len(chosen):
        return Fault.NOT_OFFERED
    return known or None


def _consent(question: Question, form: Form, _: Circumstances) -> AnswerValue | Fault | None:
    ticked = bool(form.get(question.id, "").strip())
    return True if ticked else None if question.required else False


def _call(question: Question, form: Form, circumstances: Circumstances) -> AnswerValue | Fault | None:
    raw, offer = form.get(question.id, "").strip(), question.call
    if raw in {"", NO_CALL} or offer is None:
        return None
    begin = _instant(raw)
    free = begin is not None and is_free(
        offer.windows, offer.minutes, circumstances.zone, begin, circumstances.now, offer.days
    )
    if begin is None or not free:
        return Fault.NOT_OFFERED
    about = printable(form.get(f"{question.id}.about", "")).strip()
    if len(about) > MAX_TEXT:
        return Fault.TOO_LONG
    written = one_line(form.get(f"{question.id}.phone", ""))
    if not written and not circumstances.phone_known:
        return Fault.NO_PHONE
    try:
        phone = normalise_phone(written) if written else None
    except AddressInvalid:
        return Fault.BAD_PHONE
    return CallWish(at=begin, minutes=offer.minutes, about=about or None, phone=phone)


def _instant(raw: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(raw[:40])
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


_READERS: dict[QuestionKind, _Reader] = {
    QuestionKind.NPS: _number,
    QuestionKind.CSAT: _number,
    QuestionKind.CES: _number,
    QuestionKind.CHOICE: _choice,
    QuestionKind.CHOICES: _choices,
    QuestionKind.LINE: _words,
    QuestionKind.TEXT: _words,
    QuestionKind.CALL: _call,
    QuestionKind.CONSENT: _consent,
}
