"""The interface's words: every sentence in every language, and nothing read from outside the catalogues."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import survey_service
from survey_service.models.survey import QuestionKind
from survey_service.texts.sentences import thanks_sentence, time_hint
from survey_service.texts.words import CATALOGUES, LANGUAGES, words_in

PACKAGE = Path(survey_service.__file__).parent
TRANSLATED = sorted(LANGUAGES - {"en"})
SENTENCE = re.compile(r'(?:\b_|\bwords)(?:\.count)?\(\s*"([^"]+)"')


def catalogue(lang: str) -> Catalog:
    with (CATALOGUES / f"{lang}.po").open("rb") as source:
        return read_po(source, locale=lang, abort_invalid=True)


def said_by_the_interface() -> set[str]:
    sources = [path for kind in ("*.py", "*.html", "*.mjml", "*.txt") for path in PACKAGE.rglob(kind)]
    return {found for path in sources for found in SENTENCE.findall(path.read_text("utf-8"))} - {"English sentence"}


def forms(sentences: object) -> list[str]:
    """The forms of a message: one, or singular and plural."""
    return [str(form) for form in sentences] if isinstance(sentences, tuple | list) else [str(sentences)]


def fields(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_sentence_of_the_interface_is_translated(lang: str) -> None:
    known = {forms(message.id)[0] for message in catalogue(lang)}
    assert said_by_the_interface() <= known


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_translation_is_final_and_fills_the_same_names(lang: str) -> None:
    for message in catalogue(lang):
        if not message.id:
            continue
        singular_or_all, *plural = forms(message.id)
        *singular, translation = forms(message.string)
        assert not message.fuzzy
        assert all([*singular, translation]), message.id
        assert fields(translation) == fields(plural[0] if plural else singular_or_all), message.id
        assert all(fields(form) <= fields(translation) for form in singular), message.id


@pytest.mark.parametrize(
    ("tag", "send"),
    [("de", "Absenden"), ("de-AT", "Absenden"), ("ES", "Enviar"), ("fy", "Send"), ("../de", "Send"), ("", "Send")],
)
def test_a_language_without_a_catalogue_reads_english(tag: str, send: str) -> None:
    assert words_in(tag)("Send") == send


def test_a_value_is_inserted_and_never_read() -> None:
    assert words_in("en")("Hello {name},", name="{0.__class__} {name}") == "Hello {0.__class__} {name},"


@pytest.mark.parametrize(
    ("kinds", "hint"),
    [
        ([QuestionKind.NPS], "One question, 20 seconds"),
        ([QuestionKind.NPS, QuestionKind.TEXT], "2 questions, 40 seconds"),
        ([QuestionKind.CES] * 6, "6 questions, about 2 min"),
    ],
)
def test_the_hint_says_how_much_and_how_long(kinds: list[QuestionKind], hint: str) -> None:
    assert time_hint(kinds, words_in("en")) == hint


@pytest.mark.parametrize(
    ("kind", "score", "part"),
    [
        (QuestionKind.NPS, 9, "glad"),
        (QuestionKind.NPS, 7, "better next time"),
        (QuestionKind.NPS, 6, "sorry"),
        (QuestionKind.CSAT, 4, "glad"),
        (QuestionKind.CSAT, 2, "sorry"),
        (QuestionKind.CES, 5, "glad"),
        (QuestionKind.CES, 3, "sorry"),
        (QuestionKind.NPS, None, "read every answer"),
        (QuestionKind.TEXT, None, "read every answer"),
    ],
)
def test_thanks_fit_the_score(kind: QuestionKind, score: int | None, part: str) -> None:
    assert part in thanks_sentence(kind, score, words_in("en"))
