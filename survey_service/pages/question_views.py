"""A question of a sheet, what was chosen or typed, and what is wrong with it come in; its view model goes out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from survey_service.answering.forms import MAX_LINE, MAX_TEXT, Circumstances, Fault
from survey_service.models.survey import Localised, Look, Question, QuestionKind
from survey_service.pages.call_views import days_of, zone_name
from survey_service.pages.look import CallView, FaultView, OptionView, Phrase, QuestionView
from survey_service.pages.scale_views import steps_of
from survey_service.texts.locales import localised
from survey_service.texts.words import Words, words_in


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a question: in which language and zone, what fills its texts, what its form holds, what is wrong.

    `circumstances` are what an offered call depends on; without them no time is offered.
    """

    language: str
    default_language: str
    fill: Callable[[str], str]
    zone: ZoneInfo
    values: Mapping[str, str]
    faults: Mapping[str, Fault]
    circumstances: Circumstances | None = None

    def phrase(self, texts: Localised) -> Phrase:
        """A text of the survey in the reader's language, else in the survey's own."""
        text, lang = localised(texts, self.language, self.default_language)
        return Phrase(self.fill(text), lang)


def question_view(question: Question, reader: Reader, *, joined: bool = False) -> QuestionView:
    """The question as this reader sees it."""
    words = words_in(reader.language)
    low = reader.phrase(question.low_label) if question.low_label else None
    high = reader.phrase(question.high_label) if question.high_label else None
    return QuestionView(
        id=question.id,
        kind=question.kind,
        text=reader.phrase(question.text),
        required=question.required,
        value=reader.values.get(question.id, ""),
        fault=_fault(question, reader.faults.get(question.id), words),
        look=question.look,
        steps=steps_of(question, low, high, words),
        low_label=low,
        high_label=high,
        options=tuple(OptionView(option.id, reader.phrase(option.text)) for option in question.options),
        call=_call(question, reader),
        joined=joined,
    )


def _call(question: Question, reader: Reader) -> CallView | None:
    offer, present = question.call, reader.circumstances
    if offer is None:
        return None
    chosen = reader.values.get(question.id, "")
    return CallView(
        days=days_of(offer, chosen, present, reader.zone, reader.language) if present else (),
        minutes=offer.minutes,
        zone=zone_name(reader.zone, reader.language),
        phone_known=present is not None and present.phone_known,
        about=reader.values.get(f"{question.id}.about", ""),
        phone=reader.values.get(f"{question.id}.phone", ""),
    )


def _fault(question: Question, fault: Fault | None, words: Words) -> FaultView | None:
    is_call = question.kind is QuestionKind.CALL
    match fault:
        case None:
            return None
        case Fault.MISSING:
            return FaultView(question.id, _missing(question, words))
        case Fault.NOT_ON_SCALE:
            return FaultView(question.id, words("Please choose one of the answers."))
        case Fault.NOT_OFFERED if is_call:
            return FaultView(question.id, words("This time is no longer free. Please choose another one."))
        case Fault.NOT_OFFERED:
            return FaultView(question.id, words("This answer is no longer offered. Please choose another one."))
        case Fault.TOO_LONG:
            longest = MAX_LINE if question.kind is QuestionKind.LINE else MAX_TEXT
            sentence = words("Please shorten this to {most} characters.", most=longest)
            return FaultView(f"{question.id}.about" if is_call else question.id, sentence)
        case Fault.NO_PHONE:
            return FaultView(f"{question.id}.phone", words("Please tell us the number to call."))
        case Fault.BAD_PHONE:
            sentence = words("Please write the number with its country code, such as +4915123456789.")
            return FaultView(f"{question.id}.phone", sentence)


def _missing(question: Question, words: Words) -> str:
    match question.kind:
        case QuestionKind.CHOICES:
            return words("Please choose at least one answer.")
        case QuestionKind.CALL:
            return words("Please choose a time, or “No, thank you”.")
        case QuestionKind.CONSENT:
            return words("Please tick the box.")
        case QuestionKind.LINE | QuestionKind.TEXT:
            return words("Please write a few words.")
        case _:
            numbers = question.metric and not question.metric.is_yes_or_no and question.look is Look.NUMBERS
            return words("Please choose a number.") if numbers else words("Please choose one of the answers.")
