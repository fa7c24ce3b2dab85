"""Turns: what an incoming text says and where its conversation stands come in; what to do about it goes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from survey_service.answering.flow import Answers, next_question, texted_page
from survey_service.answering.forms import MAX_LINE
from survey_service.answering.replies import Answer, Help, OptIn, OptOut, Reading, Score, Words, read_answer
from survey_service.models.response import AnswerValue
from survey_service.models.survey import Question, QuestionKind, Survey
from survey_service.texts.printable import one_line

MOST_MISREAD = 2  # texts of one conversation that are answered though not understood: a correction, then the link


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a conversation stands when a text comes; `survey` is None where nothing is open."""

    survey: Survey | None = None
    answers: Answers = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)
    misread: int = 0  # texts of this conversation that were not understood
    begun: bool = False  # by this very text, with a keyword: the person was not asked yet
    newer_ended: bool = False  # a later conversation is over: all but a score would be meant for that one
    silenced: bool = False  # the person opted out

    @property
    def question(self) -> Question | None:
        """What the person was asked last, or is to be asked next."""
        if self.survey is None:
            return None
        return next_question(self.survey, self.answers, self.asked, self.variables)


@dataclass(frozen=True, slots=True)
class StopWriting:
    """No more messages; nothing is replied."""


@dataclass(frozen=True, slots=True)
class WriteAgain:
    """Messages again, and one that says so."""


@dataclass(frozen=True, slots=True)
class GiveHelp:
    """Say who writes, and how to reach a person."""


@dataclass(frozen=True, slots=True)
class TakeAnswer:
    """Store `answers` to the questions of `page`, then ask on or say thanks; `note` is what no question asks for."""

    page: tuple[Question, ...]
    answers: Answers
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Send the question."""

    question: Question


@dataclass(frozen=True, slots=True)
class Correct:
    """Say in a friendly way what can be understood."""

    question: Question


@dataclass(frozen=True, slots=True)
class GiveLink:
    """Offer the page instead."""


@dataclass(frozen=True, slots=True)
class KeepNote:
    """Keep it on the customer, and reply nothing."""

    text: str


Turn = StopWriting | WriteAgain | GiveHelp | TakeAnswer | Ask | Correct | GiveLink | KeepNote


def next_turn(situation: Situation, reading: Reading, text: str) -> Turn:
    """What to do about a text, `text` being what was written; commands come before any answer."""
    match reading:
        case OptOut():
            return StopWriting()
        case Help():
            return GiveHelp()
        case OptIn():
            # Who gets messages anyway did not ask for them: "yes" may be an answer.
            return WriteAgain() if situation.silenced else _hear(situation, _as_answer(situation, text))
        case _:
            return _hear(situation, reading)


def _as_answer(situation: Situation, text: str) -> Answer:
    """What a text that was taken for a command says as an answer."""
    question = situation.question
    return read_answer(text, question.metric if question else None, ())


def _hear(situation: Situation, said: Answer) -> Turn:
    question = situation.question
    if situation.survey is None or question is None or (situation.newer_ended and not isinstance(said, Score)):
        return KeepNote(_words(said))
    if isinstance(said, Score) and question.metric is not None:
        return _take_score(situation, situation.survey, question, said)
    if question.takes_words and (words := _words(said)):
        answer, note = _in_words(question, words)
        return TakeAnswer((question,), {question.id: answer}, note)
    if situation.begun:
        return Ask(question)
    if situation.misread >= MOST_MISREAD:
        return KeepNote(_words(said))
    return Correct(question) if situation.misread == 0 else GiveLink()


def _take_score(situation: Situation, survey: Survey, question: Question, said: Score) -> TakeAnswer:
    """A score, and what was said beside it as the answer to the first text question that would come now."""
    answers: dict[str, AnswerValue] = {question.id: said.value}
    if said.comment is None:
        return TakeAnswer((question,), answers)
    known, asked = {**situation.answers, **answers}, (*situation.asked, question.id)
    following = texted_page(survey, known, asked, situation.variables)
    for_words = next((later for later in following if later.takes_words), None)
    if for_words is None:
        return TakeAnswer((question,), answers, note=said.comment)
    answer, note = _in_words(for_words, said.comment)
    return TakeAnswer((question, for_words), {**answers, for_words.id: answer}, note)


def _in_words(question: Question, words: str) -> tuple[str, str | None]:
    """The answer as the question takes it; where that is less than was said, also all of it for a note."""
    if question.kind is not QuestionKind.LINE:
        return words, None
    line = one_line(words)
    return line[:MAX_LINE].rstrip(), words if len(line) > MAX_LINE else None


def _words(said: Answer) -> str:
    if isinstance(said, Words):
        return said.text
    comment = said.comment if isinstance(said, Score) else None
    return f"{said.value} {comment}" if comment else str(said.value)
