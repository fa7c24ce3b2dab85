"""A survey: what is asked, in several languages; a version never changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

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
    CSAT = "csat"  # 1–5, "how satisfied were you"
    CES = "ces"  # 1–7, agreement with "… made it easy for me …" (CES 2.0)
    TEXT = "text"  # free words


@dataclass(frozen=True, slots=True)
class Scale:
    """The whole numbers from `low` to `high`; `label` is how it is stored with each answer."""

    low: int
    high: int

    @property
    def label(self) -> str:
        """`0-10`."""
        return f"{self.low}-{self.high}"

    @property
    def values(self) -> range:
        """Every number of the scale."""
        return range(self.low, self.high + 1)


SCALES: dict[QuestionKind, Scale] = {
    QuestionKind.NPS: Scale(0, 10),
    QuestionKind.CSAT: Scale(1, 5),
    QuestionKind.CES: Scale(1, 7),
}


class Question(Noun):
    """One question; `low_label` and `high_label` name the ends of its scale."""

    id: QuestionId
    kind: QuestionKind
    text: Localised
    required: bool = True
    low_label: Localised | None = None
    high_label: Localised | None = None
    show_if: str | None = Field(default=None, max_length=2000)

    @property
    def scale(self) -> Scale | None:
        """The numbers to choose from; None for a text question."""
        return SCALES.get(self.kind)


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


class SurveyContent(Noun):
    """What a caller PUTs."""

    name: str = Field(min_length=1, max_length=200)
    brand: str = Field(min_length=1, max_length=100)
    default_language: LanguageCode = "en"
    primary: QuestionId
    questions: tuple[Question, ...] = Field(min_length=1, max_length=50)
    dimensions: dict[QuestionId, str] = Field(default_factory=dict, max_length=20)
    messages: Messages = Messages()
    thanks: Localised | None = None

    @property
    def primary_question(self) -> Question:
        """The metric question whose value is the score."""
        return next(question for question in self.questions if question.id == self.primary)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the primary question, the default one first."""
        offered = self.primary_question.text
        return (self.default_language, *(code for code in offered if code != self.default_language))


class Survey(Version, SurveyContent):
    """One version of a survey."""

    survey: str
