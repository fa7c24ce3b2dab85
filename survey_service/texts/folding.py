"""A text as it was typed comes in; the same text reduced to what was meant goes out: small letters without accents, and
ASCII digits. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# What compatibility decomposition (UAX #15, NFKD) leaves apart although people mean the same by it. Apostrophes go, so
# that "dont" and "don't" are one word, whichever of the many characters the phone put there.
_MEANT = {
    "🔟": "10",
    "−": "-",
    "⁄": "/",
    "_": " ",
    "\u066b": ".",  # ARABIC DECIMAL SEPARATOR
    "،": ",",
    "、": ",",
    "。": ".",
    "؟": "?",
    **dict.fromkeys("'’‘‛ʼ`´′", ""),
}
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs"})  # accents, keycaps, bidi and zero-width marks, controls, surrogates
_QUOTES = frozenset({"Pi", "Pf"})
_SPACES = " \n"
_LONGEST = 4  # characters that one may stand for; the ligatures of whole sentences (U+FDFA: 18) stay as they are


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is the folded `source`; character i of it came from `source[origins[i]]`, and the last origin is the end.

    Runs of white space are one space, or one line break where they hold any.
    """

    source: str
    text: str
    origins: tuple[int, ...]

    def written(self, start: int, end: int | None = None) -> str:
        """The part of the source that stands for `text[start:end]`."""
        return self.source[self.origins[start] : self.origins[len(self.text) if end is None else end]]


def fold(source: str) -> Folded:
    """Fold each character by itself, so the work grows with the length alone, however marks are stacked."""
    characters: list[str] = []
    origins: list[int] = []
    for origin, character in enumerate(source):
        for plain in _plain(character):
            if plain in _SPACES and (not characters or characters[-1] in _SPACES):
                if plain == "\n" and characters:
                    characters[-1] = plain
            else:
                characters.append(plain)
                origins.append(origin)
    if characters and characters[-1] in _SPACES:
        characters.pop()
        origins.pop()
    return Folded(source, "".join(characters), (*origins, len(source)))


@lru_cache(maxsize=2048)
def _plain(character: str) -> str:
    if character in _MEANT:
        return _MEANT[character]
    parts = unicodedata.normalize("NFKD", character)
    return "".join(map(_plain_part, parts)) if len(parts) <= _LONGEST else character


def _plain_part(part: str) -> str:
    if part.isspace():
        return "\n" if part in "\n\r\x0b\x0c\u2028\u2029" else " "
    category = unicodedata.category(part)
    if category in _UNSEEN:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(part))
    if category == "Pd":
        return "-"
    if category in _QUOTES:
        return '"'
    return _MEANT.get(part, part.casefold())
