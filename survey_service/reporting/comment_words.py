"""A comment comes in; its words go out, folded, in stretches that no punctuation divides. Pure.

Only so much of a comment is read, whatever its length: the work is bounded for everyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from survey_service.texts.folding import fold
from survey_service.texts.printable import one_line

LONGEST = 4_000  # characters of a comment that are read
_LONGEST_WORD = 40  # longer runs of letters are noise, and end a stretch

_ADDRESS = re.compile(r"[^\s@]{1,64}@\S+|\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE)
# Folding joins what an apostrophe divides: right for "don't", wrong where French and Italian leave out a vowel.
_ELISION = re.compile(r"\b([cdjlmnst]|qu|jusqu|lorsqu|puisqu|dell|nell|all|sull|un)['’](?=\w)", re.IGNORECASE)
_ELIDED = "\ue000"  # of private use: folding leaves it, and no word holds it
_WORD = re.compile(r"[^\W_]+")
_TIES = {"-": "-", _ELIDED: "’"}  # what may stand between two words of one stretch, besides white space


class Word(NamedTuple):
    """One word, folded and as it was written; `before` stands between it and the word before it: a space or a tie."""

    text: str
    written: str
    before: str


class Stretch(NamedTuple):
    """Words in a row; a name written over two sentences is none."""

    words: tuple[Word, ...]

    def compounds(self) -> list[tuple[int, int]]:
        """The places of the first and the last word of everything that is said as one: `check-in`, and each word."""
        found: list[tuple[int, int]] = []
        for place, word in enumerate(self.words):
            if found and word.before == "-":
                found[-1] = (found[-1][0], place)
            else:
                found.append((place, place))
        return found

    def written(self, first: int, last: int) -> str:
        """The words from one to another (included) as they were written."""
        rest = "".join(word.before + word.written for word in self.words[first + 1 : last + 1])
        return self.words[first].written + rest


def stretches_of(comment: str) -> list[Stretch]:
    """The words of a comment; addresses of mail and web are left out, since they name somebody."""
    return [Stretch(words) for words in _in_rows(_ADDRESS.sub(" . ", comment[:LONGEST]))]


def _in_rows(text: str) -> Iterator[tuple[Word, ...]]:
    row: list[Word] = []
    for chunk in text.split():
        # People use the same few words: what was folded once is remembered.
        for piece in _pieces(chunk) if len(chunk) <= _LONGEST_WORD else _pieces.__wrapped__(chunk):
            if piece is not None:
                row.append(piece)
            elif row:
                yield tuple(row)
                row = []
    if row:
        yield tuple(row)


@lru_cache(maxsize=20_000)
def _pieces(chunk: str) -> tuple[Word | None, ...]:
    """The words of what stands between two spaces, and None where a stretch ends."""
    folded = fold(_ELISION.sub(rf"\1{_ELIDED}", chunk))
    pieces: list[Word | None] = []
    end = 0
    for match in _WORD.finditer(folded.text):
        tie = _TIES.get(folded.text[end : match.start()]) if pieces and pieces[-1] else None
        if tie is None and match.start() > end:
            pieces.append(None)
        if match.end() - match.start() > _LONGEST_WORD:
            pieces.append(None)
        else:
            written = one_line(folded.written(match.start(), match.end()))
            pieces.append(Word(match[0], written, tie or " "))
        end = match.end()
    if end < len(folded.text):
        pieces.append(None)
    return tuple(pieces)
