"""A folded text comes in; the wish to be left alone, to come back or to be told who writes goes out. Pure.

A sentence opts out when it holds a phrase for it and nothing else of meaning: each of its words is in the vocabulary
of one language, beside numbers. So "please stop texting me" does, and "please stop making us queue" is a comment. In
doubt a message opts out, since that can be taken back with one word, and a message too many cannot. Hence "STOP 9"
and "9, stop" opt out, and so does STOP in capitals, as our own messages spell it, before one more word ("STOP Acme")
or a break ("STOP - wrong number").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from survey_service.answering.stop_words import (
    AMBIGUOUS_KEYWORDS,
    HELP_KEYWORDS,
    PHRASES,
    START_KEYWORDS,
    STOP_KEYWORDS,
    Phrases,
)
from survey_service.texts.folding import Folded, fold

MOST_WORDS = 15  # of a command, in plain language too; one that is repeated counts once ("STOP STOP …")

_SENTENCE_END = re.compile(r"[.!?;\n]+")
_INNER_HYPHEN = re.compile(r"(?<=[^\W\d])-(?=[^\W\d])")
_TOKEN = re.compile(r"\w+|[^\w\s]+")
_NUMBER = re.compile(r"(?<!\w)\d{1,3}(?!\w)")
_BREAK = ","


class Command(StrEnum):
    """What a text may ask of us instead of answering."""

    STOP = "stop"  # no more messages
    START = "start"  # messages again
    HELP = "help"  # who are you


def read_command(folded: Folded) -> Command | None:
    """The command that a text is; stopping comes first. None for anything else, answers above all."""
    sentences = [sentence for part in _SENTENCE_END.split(folded.text) if (sentence := _sentence(part))]
    short = {sentence for sentence in sentences if len(set(sentence.split())) <= MOST_WORDS}
    whole = f" {_BREAK} ".join(sentences) if sum(len(sentence.split()) for sentence in sentences) <= MOST_WORDS else ""
    if _shouted(folded) or any(voice.opts_out(whole, short) for voice in _VOICES):
        return Command.STOP
    if any(voice.opts_in(whole) for voice in _VOICES):
        return Command.START
    if any(voice.asks_for_help(whole) for voice in _VOICES):
        return Command.HELP
    return None


def mentions_stop(folded: Folded) -> bool:
    """Whether a word for opting out stands anywhere in the text."""
    return bool(_MENTION.search(_INNER_HYPHEN.sub("", folded.text)))


class _Voice:
    """How one language says it, ready to be compared; sentences are words and breaks with one space between them."""

    def __init__(self, phrases: Phrases) -> None:
        stop = [*_split(STOP_KEYWORDS), *_split(phrases.stop)]
        alone = [*_split(AMBIGUOUS_KEYWORDS), *_split(phrases.alone)]
        no_more, about = _split(phrases.no_more), _split(phrases.about)
        negation = _split(phrases.negation)
        self._courtesy = _words([*_split(phrases.courtesy), _BREAK])
        self._known = self._courtesy | _words([*stop, *alone, *no_more, *about, *negation, *_split(phrases.filler)])
        self._stop, self._alone, self._no_more, self._about = map(_any_of, (stop, alone, no_more, about))
        self._negated = _any_of([f"{no} {word}" for no in negation for word in stop if no != word.split()[0]])
        self._start = _any_of([*_split(START_KEYWORDS), *_split(phrases.start)])
        self._help = _any_of([*_split(HELP_KEYWORDS), *_split(phrases.help)])

    def opts_out(self, whole: str, sentences: Iterable[str]) -> bool:
        """Whether any sentence asks for silence by itself, or the message as a whole does."""
        return self._is_only(self._alone, _NUMBER.sub(_BREAK, whole)) or any(map(self._asks_for_silence, sentences))

    def opts_in(self, whole: str) -> bool:
        """Whether the message, courtesies apart, asks for messages again."""
        return self._is_only(self._start, whole)

    def asks_for_help(self, whole: str) -> bool:
        """Whether the message, courtesies apart, asks who writes."""
        return self._is_only(self._help, whole)

    def _asks_for_silence(self, sentence: str) -> bool:
        if not all(word in self._known or _NUMBER.fullmatch(word) for word in sentence.split()):
            return False
        if self._stop.search(sentence):
            return not self._negated.search(sentence)
        return bool(self._no_more.search(sentence) and self._about.search(sentence))

    def _is_only(self, phrases: re.Pattern[str], whole: str) -> bool:
        rest, found = phrases.subn("", whole)
        return found > 0 and self._courtesy.issuperset(rest.split())


def _sentence(part: str) -> str:
    tokens = _TOKEN.findall(_INNER_HYPHEN.sub("", part))
    return " ".join(token if token[0].isalnum() else _BREAK for token in tokens).strip(f" {_BREAK}")


def _split(phrases: str) -> list[str]:
    """The phrases of a list as they look in a sentence."""
    return [_INNER_HYPHEN.sub("", fold(phrase).text) for phrase in phrases.split(",")]


def _words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in phrase.split())


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for one of the phrases, the longest that fits, as whole words."""
    longest_first = map(re.escape, sorted(phrases, key=len, reverse=True))
    # Folding turned `…` into three dots.
    alternatives = (phrase.replace(r"\ \.\.\.\ ", r"(?:\ \S+){0,4}?\ ") for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


def _shouted(folded: Folded) -> bool:
    match = _STOP_FIRST.match(folded.text)
    return match is not None and folded.written(match.start(1), match.end(1)).isupper()


_VOICES = [_Voice(phrases) for phrases in PHRASES.values()]
_STOPS = [*_split(STOP_KEYWORDS), *(phrase for phrases in PHRASES.values() for phrase in _split(phrases.stop))]
_MENTION = _any_of([*_STOPS, *_split(AMBIGUOUS_KEYWORDS)])
_STOP_FIRST = re.compile(rf"({_any_of(_STOPS).pattern})(?: ?[^\w\s-]| -| \w+$|$)")
