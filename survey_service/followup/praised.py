"""A comment, the event's agent and our people come in; the one person whom the comment praises goes out. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from survey_service.models.person import Person

_SHORTEST = 3  # letters of a name that stands alone
# Names that are also words of many comments; such a person is found by their full name.
_ALSO_WORDS = """
art bill dawn dean ernst faith frank grant hope joy jung klein lang lieber mark may rich rose schnell will
"""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def find_praised(comment: str, agent: object, people: Mapping[str, Person]) -> Person | None:
    """The agent that the event names, else the only active person whom the comment names.

    A full name counts before a part of one; whole words, without case and accents. None where two could be meant.
    """
    if isinstance(agent, str) and agent in people:
        return people[agent] if people[agent].active else None
    said = _words(comment)
    active = [person for person in people.values() if person.active]
    in_full = [person for person in active if _stands_in(_words(person.name), said)]
    found = in_full or [person for person in active if _parts(person) & set(said)]
    return found[0] if len(found) == 1 else None


def _words(text: str) -> list[str]:
    return [_folded(word) for word in _WORD.findall(text)]


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("’", "'"))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).removesuffix("'s")


def _parts(person: Person) -> set[str]:
    return {part for part in _words(person.name) if len(part) >= _SHORTEST and part not in _ALSO_WORDS.split()}


def _stands_in(name: list[str], said: list[str]) -> bool:
    """Whether the words of a name of several words follow one another."""
    if len(name) < 2:
        return False
    return any(said[start : start + len(name)] == name for start in range(len(said) - len(name) + 1))
