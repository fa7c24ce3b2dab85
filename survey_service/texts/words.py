"""A language comes in; the interface's own words in it go out, from the gettext catalogues beside this module.

A catalogue is read as its `.po` source, so there is nothing to compile and nothing to go stale: a new language is one
more file. The English sentence is the message id; `{names}` in it are filled with values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from survey_service.texts.locales import language_of

CATALOGUES = Path(__file__).parent / "catalogues"
LANGUAGES = frozenset({"en", *(path.stem for path in CATALOGUES.glob("*.po"))})


@dataclass(frozen=True, slots=True)
class Words:
    """The interface in one language; call it with an English sentence."""

    lang: str
    _translations: NullTranslations

    def __call__(self, sentence: str, /, **values: object) -> str:
        """The sentence in this language, with its `{names}` filled; values are inserted, never read."""
        return self._translations.gettext(sentence).format(**values)

    def count(self, singular: str, plural: str, n: int, /, **values: object) -> str:
        """The form of the sentence for `n` things; `{n}` is filled as well."""
        return self._translations.ngettext(singular, plural, n).format(n=n, **values)


def words_in(lang: str) -> Words:
    """The words for a language tag such as `de` or `de-AT`; English where there is no catalogue."""
    language = language_of(lang)
    return _load(language if language and language in LANGUAGES else "en")


@cache
def _load(language: str) -> Words:
    if language == "en":
        return Words(language, NullTranslations())
    with (CATALOGUES / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Words(language, GNUTranslations(compiled))
