"""A metric question and the words of a language come in; the steps of its scale, each with a name, go out. Pure."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence

from survey_service.models.survey import Look, Question, QuestionKind, Scale
from survey_service.pages.look import Phrase, StepView
from survey_service.texts.words import Words

# Where one meaning ends and the next begins, as a share of the scale; both halves mirror each other.
_BOUNDS = (0.15, 0.45, 0.55, 0.85)


def steps_of(question: Question, low: Phrase | None, high: Phrase | None, words: Words) -> tuple[StepView, ...]:
    """The steps in the order in which they are read; `low` and `high` are what the survey calls its ends.

    Those who hear the page get each step by its number and its meaning: "9 of 10, very likely".
    """
    scale = question.metric
    if scale is None:
        return ()
    faces = question.look is Look.FACES
    if scale.is_yes_or_no:
        answers = (("1", words("Yes"), 1.0), ("0", words("No"), -1.0))
        return tuple(StepView(value, text, text, smile if faces else None) for value, text, smile in answers)
    ends = {scale.low: low, scale.high: high}
    return tuple(
        StepView(
            value=str(number),
            shown=str(number),
            name=_name(question, number, scale, ends.get(number), words),
            smile=_share(number, scale) * 2 - 1 if faces else None,
        )
        for number in scale.values
    )


def _name(question: Question, number: int, scale: Scale, end: Phrase | None, words: Words) -> str:
    if question.look is Look.STARS:
        place = words("{number} of {highest} stars", number=number, highest=scale.high)
        meaning = end.text if end else ""
    else:
        place = words("{number} of {highest}", number=number, highest=scale.high)
        meaning = end.text if end else _meanings(question.kind, words)[bisect(_BOUNDS, _share(number, scale))]
    return f"{place}, {meaning}" if meaning else place


def _share(number: int, scale: Scale) -> float:
    return (number - scale.low) / (scale.high - scale.low)


def _meanings(kind: QuestionKind, words: Words) -> Sequence[str]:
    match kind:
        case QuestionKind.NPS:
            return (
                words("very unlikely"),
                words("unlikely"),
                words("neither likely nor unlikely"),
                words("likely"),
                words("very likely"),
            )
        case QuestionKind.CES:
            return (
                words("I disagree strongly"),
                words("I disagree"),
                words("I neither agree nor disagree"),
                words("I agree"),
                words("I agree strongly"),
            )
        case _:
            return (
                words("very dissatisfied"),
                words("dissatisfied"),
                words("neither satisfied nor dissatisfied"),
                words("satisfied"),
                words("very satisfied"),
            )
