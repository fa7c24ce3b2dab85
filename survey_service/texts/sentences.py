"""What is asked, or was answered, comes in; the sentence that the service itself says about it goes out."""

from __future__ import annotations

from collections.abc import Sequence

from survey_service.models.survey import QuestionKind, Scale
from survey_service.texts.words import Words

_OPENING_SECONDS = 10
_SECONDS = {
    QuestionKind.NPS: 10,
    QuestionKind.CSAT: 10,
    QuestionKind.CES: 10,
    QuestionKind.CHOICE: 10,
    QuestionKind.CHOICES: 15,
    QuestionKind.LINE: 15,
    QuestionKind.TEXT: 20,
    QuestionKind.CALL: 20,
    QuestionKind.CONSENT: 5,
}
# By scale: the lowest score that counts as good, and the lowest that counts as middling.
BANDS = {"0-10": (9, 7), "1-5": (4, 3), "1-10": (9, 7), "yes-no": (1, 1), "1-7": (5, 4)}


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


def anonymity_sentence(words: Words) -> str:
    """What an anonymous survey promises; docs/anonymous.md says how it is kept."""
    return words(
        "This survey is anonymous: your answers are stored without your name, and shown only with those of others."
    )


def reply_hint(scale: Scale, words: Words) -> str:
    """What a text message asks for, such as "Reply 0-10"."""
    if scale.is_yes_or_no:
        return words("Reply yes or no")
    return words("Reply {low}-{high}", low=scale.low, high=scale.high)


def thanks_sentence(scale: Scale | None, score: int | None, words: Words) -> str:
    """One warm sentence that fits the score; for surveys that bring none of their own."""
    if score is None or scale is None:
        return words("Thank you. We read every answer.")
    good, middling = BANDS[scale.label]
    if score >= good:
        return words("Thank you. We are glad that it went well.")
    if score >= middling:
        return words("Thank you. This helps us to do better next time.")
    return words("Thank you for telling us. We are sorry that it did not go well.")
