"""The language of a comment: certain from a sentence on, else that of the response."""

from __future__ import annotations

import pytest

from survey_service.reporting.comment_languages import language_of_comment
from tests.support.hostile import HOSTILE, LONG, SURROGATE


@pytest.mark.parametrize(
    ("comment", "answered_in", "language"),
    [
        ("The staff was friendly but we waited forty minutes at the gate.", "de", "en"),
        ("Das Personal war freundlich, aber wir haben lange gewartet.", "en", "de"),
        ("El personal fue muy amable, pero esperamos mucho.", "en", "es"),
        ("Le personnel était aimable mais l'attente trop longue.", "en", "fr"),
        ("O atendimento foi bom mas a fila estava enorme.", "en", "pt"),
        ("الخدمة ممتازة وشكرا لكم على كل شيء", "en", "ar"),
        ("LIEFERUNG KAM ZWEI TAGE ZU SPÄT UND NIEMAND SAGTE WAS", "en", "de"),
        ("ok", "de-AT", "de"),
        ("nice crew", "fr", "fr"),
        ("👍👍👍👍👍👍👍👍👍👍👍👍", "pt-BR", "pt"),
        ("12345 67890 12345", "es", "es"),
        ("", "en", "en"),
        ("ok", "???", "und"),
        ("fint", "nb-NO", "no"),
        ("Mannskapet var hyggelig, men vi måtte vente veldig lenge på bagasjen.", "en", "no"),
        ("dobro", "sr-RS", "hr"),
        ("super", "bs", "hr"),
        ("Osoblje je bilo ljubazno, ali smo predugo čekali na prtljag.", "sr-RS", "hr"),
    ],
)
def test_a_sentence_tells_its_language_and_a_few_words_are_in_that_of_the_response(
    comment: str, answered_in: str, language: str
) -> None:
    assert language_of_comment(comment, answered_in) == language


@pytest.mark.parametrize("text", [*HOSTILE.values(), *LONG.values(), SURROGATE])
def test_every_text_is_in_some_language(text: str) -> None:
    assert language_of_comment(text, "en").isalpha()
