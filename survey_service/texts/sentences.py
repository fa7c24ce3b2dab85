"""What is asked, or was answered, comes in; the sentence that the service itself says about it goes out."""

from __future__ import annotations

from collections.abc import Sequence

from survey_service.models.survey import QuestionKind
from survey_service.texts.words import Words

_OPENING_SECONDS = 10
_SECONDS = {QuestionKind.NPS: 10, QuestionKind.CSAT: 10, QuestionKind.CES: 10, QuestionKind.TEXT: 20}
# The lowest score that counts as good, and the lowest that counts as middling.
_BANDS = {QuestionKind.NPS: (9, 7), QuestionKind.CSAT: (4, 3), QuestionKind.CES: (5, 4)}


def time_hint(kinds: Sequence[QuestionKind], words: Words) -> str:
    """How much is asked and how long it takes, such as "One question, 20 seconds"."""
    seconds = _OPENING_SECONDS + sum(_SECONDS[kind] for kind in kinds)
    if seconds < 60:
        return words.count(
            "One question, {seconds} seconds", "{n} questions, {seconds} seconds", len(kinds), seconds=seconds
        )
    minutes = -(-seconds // 60)
    return words.count(
        "One question, about {minutes} min", "{n} questions, about {minutes} min", len(kinds), minutes=minutes
    )


def thanks_sentence(kind: QuestionKind, score: int | None, words: Words) -> str:
    """One warm sentence that fits the score; for surveys that bring none of their own."""
    if score is None or kind not in _BANDS:
        return words("Thank you. We read every answer.")
    good, middling = _BANDS[kind]
    if score >= good:
        return words("Thank you. We are glad that it went well.")
    if score >= middling:
        return words("Thank you. This helps us to do better next time.")
    return words("Thank you for telling us. We are sorry that it did not go well.")
