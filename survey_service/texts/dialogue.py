"""What is to be said in a text message comes in; the message goes out, in signs that keep it cheap. Pure."""

from __future__ import annotations

from collections.abc import Callable

from survey_service.models.brand import Brand
from survey_service.models.survey import Question, Scale, Survey
from survey_service.texts.locales import localised
from survey_service.texts.printable import one_line
from survey_service.texts.segments import fold_typography
from survey_service.texts.sentences import reply_hint, thanks_sentence
from survey_service.texts.words import Words, words_in

Fill = Callable[[str], str]


def opening_text(question: Question, survey: Survey, brand: Brand, language: str, fill: Fill) -> str:
    """The first message to somebody who wrote first: who asks, the question, and how to end it."""
    words = words_in(language)
    return f"{one_line(brand.name)}: {question_text(question, survey, language, fill)} {words('STOP to opt out')}"


def question_text(question: Question, survey: Survey, language: str, fill: Fill) -> str:
    """A question, and the scale of a metric one."""
    text = one_line(fill(localised(question.text, language, survey.default_language)[0]))
    if question.metric is None:
        return text
    return f"{text} {reply_hint(question.metric, words_in(language))}."


def correction_text(question: Question, survey: Survey, language: str, fill: Fill) -> str:
    """A friendly word on what can be understood."""
    words = words_in(language)
    if question.metric is None:
        return words("Sorry, we can read nothing but words here. Please reply with a few words.")
    hint = _scale_hint(question, question.metric, survey, language, fill)
    return f"{words('Sorry, we did not understand that.')} {hint}"


def link_text(url: str, language: str) -> str:
    """Where the page is that asks the same."""
    return words_in(language)("Perhaps it is easier here: {url}", url=url)


def thanks_text(survey: Survey, score: int | None, language: str, fill: Fill) -> str:
    """The survey's reply to the score, else its thanks, else a sentence that fits the score."""
    reply = survey.reply_to(score)
    texts = reply.text if reply else survey.thanks
    if texts is not None:
        return fill(localised(texts, language, survey.default_language)[0])
    return thanks_sentence(survey.primary_question.metric, score, words_in(language))


def more_text(url: str, n: int, language: str) -> str:
    """Where the `n` questions are that a text message cannot ask."""
    return words_in(language).count("One more question here: {url}", "{n} more questions here: {url}", n, url=url)


def help_text(brand: Brand, language: str) -> str:
    """Who writes, how to reach a person, and how to end it."""
    words = words_in(language)
    contact = brand.contact or brand.reply_to or brand.privacy_url
    who = words("{brand} asks how it went.", brand=brand.name)
    reach = words("Contact: {contact}.", contact=contact) if contact else ""
    return " ".join(part for part in (who, reach, _way_out(words)) if part)


def welcome_text(brand: Brand, language: str) -> str:
    """That messages will come again, and how to end it."""
    words = words_in(language)
    again = words("{brand}: you will get messages from us again.", brand=brand.name)
    return f"{again} {_way_out(words)}"


def finished_text(text: str, language: str, *, with_way_out: bool) -> str:
    """The message as it is sent; `with_way_out` says how to end it, for those who spoke of stopping."""
    return fold_typography(f"{text} {_way_out(words_in(language))}" if with_way_out else text)


def _way_out(words: Words) -> str:
    return words("To get no more messages, reply STOP.")


def _scale_hint(question: Question, scale: Scale, survey: Survey, language: str, fill: Fill) -> str:
    """What to reply with, and what the ends of the scale mean where the survey names both."""
    words = words_in(language)
    if scale.is_yes_or_no:
        return words("Please reply yes or no.")
    if question.low_label is None or question.high_label is None:
        return words("Please reply with a number from {low} to {high}.", low=scale.low, high=scale.high)
    low, high = (
        one_line(fill(localised(label, language, survey.default_language)[0]))
        for label in (question.low_label, question.high_label)
    )
    return words(
        "Please reply with a number from {low} ({low_label}) to {high} ({high_label}).",
        low=scale.low,
        low_label=low,
        high=scale.high,
        high_label=high,
    )
