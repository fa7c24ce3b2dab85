"""Views: a survey, its brand and what is known of the visitor go in; the view models of the pages come out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from survey_service.answering.flow import Fault
from survey_service.models.brand import Brand
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Question, Survey
from survey_service.pages.assets import brand_css_url, render_brand_css
from survey_service.pages.look import BrandView, QuestionView, SurveyView, ThanksView
from survey_service.texts.filling import Links, filler, why_we_ask
from survey_service.texts.locales import LANGUAGE_NAMES, localised
from survey_service.texts.sentences import thanks_sentence, time_hint
from survey_service.texts.words import words_in


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a survey for one visitor; `invitation` is None in a preview."""

    survey: Survey
    brand: Brand
    invitation: Invitation | None
    language: str
    page: Sequence[Question]
    action: str  # where the form is posted to, without a query
    opt_out_url: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)


def brand_view(brand: Brand) -> BrandView:
    """The brand as pages show it."""
    css = render_brand_css(brand.colors.accent, brand.colors.on_accent)
    return BrandView(
        name=brand.name,
        css_url=brand_css_url(brand.id, css),
        logo_url=brand.logo_url,
        postal_address=brand.postal_address,
        privacy_url=brand.privacy_url,
        contact=brand.contact,
    )


def survey_view(sheet: Sheet) -> SurveyView:
    """The page with its questions, what was chosen or typed, and what to put right."""
    survey, language = sheet.survey, sheet.language
    fill = filler(sheet.brand, survey, sheet.invitation, Links())
    return SurveyView(
        brand=brand_view(sheet.brand),
        lang=language,
        questions=tuple(_question_view(question, sheet, fill) for question in sheet.page),
        action=f"{sheet.action}?lang={language}",
        why=why_we_ask(sheet.invitation, sheet.brand, language),
        time_hint=time_hint([question.kind for question in sheet.page], words_in(language)),
        languages=tuple((code, LANGUAGE_NAMES[code]) for code in survey.languages),
        unsubscribe_url=sheet.opt_out_url,
        preview=sheet.invitation is None,
    )


def thanks_view(sheet: Sheet, score: int | None) -> ThanksView:
    """The page after the last answer: the survey's own words, else a sentence that fits the score."""
    survey, language = sheet.survey, sheet.language
    words = words_in(language)
    if survey.thanks:
        text = localised(survey.thanks, language, survey.default_language)[0]
        message = filler(sheet.brand, survey, sheet.invitation, Links())(text)
    else:
        message = thanks_sentence(survey.primary_question.kind, score, words)
    return ThanksView(
        brand=brand_view(sheet.brand),
        lang=language,
        message=message,
        unsubscribe_url=sheet.opt_out_url,
        preview=sheet.invitation is None,
    )


def _question_view(question: Question, sheet: Sheet, fill: Callable[[str], str]) -> QuestionView:
    language, default = sheet.language, sheet.survey.default_language
    text, lang = localised(question.text, language, default)
    low, high = question.low_label, question.high_label
    return QuestionView(
        id=question.id,
        kind=question.kind,
        text=fill(text),
        lang=lang,
        required=question.required,
        low_label=fill(localised(low, language, default)[0]) if low else None,
        high_label=fill(localised(high, language, default)[0]) if high else None,
        value=sheet.values.get(question.id),
        error=_fault_sentence(question, sheet.faults.get(question.id), language),
    )


def _fault_sentence(question: Question, fault: Fault | None, language: str) -> str | None:
    words = words_in(language)
    if fault is None:
        return None
    if fault is Fault.TOO_LONG:
        return words("This is longer than we can take. Please shorten it.")
    return words("Please choose a number.") if question.scale else words("Please write a few words.")
