"""The interface's words: every sentence in every language, and nothing read from outside the catalogues."""

from __future__ import annotations

import re
import string
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import survey_service
from survey_service.models.survey import YES_NO, QuestionKind, Scale
from survey_service.texts.sentences import thanks_sentence, time_hint
from survey_service.texts.words import CATALOGUES, LANGUAGES, words_in

PACKAGE = Path(survey_service.__file__).parent
TRANSLATED = sorted(LANGUAGES - {"en"})
SENTENCE = re.compile(r"""(?:\b_|words|words_in\([\w.]+\))(?:\.count)?\(\s*(["'])(.+?)\1""")


def catalogue(lang: str) -> Catalog:
    with (CATALOGUES / f"{lang}.po").open("rb") as source:
        return read_po(source, locale=lang, abort_invalid=True)


def said_by_the_interface() -> set[str]:
    sources = [path for kind in ("*.py", "*.html", "*.mjml", "*.txt") for path in PACKAGE.rglob(kind)]
    found = {sentence for path in sources for _, sentence in SENTENCE.findall(path.read_text("utf-8"))}
    return found - {"English sentence"}  # of a docstring


def messages(lang: str) -> list[Message]:
    """What a catalogue translates, without its header."""
    return [message for message in catalogue(lang) if message.id]


def forms(sentences: object) -> list[str]:
    """The forms of a message: one, or singular and plural."""
    return [str(form) for form in sentences] if isinstance(sentences, tuple | list) else [str(sentences)]


def fields(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_the_interface_speaks_the_languages_that_are_promised() -> None:
    assert {"en", "de", "es", "fr", "pt", "ar"} == LANGUAGES


@pytest.mark.parametrize("lang", TRANSLATED)
def test_the_sentences_of_the_interface_are_translated_and_no_others(lang: str) -> None:
    known = {forms(message.id)[0] for message in messages(lang)}
    assert known == said_by_the_interface()


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_translation_is_final_and_fills_the_same_names(lang: str) -> None:
    for message in messages(lang):
        source, translations = forms(message.id)[-1], forms(message.string)
        assert not message.fuzzy
        assert all(translations), message.id
        assert fields(translations[-1]) == fields(source), message.id
        # What holds for one number alone may spell it out: "one question".
        for form in translations[:-1]:
            assert fields(source) - {"n"} <= fields(form) <= fields(source), message.id


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_sentence_that_counts_has_a_form_for_each_kind_of_number(lang: str) -> None:
    counting = [message for message in messages(lang) if len(forms(message.id)) == 2]
    assert counting
    assert {len(forms(message.string)) for message in counting} == {catalogue(lang).num_plurals}


@pytest.mark.parametrize("lang", TRANSLATED)
def test_numbers_that_the_language_treats_alike_share_a_form(lang: str) -> None:
    numbered, compiled = catalogue(lang), BytesIO()
    numbered.add(("{n} form", "{n} forms"), [str(form) for form in range(numbered.num_plurals)])
    write_mo(compiled, numbered)
    compiled.seek(0)
    written = GNUTranslations(compiled)
    pairs = {(Locale(lang).plural_form(n), written.ngettext("{n} form", "{n} forms", n)) for n in range(1, 250)}
    assert len({kind for kind, _ in pairs}) == len({form for _, form in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("tag", "send"),
    [
        ("de", "Absenden"),
        ("de-AT", "Absenden"),
        ("ES", "Enviar"),
        ("fr-CA", "Envoyer"),
        ("pt-BR", "Enviar"),
        ("ar-EG", "إرسال"),
        ("fy", "Send"),
        ("../de", "Send"),
        ("", "Send"),
    ],
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
    ("scale", "score", "part"),
    [
        (Scale(0, 10, "0-10"), 9, "glad"),
        (Scale(0, 10, "0-10"), 7, "better next time"),
        (Scale(0, 10, "0-10"), 6, "sorry"),
        (Scale(1, 5, "1-5"), 4, "glad"),
        (Scale(1, 5, "1-5"), 2, "sorry"),
        (Scale(1, 10, "1-10"), 9, "glad"),
        (Scale(1, 10, "1-10"), 8, "better next time"),
        (Scale(0, 1, YES_NO), 1, "glad"),
        (Scale(0, 1, YES_NO), 0, "sorry"),
        (Scale(1, 7, "1-7"), 5, "glad"),
        (Scale(1, 7, "1-7"), 3, "sorry"),
        (Scale(0, 10, "0-10"), None, "read every answer"),
        (None, None, "read every answer"),
    ],
)
def test_thanks_fit_the_score(scale: Scale | None, score: int | None, part: str) -> None:
    assert part in thanks_sentence(scale, score, words_in("en"))


@pytest.mark.parametrize(
    ("lang", "n", "reply"),
    [
        ("en", 1, "One question, 20 seconds"),
        ("ar", 1, "سؤال واحد، 20 ثانية"),
        ("ar", 2, "سؤالان، 30 ثانية"),
        ("ar", 3, "3 أسئلة، 40 ثانية"),
        ("fr", 2, "2 questions, 30 secondes"),
        ("pt-BR", 2, "2 perguntas, 30 segundos"),
    ],
)
def test_a_number_takes_the_form_of_the_language(lang: str, n: int, reply: str) -> None:
    assert time_hint([QuestionKind.NPS] * n, words_in(lang)) == reply
