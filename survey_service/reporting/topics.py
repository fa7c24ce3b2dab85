"""Topics with their words come in once; which of them a comment is about goes out, in one pass over its words. Pure."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from survey_service.models.topic import TopicContent
from survey_service.reporting.comment_languages import known_as
from survey_service.reporting.comment_words import Stretch, Word, stretches_of

MOST_WORDS = 4  # of a phrase
LEAST_LETTERS = 3  # before a `*`
ANY_ENDING = "*"


class PhraseInvalid(ValueError):
    """A phrase that could find nothing, or nearly everything; `rule` is a stable code."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Phrase(tuple[str, ...]):
    """Folded words in a row; one that ends in `*` stands for all words that begin so."""

    __slots__ = ()


def read_phrase(text: str) -> Phrase:
    """A phrase as the configuration writes it: `queue`, `wait*`, `on time`; capitals and accents make no difference.

    Raises:
        PhraseInvalid: it has no words or too many, a `*` anywhere but behind a word, or too little before one.
    """
    words: list[str] = []
    for part in text.split():
        found = [word.text for stretch in stretches_of(part.rstrip(ANY_ENDING)) for word in stretch.words]
        if ANY_ENDING in part:
            if part.count(ANY_ENDING) > 1 or not part.endswith(ANY_ENDING):
                raise PhraseInvalid("wildcard", "has a * that does not stand behind a word")
            if not found or len(found[-1]) < LEAST_LETTERS:
                raise PhraseInvalid("wildcard", f"has a * with fewer than {LEAST_LETTERS} letters before it")
            found[-1] += ANY_ENDING
        words += found
    if not words:
        raise PhraseInvalid("empty", "has no letters and no digits")
    if len(words) > MOST_WORDS:
        raise PhraseInvalid("length", f"has {len(words)} words; a phrase may have {MOST_WORDS}")
    return Phrase(words)


class TopicFinder:
    """The topics of one revision, ready to be found: by the first word of each of their phrases."""

    def __init__(self, topics: Mapping[str, TopicContent]) -> None:
        phrases: defaultdict[str, list[tuple[Phrase, str]]] = defaultdict(list)
        for name, topic in topics.items():
            for language, words in topic.words.items():
                for text in words:
                    # Another version of the service may have allowed more.
                    with contextlib.suppress(PhraseInvalid):
                        phrases[known_as(language)].append((read_phrase(text), name))
        self._by_language = {language: _Beginnings(found) for language, found in phrases.items()}

    def topics_of(self, stretches: Sequence[Stretch], language: str) -> tuple[str, ...]:
        """The topics of a comment of that language, sorted."""
        beginnings = self._by_language.get(known_as(language))
        if beginnings is None:
            return ()
        return tuple(sorted({name for stretch in stretches for name in beginnings.found_in(stretch.words)}))


class _Beginnings:
    def __init__(self, phrases: Iterable[tuple[Phrase, str]]) -> None:
        self._exact: defaultdict[str, list[tuple[Phrase, str]]] = defaultdict(list)
        self._open: defaultdict[str, list[tuple[Phrase, str]]] = defaultdict(list)
        for phrase, name in phrases:
            first = phrase[0]
            if first.endswith(ANY_ENDING):
                self._open[first.removesuffix(ANY_ENDING)].append((phrase, name))
            else:
                self._exact[first].append((phrase, name))
        self._lengths = sorted({len(beginning) for beginning in self._open})

    def found_in(self, words: Sequence[Word]) -> Iterable[str]:
        for place, word in enumerate(words):
            begun = [*self._exact.get(word.text, ())]
            for length in self._lengths:
                begun += self._open.get(word.text[:length], ()) if len(word.text) >= length else ()
            for phrase, name in begun:
                if _goes_on(phrase, words, place):
                    yield name


def _goes_on(phrase: Phrase, words: Sequence[Word], place: int) -> bool:
    rest = words[place + 1 : place + len(phrase)]
    if len(rest) < len(phrase) - 1:
        return False
    return all(_fits(wanted, word.text) for wanted, word in zip(phrase[1:], rest, strict=True))


def _fits(wanted: str, word: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith(ANY_ENDING) else word == wanted
