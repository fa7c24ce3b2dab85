"""Forms: what a submitted page amounts to, question by question."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.answering.forms import MAX_LINE, MAX_TEXT, NO_CALL, Circumstances, Fault, ReadForm
from survey_service.answering.forms import read_form as read_circumstanced_form
from survey_service.models.response import CallWish
from survey_service.models.survey import Question

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)


def a_question(name: str, kind: str = "text", **changes: Any) -> Question:
    return Question.model_validate({"id": name, "kind": kind, "text": {"en": f"{name}?"}, **changes})


def options(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "text": {"en": name}} for name in names]


NPS = a_question("nps", "nps")
WHY = a_question("why", required=False)
REASONS = a_question("reasons", "choices", options=options("late", "rude", "cold"))
SIZE = a_question("size", "choice", options=options("small", "big"))
CALL = a_question("call", "call", call={"windows": {"mon-fri": ["10:00-12:00"]}, "minutes": 15})


def read_form(questions: list[Question], form: dict[str, str], *, phone_known: bool = True) -> ReadForm:
    return read_circumstanced_form(questions, form, Circumstances(MONDAY, BERLIN, phone_known))


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("nps", "0", 0),
        ("nps", "10", 10),
        ("nps", " 9 ", 9),
        ("nps", "07", 7),
        ("nps", "11", None),
        ("nps", "-1", None),
        ("nps", "+5", None),
        ("nps", "9.0", None),
        ("nps", "1e1", None),
        ("nps", "0x5", None),
        ("nps", "٩", None),  # ARABIC-INDIC DIGIT NINE is a digit to str.isdigit and to int
        ("nps", "９", None),  # FULLWIDTH DIGIT NINE
        ("nps", "²", None),  # a digit to str.isdigit, not to int
        ("nps", "1_0", None),
        ("nps", "true", None),
        ("nps", "9" * 5000, None),
        ("nps", "000", None),
        ("csat", "1", 1),
        ("csat", "5", 5),
        ("csat", "0", None),
        ("csat", "6", None),
        ("ces", "1", 1),
        ("ces", "7", 7),
        ("ces", "8", None),
    ],
)
def test_a_score_is_a_whole_number_of_its_scale(kind: str, raw: str, expected: int | None) -> None:
    read = read_form([a_question("score", kind)], {"score": raw})
    if expected is None:
        assert (read.answers, read.faults) == ({}, {"score": Fault.NOT_ON_SCALE})
    else:
        assert (read.answers, read.faults) == ({"score": expected}, {})


@pytest.mark.parametrize("kind", ["nps", "csat", "ces", "text"])
@pytest.mark.parametrize("form", [{}, {"q": ""}, {"q": " \t\r\n"}, {"q": "\x00"}, {"q": "\u202e \ud800"}])
def test_nothing_readable_is_no_answer(kind: str, form: dict[str, str]) -> None:
    required = read_form([a_question("q", kind)], form)
    assert (required.answers, required.faults) == ({}, {"q": Fault.MISSING})
    optional = read_form([a_question("q", kind, required=False)], form)
    assert (optional.answers, optional.faults) == ({}, {})


def test_a_text_is_taken_as_it_was_written_without_what_cannot_be_shown() -> None:
    read = read_form([WHY], {"why": "  <b>quick</b>\r\n{{customer.email}}\x00 \u202e😀 = SUM(A1)  "})
    assert read.answers == {"why": "<b>quick</b>\n{{customer.email}} 😀 = SUM(A1)"}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("ä" * MAX_TEXT, True),
        ("ä" * (MAX_TEXT + 1), False),
        ("ä" * 5000, False),
        ("ä" + "\r\n" * (MAX_TEXT - 2) + "ä", True),  # browsers send two characters for a line's end
        ("ä" + "\r\n" * (MAX_TEXT - 1) + "ä", False),
    ],
)
def test_a_text_has_a_limit(text: str, taken: bool) -> None:
    read = read_form([WHY], {"why": text})
    assert (read.faults == {}) is taken
    assert (read.faults == {"why": Fault.TOO_LONG}) is not taken


def test_fields_that_are_no_question_of_the_page_are_left_alone() -> None:
    read = read_form([NPS], {"nps": "9", "why": "later", "_lang": "de", "$where": "1"})
    assert read.answers == {"nps": 9}


def test_each_question_has_its_own_fault() -> None:
    read = read_form([NPS, WHY, a_question("must")], {"nps": "eleven", "why": "x" * 5000})
    assert read.faults == {"nps": Fault.NOT_ON_SCALE, "why": Fault.TOO_LONG, "must": Fault.MISSING}


@given(st.dictionaries(st.sampled_from(["nps", "why"]), st.text()))
def test_no_form_breaks_the_reading(form: dict[str, str]) -> None:
    read = read_form([NPS, WHY], form)
    assert read.answers.keys().isdisjoint(read.faults)
    score = read.answers.get("nps")
    assert score is None or score in range(11)


@pytest.mark.parametrize(
    ("scale", "raw", "expected"),
    [
        ("1-5", "6", None),
        ("1-10", "10", 10),
        ("1-10", "0", None),
        ("yes-no", "1", 1),
        ("yes-no", "0", 0),
        ("yes-no", "yes", None),
        ("yes-no", "2", None),
    ],
)
def test_a_satisfaction_question_has_one_of_three_scales(scale: str, raw: str, expected: int | None) -> None:
    read = read_form([a_question("score", "csat", scale=scale)], {"score": raw})
    assert read.answers.get("score") == expected
    assert read.faults == ({} if expected is not None else {"score": Fault.NOT_ON_SCALE})


def test_a_line_is_one_line() -> None:
    read = read_form([a_question("name", "line")], {"name": "  Ada \r\n Weber "})
    assert read.answers == {"name": "Ada Weber"}
    assert read_form([a_question("name", "line")], {"name": "x" * (MAX_LINE + 1)}).faults == {"name": Fault.TOO_LONG}


@pytest.mark.parametrize(("raw", "expected"), [("small", "small"), (" big ", "big")])
def test_an_option_is_taken(raw: str, expected: str) -> None:
    assert read_form([SIZE], {"size": raw}).answers == {"size": expected}


@pytest.mark.parametrize("raw", ["huge", "small big", "small\nbig", "$where", "<b>small</b>"])
def test_what_is_no_option_is_not_taken(raw: str) -> None:
    assert read_form([SIZE], {"size": raw}).faults == {"size": Fault.NOT_OFFERED}


def test_options_are_kept_in_the_order_of_the_question_and_once() -> None:
    assert read_form([REASONS], {"reasons": "cold\nlate\ncold"}).answers == {"reasons": ("late", "cold")}


def test_an_unknown_option_among_known_ones_is_told() -> None:
    assert read_form([REASONS], {"reasons": "late\nnone"}).faults == {"reasons": Fault.NOT_OFFERED}


@pytest.mark.parametrize(
    ("required", "form", "answers", "faults"),
    [
        (True, {"box": "1"}, {"box": True}, {}),
        (True, {}, {}, {"box": Fault.MISSING}),
        (False, {}, {"box": False}, {}),
        (False, {"box": "on"}, {"box": True}, {}),
    ],
)
def test_a_box_is_ticked_or_not(
    required: bool, form: dict[str, str], answers: dict[str, bool], faults: dict[str, Fault]
) -> None:
    read = read_form([a_question("box", "consent", required=required)], form)
    assert (read.answers, read.faults) == (answers, faults)


def test_a_call_keeps_when_how_long_and_what_about() -> None:
    form = {"call": "2026-11-24T09:15:00Z", "call.about": " the bill\x00 ", "call.phone": "+49 1512 3456789"}
    wish = CallWish(at=SLOT, minutes=15, about="the bill", phone="+4915123456789")
    assert read_form([CALL], form).answers == {"call": wish}


def test_a_call_needs_no_number_where_one_is_known() -> None:
    form = {"call": "2026-11-24T10:15:00+01:00"}
    assert read_form([CALL], form).answers == {"call": CallWish(at=SLOT, minutes=15)}
    assert read_form([CALL], form, phone_known=False).faults == {"call": Fault.NO_PHONE}


@pytest.mark.parametrize(
    "raw",
    [
        "soon",
        "2026-11-24T09:15:00",  # of no zone
        "2026-11-24T09:20:00Z",  # between two times
        "2026-11-22T09:15:00Z",  # past
        "2026-11-28T09:15:00Z",  # a Saturday
        "2026-11-24T11:00:00Z",  # when the window has ended
        "2027-11-24T09:15:00Z",  # too far ahead
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_that_is_not_free_is_not_taken(raw: str) -> None:
    assert read_form([CALL], {"call": raw}).faults == {"call": Fault.NOT_OFFERED}


@pytest.mark.parametrize("phone", ["0151 23", "call me", "+49", "+4915123456789; drop"])
def test_a_number_that_cannot_be_called_is_told(phone: str) -> None:
    form = {"call": "2026-11-24T09:15:00Z", "call.phone": phone}
    assert read_form([CALL], form).faults == {"call": Fault.BAD_PHONE}


def test_no_call_is_an_answer_to_a_required_question() -> None:
    read = read_form([CALL], {"call": NO_CALL})
    assert (read.answers, read.faults) == ({}, {})
    assert read_form([CALL], {}).faults == {"call": Fault.MISSING}
