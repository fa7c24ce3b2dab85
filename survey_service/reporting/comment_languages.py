"""A comment and the language of its response come in; the language that it is written in goes out. Pure.

The guess is py3langid's, a naive Bayes classifier over byte sequences, among the languages that customers of a
European business write most. What that cannot do: languages outside that list are taken for a neighbour or, mostly,
for unsure; a comment in two languages gets one. What it cannot tell apart is one language, whoever says which it is:
Croatian, Serbian and Bosnian are `hr`, the Norwegian ones `no`. Few words ("nice crew") say too little: below
`CERTAIN`, or a few letters, the comment counts as being in the language that the survey was answered in.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from survey_service.reporting.comment_words import LONGEST
from survey_service.texts.locales import language_of

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

CERTAIN = 0.8  # of 1: how probable a guess must be
_LEAST_LETTERS = 10
_READ = min(LONGEST, 1_000)  # characters; more make it no surer
_GUESSED = frozenset(
    "ar bg cs da de el en es et fi fr he hr hu it ja ko lt lv nl no pl pt ro ru sk sl sv tr uk zh".split()  # noqa: SIM905 -- one line, not thirty
)
_READ_AS = {"nb": "no", "nn": "no", "sr": "hr", "bs": "hr"}


def language_of_comment(comment: str, answered_in: str) -> str:
    """An ISO 639 code such as `de`; `answered_in` is the locale of the response.

    It is one that `known_as` leaves as it is. The first call reads the model, which takes half a second and 80 MB: it
    belongs into a thread of a worker.
    """
    text = comment[:_READ]
    if sum(character.isalpha() for character in text) >= _LEAST_LETTERS:
        language, probability = _identifier().classify(text)
        if probability >= CERTAIN:
            return str(language)
    return known_as(language_of(answered_in) or "und")


def known_as(language: str) -> str:
    """The code that stands for a language and those that nobody here tells from it: `nb` is read as `no`."""
    return _READ_AS.get(language, language)


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # what never reads comments loads no model and no numpy

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_GUESSED)
    return identifier
