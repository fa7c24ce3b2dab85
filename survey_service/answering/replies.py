"""The text of an SMS comes in; what it means goes out: a command, a score with its comment, or just words. Pure.

What was written is kept as it was written: folding serves the reading alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from survey_service.answering.commands import Command, mentions_stop, read_command
from survey_service.answering.forms import MAX_TEXT
from survey_service.answering.numbers_in_words import NUMBERS
from survey_service.answering.scores import SEPARATORS, read_score
from survey_service.answering.yes_or_no import read_yes_or_no
from survey_service.models.survey import Scale
from survey_service.texts.folding import Folded, fold
from survey_service.texts.locales import language_of
from survey_service.texts.printable import printable


@dataclass(frozen=True, slots=True)
class OptOut:
    """No more messages."""


@dataclass(frozen=True, slots=True)
class OptIn:
    """Messages again."""


@dataclass(frozen=True, slots=True)
class Help:
    """Who is writing, and how does one stop it?"""


@dataclass(frozen=True, slots=True)
class Score:
    """A number of the scale and what was said beside it; `mentions_stop` calls for a word on how to opt out.

    On a yes-or-no scale 1 is a yes and 0 a no.
    """

    value: int
    comment: str | None = None
    mentions_stop: bool = False


@dataclass(frozen=True, slots=True)
class OffScale:
    """A number meant as a score that the scale does not have."""

    value: int
    mentions_stop: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """No score could be read; `text` is what was written, empty for a picture without text."""

    text: str
    mentions_stop: bool = False


Answer = Score | OffScale | Words
Reading = OptOut | OptIn | Help | Answer

_COMMANDS: dict[Command, Reading] = {Command.STOP: OptOut(), Command.START: OptIn(), Command.HELP: Help()}
_KEYWORD = re.compile(r'["(\[*]*([^\W\d_][^\W_]{1,19})(?!\w)')


def read_reply(text: str, scale: Scale | None, languages: Sequence[str]) -> Reading:
    """What an SMS says to a question on that scale (None: one that takes words), opting out before anything else.

    Numbers in words are read in the given languages (`de`, `pt-BR`; those without a list are left out), commands in
    all. Only the first MAX_TEXT characters count. To a text question whatever is no command is words.
    """
    folded = _folded(text)
    if command := read_command(folded):
        return _COMMANDS[command]
    return _read_answer(folded, scale, languages)


def read_answer(text: str, scale: Scale | None, languages: Sequence[str]) -> Answer:
    """What an SMS says that is no command, as `read_reply` does."""
    return _read_answer(_folded(text), scale, languages)


def read_keyword(text: str) -> tuple[str, str] | None:
    """The word that a text begins with, in the spelling of `keyword_key`, and the rest: `Mitte: 9` is (`MITTE`, `9`).

    A keyword is 2 to 20 letters and digits, a letter first.
    """
    folded = _folded(text)
    match = _KEYWORD.match(folded.text)
    if match is None:
        return None
    return match[1].upper(), folded.written(match.end()).lstrip(SEPARATORS).rstrip()


def keyword_key(keyword: str) -> str:
    """A registered keyword as `read_keyword` returns it: capitals without accents, digits in ASCII."""
    return fold(keyword).text.upper()


def _read_answer(folded: Folded, scale: Scale | None, languages: Sequence[str]) -> Answer:
    mentioned = mentions_stop(folded)
    score = _score(folded, scale, NUMBERS.keys() & set(map(language_of, languages))) if scale else None
    if scale is None or score is None:
        return Words(folded.source, mentioned)
    value, comment = score
    return Score(value, comment, mentioned) if value in scale.values else OffScale(value, mentioned)


def _score(folded: Folded, scale: Scale, spoken: Set[str]) -> tuple[int, str | None] | None:
    if scale.is_yes_or_no:
        return read_yes_or_no(folded) or read_score(folded, scale, ())  # "uno" is no yes
    return read_score(folded, scale, spoken)


def _folded(text: str) -> Folded:
    return fold(printable(text)[:MAX_TEXT].strip())
