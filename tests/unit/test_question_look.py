"""Every kind of question on the survey page: its fields, their names, what is optional and what is wrong."""

from __future__ import annotations

import dataclasses

import pytest

from survey_service.models.survey import Look, QuestionKind
from survey_service.pages.look import CallView, FaultView, Phrase, QuestionView, StepView, render_survey
from tests.support.page_views import CALL, EVERY_KIND, FACES, NINE, ONE, SCORE, SEVERAL, SURVEY, Page, numbers, page_of


def test_a_scale_is_real_radios_that_carry_their_names() -> None:
    radios = Page(render_survey(SURVEY)).all("input", type="radio", name="nps")
    assert [radio["value"] for radio in radios] == [str(number) for number in range(11)]
    assert [radio["aria-label"] for radio in radios] == [f"{number} of 10" for number in range(11)]
    assert all("required" in radio for radio in radios)


def test_what_a_step_says_is_its_name_where_both_are_the_same() -> None:
    steps = (StepView("1", "Yes", "Yes"), StepView("0", "No", "No"))
    page = page_of(dataclasses.replace(SCORE, kind=QuestionKind.CSAT, steps=steps))
    assert "Yes" in page.text
    assert [(radio["value"], radio.get("aria-label")) for radio in page.all("input", name="nps")] == [
        ("1", None),
        ("0", None),
    ]


@pytest.mark.parametrize("look", [Look.FACES, Look.STARS])
def test_faces_and_stars_are_drawn_and_only_their_names_are_read(look: Look) -> None:
    question = dataclasses.replace(FACES, look=look)
    if look is Look.STARS:
        question = dataclasses.replace(question, steps=numbers(1, 5))
    page = page_of(question)
    assert [svg["aria-hidden"] for svg in page.all("svg")] == ["true"] * 5
    assert not page.all("img")
    assert [radio["aria-label"] for radio in page.all("input", type="radio")] == [f"{n} of 5" for n in range(1, 6)]


def test_one_of_several_options_is_a_radio_and_any_number_of_them_are_boxes() -> None:
    page = page_of(dataclasses.replace(ONE, value="staff"), dataclasses.replace(SEVERAL, value="food\nstaff"))
    assert [(box["value"], "checked" in box) for box in page.all("input", type="radio", name="meal")] == [
        ("food", False),
        ("staff", True),
    ]
    boxes = page.all("input", type="checkbox", name="liked")
    assert [(box["value"], "checked" in box, "required" in box) for box in boxes] == [
        ("food", True, False),
        ("staff", True, False),
    ]
    assert "You may choose several." in page.text


def test_consent_is_one_box_that_nobody_ticked_before() -> None:
    consent = QuestionView("ok", QuestionKind.CONSENT, Phrase("You may publish it.", "en"))
    [box] = page_of(SCORE, consent).all("input", type="checkbox", name="ok")
    assert box["value"] == "1"
    assert "checked" not in box
    [box] = page_of(SCORE, dataclasses.replace(consent, value="1")).all("input", type="checkbox", name="ok")
    assert "checked" in box


def test_a_call_is_declined_first_and_then_offered_by_day() -> None:
    page = page_of(CALL)
    radios = page.all("input", type="radio", name="call")
    assert [radio["value"] for radio in radios] == ["no", NINE.value]
    assert radios[1]["aria-label"] == "Tuesday 24 November 2026, 09:00"
    assert page.all("input", type="tel", name="call.phone", autocomplete="tel")
    assert page.all("textarea", name="call.about")
    for said in ("No, thank you", "Tuesday 24 November 2026", "about 15 minutes", "Central European Time"):
        assert said in page.text


@pytest.mark.parametrize(("known", "asks"), [(True, "We have your number."), (False, "Which number shall we call?")])
def test_a_number_is_asked_for_by_whether_one_is_known(known: bool, asks: str) -> None:
    assert CALL.call is not None
    call = dataclasses.replace(CALL.call, phone_known=known, about="the bill", phone="+4915123456789")
    page = page_of(dataclasses.replace(CALL, call=call, value=NINE.value))
    assert asks in page.text
    assert page.all("input", name="call.phone", value="+4915123456789")
    assert "the bill" in page.text
    assert "checked" in page.all("input", name="call", value=NINE.value)[0]


def test_without_a_free_time_a_call_can_only_be_declined() -> None:
    page = page_of(dataclasses.replace(CALL, call=CallView((), 15, "")))
    assert [radio["value"] for radio in page.all("input", type="radio")] == ["no"]
    assert "no free time" in page.text
    assert not page.all("input", type="tel")


@pytest.mark.parametrize("question", EVERY_KIND, ids=lambda question: question.id)
def test_what_need_not_be_answered_says_so(question: QuestionView) -> None:
    optional = page_of(dataclasses.replace(question, required=False))
    required = page_of(dataclasses.replace(question, required=True))
    own = 2 if question.kind is QuestionKind.CALL else 0  # what it is about, and a number, never have to be told
    assert optional.text.count("optional") == required.text.count("optional") + 1 <= own + 1
    assert not [tag for tag, attributes in optional.elements if "required" in attributes]
    if question.kind is not QuestionKind.CHOICES:
        assert [tag for tag, attributes in required.elements if "required" in attributes]


@pytest.mark.parametrize("question", EVERY_KIND, ids=lambda question: question.id)
def test_a_fault_is_tied_to_its_fields(question: QuestionView) -> None:
    page = page_of(dataclasses.replace(question, fault=FaultView(question.id, "Please do this.")))
    error = f"e-{question.id}"
    assert len(page.all("p", id=error)) == 1
    described = [attributes for _, attributes in page.elements if attributes.get("aria-describedby") == error]
    assert any(attributes.get("aria-invalid") == "true" for attributes in described)
    assert "Please do this." in page.text
    assert any(attributes.get("id") == f"q-{question.id}" for _, attributes in page.elements)


@pytest.mark.parametrize(("field", "tag"), [("call.phone", "input"), ("call.about", "textarea")])
def test_a_fault_beside_a_call_is_tied_to_the_field_that_it_is_about(field: str, tag: str) -> None:
    page = page_of(dataclasses.replace(CALL, fault=FaultView(field, "Please do this.")))
    [at_fault] = [attributes for name, attributes in page.elements if attributes.get("aria-invalid")]
    assert (at_fault["name"], at_fault["aria-describedby"]) == (field, "e-call")
    assert page.all(tag, id=f"q-{field}")
    assert page.all("a", href=f"#q-{field}")


def test_a_face_from_a_link_is_explained_in_words() -> None:
    assert "You chose 4 of 5. Tap “Send” to confirm." in page_of(dataclasses.replace(FACES, value="4")).text
