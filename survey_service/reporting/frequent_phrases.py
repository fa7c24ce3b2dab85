"""Comments of one group of answers come in; what several people say in the same words goes out. Pure.

A phrase is one to three words in a row, none of its ends a filler. It counts once a person, however often they wrote
it, and shows from several people on: what only one of them wrote may name them. Languages without spaces between
words (Chinese, Japanese, Thai) yield whole clauses, which rarely meet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple, TypeVar

from survey_service.reporting.comment_words import Stretch, stretches_of
from survey_service.reporting.filler_words import filler_words

LEAST_PEOPLE = 3
_MOST_UNITS = 3
_LEAST_LETTERS = 2
_SUBSUMED = 0.75  # of those who wrote the shorter phrase: so many wrote the longer one
_SHOWN = 200

Key = tuple[str, tuple[str, ...]]  # language and folded words
KeyT = TypeVar("KeyT")


class Comment(NamedTuple):
    """What somebody wrote; `person` tells people apart and goes nowhere."""

    person: str
    language: str
    text: str


class FrequentPhrase(NamedTuple):
    """A phrase as most people wrote it, and how many did."""

    text: str
    language: str
    n: int


def frequent_phrases(comments: Iterable[Comment], least: int = LEAST_PEOPLE) -> list[FrequentPhrase]:
    """The most frequent phrases that at least `least` people wrote, each language for itself.

    A shorter one that nearly always stands in a longer one is left out for it.
    """
    rows = [row for comment in comments for row in _rows(comment)]
    # What several people share begins and ends with words that they share: most phrases are never looked at.
    ends = _shared({(row.language, text) for row in of_one for text in row.ends()} for of_one in _by_person(rows))
    shared = {end for end, n in ends.items() if n >= least}
    people = _shared({key for row in of_one for key, _, _ in row.phrases(shared)} for of_one in _by_person(rows))
    frequent = {key: n for key, n in people.items() if n >= least}
    shown = sorted(_without_subsumed(frequent), key=lambda key: (-frequent[key], -len(key[1]), key))[:_SHOWN]
    written = _as_written(rows, set(shown))
    return [FrequentPhrase(written[key], key[0], frequent[key]) for key in shown]


class _Row(NamedTuple):
    """A stretch in the units that phrases are made of; `open_to` says of each whether a phrase may end with it."""

    person: str
    language: str
    stretch: Stretch
    places: list[tuple[int, int]]
    texts: list[str]
    open_to: list[bool]

    def ends(self) -> Iterator[str]:
        return (text for text, is_open in zip(self.texts, self.open_to, strict=True) if is_open)

    def phrases(self, shared: Collection[tuple[str, str]]) -> Iterator[tuple[Key, int, int]]:
        """Every phrase whose ends are shared, with the places of its first and last word."""
        can_end = [
            is_open and (self.language, text) in shared for text, is_open in zip(self.texts, self.open_to, strict=True)
        ]
        for first, begins in enumerate(can_end):
            if begins:
                for last in range(first, min(first + _MOST_UNITS, len(can_end))):
                    if can_end[last]:
                        key = self.language, tuple(self.texts[first : last + 1])
                        yield key, self.places[first][0], self.places[last][1]


def _rows(comment: Comment) -> Iterator[_Row]:
    fillers = filler_words(comment.language)
    for stretch in stretches_of(comment.text):
        places = stretch.compounds()
        texts = ["-".join(word.text for word in stretch.words[first : last + 1]) for first, last in places]
        open_to = [len(text) >= _LEAST_LETTERS and not text.isdecimal() and text not in fillers for text in texts]
        yield _Row(comment.person, comment.language, stretch, places, texts, open_to)


def _by_person(rows: Iterable[_Row]) -> Iterable[list[_Row]]:
    found: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.person].append(row)
    return found.values()


def _shared(said: Iterable[set[KeyT]]) -> Counter[KeyT]:
    """How many people said a thing, of what each of them said."""
    return Counter(thing for of_one in said for thing in of_one)


def _without_subsumed(frequent: dict[Key, int]) -> Iterator[Key]:
    """All but those within a longer one that most of the same people wrote."""
    subsumed = set()
    for (language, words), n in frequent.items():
        for size in range(1, len(words)):
            for first in range(len(words) - size + 1):
                part = language, words[first : first + size]
                if n >= _SUBSUMED * frequent.get(part, n + 1) and part in frequent:
                    subsumed.add(part)
    return (key for key in frequent if key not in subsumed)


def _as_written(rows: Iterable[_Row], shown: set[Key]) -> dict[Key, str]:
    """The most usual spelling of each; of two that are as usual, the first in the alphabet."""
    ends = {(language, words[place]) for language, words in shown for place in (0, -1)}
    spellings: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for key, first, last in row.phrases(ends):
            if key in shown:
                spellings[key][row.stretch.written(first, last)] += 1
    return {key: min(found, key=lambda text: (-found[text], text)) for key, found in spellings.items()}
