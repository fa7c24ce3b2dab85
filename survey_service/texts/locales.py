"""What languages are there and wanted comes in; which one to use, and how it is written, goes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as format_date_in_locale
from babel.localedata import locale_identifiers

# The primary subtag of BCP 47 (RFC 5646, section 2.1), also as POSIX writes it (`de_AT.UTF-8`).
_PRIMARY = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_.@\s]|$)")


def language_of(locale: str | None) -> str | None:
    """The language of a locale, in lower case: `de-AT` is in `de`. None when the text names none; never raises."""
    match = _PRIMARY.match(locale or "")
    return match[1].lower() if match else None


def choose_language(wanted: Iterable[str | None], available: Collection[str], default: str) -> str:
    """The available language that serves the first of the wanted locales that any does, spelled as in `available`.

    A locale is served best by itself, then by less and less of it (RFC 4647, section 3.4), at last by another region
    of its language. `default` when none is served.
    """
    by_tag = {_tag(language): language for language in available}
    for locale in wanted:
        tag = _tag(locale or "")
        while tag:
            if tag in by_tag:
                return by_tag[tag]
            tag = tag.rpartition("-")[0]
        language = language_of(locale)
        for other, spelled in by_tag.items():
            if language and language_of(other) == language:
                return spelled
    return default


def localised(texts: Mapping[str, str], language: str, default: str) -> tuple[str, str]:
    """The text for a language and the language it is in; `default` must have a text (KeyError)."""
    chosen = choose_language([language], texts, default)
    return texts[chosen], chosen


def spoken_text(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    """The text for a language and the language it is in: English or the first there is, where that one has none."""
    chosen = choose_language([language, "en"], texts, next(iter(texts)))
    return texts[chosen], chosen


def text_direction(lang: str) -> Literal["ltr", "rtl"]:
    """How the language is written, for HTML's `dir`; left to right when the language is unknown."""
    return "rtl" if _locale(lang).text_direction == "rtl" else "ltr"


def format_date(instant: datetime, zone: tzinfo, language: str) -> str:
    """The day of an instant in a zone, written out: `2. Januar 2013`; in English when the language is unknown."""
    return _written_out(instant.astimezone(zone).date(), language)


@lru_cache(maxsize=4096)
def _written_out(day: date, language: str) -> str:
    return format_date_in_locale(day, format="long", locale=_locale(language))


class _OwnNames(Mapping[str, str]):
    """Names that are looked up when asked for, since loading every locale takes a second."""

    def __getitem__(self, code: str) -> str:
        locale = _known_locale(code)
        name = locale.get_display_name(locale) if locale else None
        if not name:
            raise KeyError(code)
        return name[0].upper() + name[1:]

    def __iter__(self) -> Iterator[str]:
        return (identifier.replace("_", "-") for identifier in locale_identifiers())

    def __len__(self) -> int:
        return len(locale_identifiers())


LANGUAGE_NAMES: Mapping[str, str] = _OwnNames()
"""What each language calls itself, as a menu shows it: `de` is Deutsch, `pt-BR` is Português (Brasil)."""


def _tag(locale: str) -> str:
    """The locale in the one spelling that can be compared."""
    return locale.strip().replace("_", "-").lower()


@lru_cache(maxsize=1024)
def _known_locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def _locale(tag: str) -> Locale:
    """The locale itself, else its language, else English."""
    return _known_locale(tag) or _known_locale(language_of(tag) or "en") or Locale("en")
