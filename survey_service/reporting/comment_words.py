"""A comment comes in; its words go out, folded, in stretches that no punctuation divides. Pure.

Only so much of a comment is read, whatever its length: the work is bounded for everyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from survey_service.texts.folding import Folded, fold
from survey_service.texts.printable import one_line

LONGEST = 4_000  # characters of a comment that are read
_LONGEST_WORD = 40  # longer runs of letters are noise, and end a stretch

_ADDRESS = re.compile(r"[^\s@]{1,64}@\S+|\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE)
# Folding joins what an apostrophe divides: right for "don't", wrong where French and Italian leave out a vowel.
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|dell|nell|all|sull|un)['’](?=\w)", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_JOINS = frozenset({" ", "-"})  # between two words of one stretch


class Word(NamedTuple):
    """One word; `start` and `end` are its place in the folded text."""

    text: str
    start: int
    end: int


class Stretch(NamedTuple):
    """Words in a row; a name written over two sentences is none."""

    folded: Folded
    words: tuple[Word, ...]

    def compounds(self) -> list[tuple[int, int]]:
        """The places of the first and the last word of everything that is said as one: `check-in`, and each word."""
        found: list[tuple[int, int]] = []
        for place, word in enumerate(self.words):
            is_tied = self.folded.text[word.start - 1 : word.start] == "-"
            if found and is_tied:
                found[-1] = (found[-1][0], place)
            else:
                found.append((place, place))
        return found

    def written(self, first: int, last: int) -> str:
        """The words from one to another (included) as they were written."""
        return one_line(self.folded.written(self.words[first].start, self.words[last].end))


def stretches_of(comment: str) -> list[Stretch]:
    """The words of a comment; addresses of mail and web are left out, since they name somebody."""
    text = comment[:LONGEST]
    text = _ADDRESS.sub(".", text)
    text = _ELISION.sub(lambda match: f"{match[0][:-1]} ", text)
    folded = fold(text)
    return [Stretch(folded, words) for words in _in_rows(folded.text)]


def _in_rows(text: str) -> Iterator[tuple[Word, ...]]:
    row: list[Word] = []
    for match in _WORD.finditer(text):
        is_noise = match.end() - match.start() > _LONGEST_WORD
        if row and (is_noise or text[row[-1].end : match.start()] not in _JOINS):
            yield tuple(row)
            row = []
        if not is_noise:
            row.append(Word(match[0], match.start(), match.end()))
    if row:
        yield tuple(row)
