"""Pages for customers, in tests: their views filled in with something plausible, and what a browser reads of them."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from typing import Any

from survey_service.models.survey import Look, QuestionKind
from survey_service.pages.assets import render_brand_css
from survey_service.pages.look import (
    BrandView,
    CallView,
    DayView,
    KioskView,
    OptionView,
    Phrase,
    QuestionView,
    SlotView,
    StepView,
    SurveyView,
    ThanksView,
    render_survey,
)

CSS = render_brand_css("#0b5fd7", "#ffffff")
BRAND = BrandView(
    name="Skyway",
    css=CSS,
    postal_address="100 Terminal Road, Newark",
    privacy_url="https://skyway.example/privacy",
    imprint_url="https://skyway.example/imprint",
    contact="help@skyway.example",
)


def en(text: str) -> Phrase:
    return Phrase(text, "en")


def numbers(low: int, high: int) -> tuple[StepView, ...]:
    return tuple(StepView(str(number), str(number), f"{number} of {high}") for number in range(low, high + 1))


SCORE = QuestionView(
    id="nps",
    kind=QuestionKind.NPS,
    text=en("How likely are you to recommend Skyway?"),
    steps=numbers(0, 10),
    low_label=en("Not at all likely"),
    high_label=en("Extremely likely"),
)
REASON = QuestionView("why", QuestionKind.TEXT, en("What is the main reason?"), required=False, joined=True)
OPTIONS = (OptionView("food", en("The food")), OptionView("staff", en("The staff")))
ONE = QuestionView("meal", QuestionKind.CHOICE, en("What did you come for?"), options=OPTIONS)
SEVERAL = QuestionView("liked", QuestionKind.CHOICES, en("What did you like?"), required=False, options=OPTIONS)
NINE = SlotView("2026-11-24T08:00:00+00:00", "09:00", "Tuesday 24 November 2026, 09:00")
CALL = QuestionView(
    "call",
    QuestionKind.CALL,
    en("Shall we call you?"),
    call=CallView((DayView("Tuesday 24 November 2026", (NINE,)),), 15, "Central European Time"),
)
FACES = QuestionView(
    "staff",
    QuestionKind.CSAT,
    en("How was our staff?"),
    look=Look.FACES,
    steps=tuple(StepView(str(n), str(n), f"{n} of 5", smile=(n - 3) / 2) for n in range(1, 6)),
)
EVERY_KIND = (
    SCORE,
    REASON,
    FACES,
    QuestionView("food", QuestionKind.CSAT, en("How was the food?"), look=Look.STARS, steps=numbers(1, 5)),
    QuestionView("ces", QuestionKind.CES, en("It was easy."), steps=numbers(1, 7)),
    ONE,
    SEVERAL,
    QuestionView("dish", QuestionKind.LINE, en("Which dish?")),
    CALL,
    QuestionView("ok", QuestionKind.CONSENT, en("You may publish it.")),
)
SURVEY = SurveyView(
    brand=BRAND,
    lang="en",
    questions=(SCORE, REASON),
    action="/s/token",
    why="You flew with us to Houston.",
    time_hint="2 questions, 40 seconds",
    languages=(("en", "English"), ("de", "Deutsch")),
    unsubscribe_url="/u/token",
    state=(("_lang", "en"),),
)
KIOSK = KioskView("/l/door", after_thanks=8, when_idle=30)
THANKS = ThanksView(BRAND, "en", en("Thank you, Ada."))


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and all of its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [have for name, have in self.elements if name == tag and attributes.items() <= have.items()]

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements and the names of their attributes, without any value."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def with_score(**changes: Any) -> SurveyView:
    return dataclasses.replace(SURVEY, questions=(dataclasses.replace(SCORE, **changes), REASON))


def page_of(*questions: QuestionView, **changes: Any) -> Page:
    return Page(render_survey(dataclasses.replace(SURVEY, questions=questions, **changes)))
