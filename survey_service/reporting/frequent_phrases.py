"""Comments of one group of answers come in; what several people say in the same words goes out. Pure.

A phrase is one to three words in a row, none of its ends a filler. It counts once a person, however often they wrote
it, and shows from several people on: what only one of them wrote may name them. Languages without spaces between
words (Chinese, Japanese, Thai) yield whole clauses, which rarely meet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from survey_service.reporting.comment_words import Stretch, stretches_of
from survey_service.reporting.filler_words import filler_words

LEAST_PEOPLE = 3
_SIZES = (1, 2, 3)
_LEAST_LETTERS = 2
_SUBSUMED = 0.75  # of those who wrote the shorter phrase: so many wrote the longer one
_SHOWN = 200

Key = tuple[str, tuple[str, ...]]  # language and folded words


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
    read = [(comment, stretches_of(comment.text)) for comment in comments]
    by_person: defaultdict[str, set[Key]] = defaultdict(set)
    for comment, stretches in read:
        by_person[comment.person].update(key for key, _, _, _ in _phrases(stretches, comment.language))
    people = Counter(key for keys in by_person.values() for key in keys)
    frequent = {key: n for key, n in people.items() if n >= least}
    shown = sorted(_without_subsumed(frequent), key=lambda key: (-frequent[key], -len(key[1]), key))[:_SHOWN]
    written = _as_written(read, set(shown))
    return [FrequentPhrase(written[key], key[0], frequent[key]) for key in shown]


def _phrases(stretches: Sequence[Stretch], language: str) -> Iterator[tuple[Key, Stretch, int, int]]:
    fillers = filler_words(language)
    for stretch in stretches:
        places = stretch.compounds()
        texts = ["-".join(word.text for word in stretch.words[first : last + 1]) for first, last in places]
        can_end = [len(text) >= _LEAST_LETTERS and not text.isdecimal() and text not in fillers for text in texts]
        for size in _SIZES:
            for first in range(len(texts) - size + 1):
                last = first + size - 1
                if can_end[first] and can_end[last]:
                    yield (language, tuple(texts[first : last + 1])), stretch, places[first][0], places[last][1]


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


def _as_written(read: Iterable[tuple[Comment, Sequence[Stretch]]], shown: set[Key]) -> dict[Key, str]:
    """The most usual spelling of each; of two that are as usual, the first in the alphabet."""
    spellings: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for comment, stretches in read:
        for key, stretch, first, last in _phrases(stretches, comment.language):
            if key in shown:
                spellings[key][stretch.written(first, last)] += 1
    return {key: min(found, key=lambda text: (-found[text], text)) for key, found in spellings.items()}
