"""A survey: what is asked, in several languages; a version never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from survey_service.models.base import Noun, Version

QuestionId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Localised = Annotated[
    dict[LanguageCode, Annotated[str, StringConstraints(min_length=1, max_length=4000)]], Field(min_length=1)
]


class QuestionKind(StrEnum):
    """How a question is answered."""

    NPS = "nps"  # 0–10, "how likely are you to recommend"
    CSAT = "csat"  # 1–5, 1–10 or yes/no, "how satisfied were you"
    CES = "ces"  # 1–7, agreement with "… made it easy for me …" (CES 2.0)
    CHOICE = "choice"  # one of several options
    CHOICES = "choices"  # any number of them
    LINE = "line"  # a few words
    TEXT = "text"  # free words
    CALL = "call"  # "shall we call you?": one of the times that are offered
    CONSENT = "consent"  # a box to tick


WORDS = frozenset({QuestionKind.LINE, QuestionKind.TEXT})  # answered in the customer's own words
OPTIONS = frozenset({QuestionKind.CHOICE, QuestionKind.CHOICES})


@dataclass(frozen=True, slots=True)
class Scale:
    """The whole numbers from `low` to `high`, higher is better; `label` is how it is stored with each answer."""

    low: int
    high: int
    label: str

    @property
    def values(self) -> range:
        """Every number of the scale."""
        return range(self.low, self.high + 1)

    @property
    def is_yes_or_no(self) -> bool:
        """Whether 1 stands for yes and 0 for no."""
        return self.label == YES_NO


YES_NO = "yes-no"
CsatScale = Literal["1-5", "1-10", "yes-no"]
_CSAT: dict[CsatScale, Scale] = {
    "1-5": Scale(1, 5, "1-5"),
    "1-10": Scale(1, 10, "1-10"),
    "yes-no": Scale(0, 1, YES_NO),
}
_NPS, _CES = Scale(0, 10, "0-10"), Scale(1, 7, "1-7")


def scale_of(kind: QuestionKind, csat: CsatScale | None = None) -> Scale | None:
    """The numbers that a kind of question is answered with, `csat` chooses among its own; None if it has none."""
    match kind:
        case QuestionKind.NPS:
            return _NPS
        case QuestionKind.CES:
            return _CES
        case QuestionKind.CSAT:
            return _CSAT[csat or "1-5"]
        case _:
            return None


class Look(StrEnum):
    """How the steps of a satisfaction scale are drawn; the answer is the same number."""

    NUMBERS = "numbers"
    STARS = "stars"
    FACES = "faces"


class Option(Noun):
    """One thing to choose; `id` is what is stored."""

    id: QuestionId
    text: Localised


class CallOffer(Noun):
    """When we could call: free times of the brand's week, each `minutes` long, in the brand's zone."""

    windows: dict[str, tuple[str, ...]] = Field(min_length=1, max_length=14)  # such as {"mon-fri": ["09:00-17:00"]}
    minutes: int = Field(default=15, ge=5, le=240)
    notice: str = "PT4H"  # the earliest offered time lies this far ahead
    days: int = Field(default=5, ge=1, le=30)  # the last one lies at most so many days ahead
    most: int = Field(default=8, ge=1, le=40)  # times that are offered at once, spread over the days


class Question(Noun):
    """One question; `low_label` and `high_label` name the ends of its scale."""

    id: QuestionId
    kind: QuestionKind
    text: Localised
    required: bool = True
    scale: CsatScale | None = None  # of a csat question; None: 1-5
    look: Look = Look.NUMBERS
    low_label: Localised | None = None
    high_label: Localised | None = None
    options: tuple[Option, ...] = Field(default=(), max_length=30)
    call: CallOffer | None = None
    show_if: str | None = Field(default=None, max_length=2000)

    @property
    def metric(self) -> Scale | None:
        """The numbers to choose from; None for a question that measures nothing."""
        return scale_of(self.kind, self.scale)

    @property
    def takes_words(self) -> bool:
        """Whether it is answered in the customer's own words."""
        return self.kind in WORDS

    @property
    def can_be_texted(self) -> bool:
        """Whether a text message can ask it: a metric, or words."""
        return self.metric is not None or self.takes_words


class EmailTexts(Noun):
    """The words of the mail; what is missing is filled by the service's own."""

    subject: Localised | None = None
    intro: Localised | None = None


class SmsTexts(Noun):
    """The words of the text message."""

    text: Localised | None = None


class Messages(Noun):
    """Texts by channel."""

    email: EmailTexts = EmailTexts()
    sms: SmsTexts = SmsTexts()


class ScoreReply(Noun):
    """What is said to those whose score lies between `low` and `high`, both included.

    It stands on the thank-you page at once; where `send`, it also leaves as a message once the answer is finished, in
    the name of `person`, one of our people.
    """

    low: int
    high: int
    text: Localised
    send: bool = False
    person: str | None = Field(default=None, min_length=1, max_length=100)


class SurveyContent(Noun):
    """What a caller PUTs."""

    name: str = Field(min_length=1, max_length=200)
    brand: str = Field(min_length=1, max_length=100)
    default_language: LanguageCode = "en"
    primary: QuestionId
    questions: tuple[Question, ...] = Field(min_length=1, max_length=50)
    dimensions: dict[QuestionId, str] = Field(default_factory=dict, max_length=20)
    messages: Messages = Messages()
    replies: tuple[ScoreReply, ...] = Field(default=(), max_length=20)  # by the primary question's score
    thanks: Localised | None = None  # where no reply fits
    finish_after: str = "P1D"  # without another answer for so long, what is there is taken for the whole
    anonymous: bool = Field(default=False, description="Nothing is stored that leads from an answer to who gave it")

    @cached_property
    def primary_question(self) -> Question:
        """The metric question whose value is the score."""
        return next(question for question in self.questions if question.id == self.primary)

    def words_in(self, answers: Mapping[str, object]) -> list[str]:
        """What was said in the customer's own words, in the order of the questions."""
        said = (answers.get(question.id) for question in self.questions if question.takes_words)
        return [text for text in said if isinstance(text, str)]

    def reply_to(self, score: int | None) -> ScoreReply | None:
        """What is said to this score; None where nothing is."""
        if score is None:
            return None
        return next((reply for reply in self.replies if reply.low <= score <= reply.high), None)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages of the primary question, the default one first."""
        offered = self.primary_question.text
        return (self.default_language, *(code for code in offered if code != self.default_language))


class Survey(Version, SurveyContent):
    """One version of a survey."""

    survey: str
