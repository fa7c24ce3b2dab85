"""Frequent phrases: what several people say in the same words, and nothing that one alone wrote."""

from __future__ import annotations

import pytest

from survey_service.reporting.frequent_phrases import Comment, frequent_phrases
from tests.support.hostile import HOSTILE, LONG


def said(*texts: str, language: str = "en") -> list[Comment]:
    return [Comment(f"person {number}", language, text) for number, text in enumerate(texts)]


def shown(comments: list[Comment]) -> dict[str, int]:
    return {phrase.text: phrase.n for phrase in frequent_phrases(comments)}


def test_a_phrase_counts_from_three_people_on() -> None:
    assert shown(said("the waiting time", "waiting time!", "a slow gate")) == {}
    assert shown(said("the waiting time", "Waiting time!", "no waiting time at all")) == {"waiting time": 3}


def test_a_person_counts_once_however_often_they_write() -> None:
    once = said("slow gate. Slow gate. slow gate")
    assert shown(once * 5) == {}
    assert shown([*once * 5, *[Comment(str(n), "en", "a slow gate") for n in range(3)]]) == {"slow gate": 4}


@pytest.mark.parametrize(
    ("texts", "phrases"),
    [
        (("out of order",) * 3, {"order": 3}),
        (("rude and loud staff",) * 3, {"rude and loud": 3, "loud staff": 3}),
        (("lost luggage",) * 3 + ("luggage",) * 9, {"luggage": 12, "lost luggage": 3}),
        (("lost luggage",) * 9 + ("luggage",) * 2, {"lost luggage": 9}),
        (("late. Again",) * 3, {"late": 3}),
        (("gate 42, 42 minutes",) * 3, {"gate": 3, "minutes": 3}),
        (("write to ada@example.com or www.example.com/ada",) * 3, {"write": 3}),
        (("it was the a of",) * 3, {}),
        (("👍👍👍",) * 3, {}),
        (("e\u0301tage", "étage", "ETAGE", "etage", "étage"), {"étage": 5}),
    ],
)
def test_phrases_say_something_and_shorter_ones_give_way_to_longer_ones(
    texts: tuple[str, ...], phrases: dict[str, int]
) -> None:
    assert shown(said(*texts)) == phrases


def test_each_language_is_counted_for_itself_with_its_own_fillers() -> None:
    comments = [*said(*("die Schlange war lang",) * 3, language="de"), *said(*("die",) * 3)]
    found = frequent_phrases(comments)
    assert {(phrase.text, phrase.language) for phrase in found} == {("Schlange war lang", "de"), ("die", "en")}


def test_the_most_frequent_comes_first_as_most_people_wrote_it() -> None:
    found = frequent_phrases(said("Check-in", "check-in", "check-in", "check-in", "slow", "slow", "slow"))
    assert [(phrase.text, phrase.n) for phrase in found] == [("check-in", 4), ("slow", 3)]


@pytest.mark.parametrize("text", [*HOSTILE.values(), *LONG.values()])
def test_hostile_comments_yield_nothing_but_words(text: str) -> None:
    for phrase in frequent_phrases(said(text, text, text)):
        assert all(character.isalnum() or character in " -_'’" or not character.isascii() for character in phrase.text)
        assert not set(phrase.text) & set("\u202a\u202b\u202c\u202d\u202e\x00")
