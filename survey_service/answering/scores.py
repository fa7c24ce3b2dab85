"""A folded text and a scale come in; the score that was meant and the comment beside it go out. Pure.

A number counts only where it can be nothing but the score. Prices, times, dates, counts and two numbers at once are
left alone, because to ask again costs one message and a wrong score is never found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cache

from survey_service.answering.numbers_in_words import (
    CONNECTORS,
    HARDLY_NUMBERS,
    LEADS,
    NUMBERS,
    OPENERS,
    ORDINAL_NOUNS,
    OUT_OF,
    POINTS,
    STARS,
)
from survey_service.models.survey import Scale
from survey_service.texts.folding import Folded, fold

SEPARATORS = " \t\n.,،؛、。;:!?؟…*=/|)]}>~\"'“”»«-–—"  # between a number and its comment

_FEW_WORDS = 4  # of a comment in which another number corrects the first: "9, sorry, meant 10"
_STAR_SCALE = 5

_STAR = "★⭐🌟"
EMOJI = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_FIGURE = r"(?<![\w<])-?(?:\d{1,2}|[1-9]\d\d)(?!\w)"
END = r'[ .!?)"\]*]*$'
_WORD = re.compile(r"\w+")


def read_score(folded: Folded, scale: Scale, languages: Iterable[str]) -> tuple[int, str | None] | None:
    """The number, which may lie outside the scale, and the comment as written; None when no number is surely a score.

    `languages` are keys of NUMBERS: those whose words for numbers are read.
    """
    grammar = _grammar(frozenset(languages))
    if match := grammar.first.match(folded.text):
        if _of_another_scale(match, scale, grammar) or _doubtful(match, scale, grammar):
            return None
        return grammar.value(match["number"]), comment_of(folded.written(match.end()).lstrip(SEPARATORS))
    match = grammar.last.search(folded.text)
    if not match or _of_another_scale(match, scale, grammar) or re.search(r"\d", folded.text[: match.start("number")]):
        return None
    return grammar.value(match["number"]), comment_of(folded.written(0, match.end("comment")).rstrip(" ,;-–—"))


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The patterns for a set of languages. Repetitions are bounded or over single characters: matching is linear."""

    numbers: dict[str, int]  # folded words
    number: re.Pattern[str]  # one that is no article
    first: re.Pattern[str]  # the score comes first; what follows it is only looked at
    last: re.Pattern[str]  # the score comes last, in figures

    def value(self, number: str) -> int:
        """What a figure or a word is worth."""
        return self.numbers[number] if number in self.numbers else int(number)


@cache  # of the languages in NUMBERS there are few sets
def _grammar(languages: Set[str]) -> _Grammar:
    numbers = {
        fold(word).text: value
        for language in languages
        for value, spellings in enumerate(NUMBERS[language].split())
        for word in spellings.split("/")
    }
    hardly = any_of(numbers.keys() & HARDLY_NUMBERS.split())
    words = any_of(numbers.keys() - HARDLY_NUMBERS.split())
    number = rf"(?P<number>(?P<figure>{_FIGURE})|(?P<hardly>{hardly})|{words})"
    high = rf"(?: ?(?P<slash>[/\\]) ?| {any_of(OUT_OF.split())} )(?P<high>\d{{1,3}}(?!\w)|{words})(?! ?/)"
    points = rf"(?: {any_of(POINTS.split())})?"
    stars = rf"(?P<stars> ?[{_STAR}]+| {any_of(STARS.split())})?"
    leads = rf'(?:{any_of(LEADS.split())}(?: - |[ ,.:!\n"(*]*)){{0,8}}?'

    mark = r'(?: ?[.,;:!)"\]*=]+(?!\d)| ?\n| -|- |--| \()'
    emoji = rf" ?(?:[{EMOJI}](?<![{_STAR}])|<3)"
    because = f" {any_of(CONNECTORS.split())}"
    comment = f" {any_of(OPENERS.split())}"
    by_figure = rf"(?(figure){comment}|(?!))"
    by_slash = r"(?(slash) \w|(?!))"
    follows = rf"(?={END}|{because}|(?(hardly)(?!)|(?:{mark}|{emoji}|{by_figure}|{by_slash})))"
    return _Grammar(
        numbers=numbers,
        number=re.compile(f"{_FIGURE}|{words}"),
        first=re.compile(rf'["(\[*.,!¡¿:;~ \n{EMOJI}]*{leads}{number}{points}(?:{high})?{points}{stars}{follows}'),
        last=re.compile(
            rf"(?P<comment>(?<!\bno)(?<!\bnr)(?<!\bca)[.!,;\n{EMOJI}] ?| - | (?=\d+ ?[/\\])){leads}"
            rf"(?P<number>{_FIGURE})(?:{high})?{points}{stars}{END}"
        ),
    )


def any_of(words: Iterable[str], *, drawn_out: bool = False) -> str:
    """A pattern for one of the words, the longest that fits, as a whole word; `drawn_out` like "noooo" if wanted."""
    alternatives = [_spelled(fold(word).text, drawn_out) for word in sorted(words, key=len, reverse=True)]
    return rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)" if alternatives else "(?!)"


def _spelled(word: str, drawn_out: bool) -> str:
    return f"{re.escape(word)}{re.escape(word[-1])}*" if drawn_out else re.escape(word)


def _of_another_scale(match: re.Match[str], scale: Scale, grammar: _Grammar) -> bool:
    """Whether the number is named on a scale that was not asked: `4/5` where up to ten was to give, or stars."""
    high = match["high"]
    return (high is not None and grammar.value(high) != scale.high) or bool(
        match["stars"] and scale.high != _STAR_SCALE
    )


def _doubtful(match: re.Match[str], scale: Scale, grammar: _Grammar) -> bool:
    """Whether what follows makes the number something else: a range, a correction, an ordinal, a list, one of two."""
    rest = match.string[match.end() :]
    comment = rest.lstrip(SEPARATORS)
    words = _WORD.findall(comment)
    if not words:
        return False
    next_number = grammar.value(match["number"]) + 1
    return bool(
        grammar.number.match(comment)
        or comment[0].isdigit()
        or (len(words) <= _FEW_WORDS and grammar.number.search(comment))
        or (rest.startswith(". ") and words[0] in _ORDINAL_NOUNS)
        or (rest[0] in ".):" and re.search(rf"(?<!\w){next_number}[.):]", rest))
        or re.search(rf"\d ?/ ?{scale.high}(?!\w)", rest)
    )


def comment_of(written: str) -> str | None:
    """What was written beside an answer, unless it is no more than the remains of a smiley."""
    comment = written.strip()
    return comment if len(comment) > 1 or not comment.isascii() else None


_ORDINAL_NOUNS = frozenset(fold(noun).text for noun in ORDINAL_NOUNS.split())
