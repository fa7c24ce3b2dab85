"""Topics: which comments they find, which words say nothing, and that no comment takes long."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.models.topic import TopicContent, fingerprint_of
from survey_service.reporting.comment_words import LONGEST, stretches_of
from survey_service.reporting.topics import PhraseInvalid, TopicFinder, read_phrase
from tests.support.hostile import HOSTILE, LONG, SURROGATE


def a_topic(**words: list[str]) -> TopicContent:
    return TopicContent.model_validate({"name": {"en": "A topic"}, "words": words})


TOPICS = {
    "waiting": a_topic(
        en=["wait*", "queue", "too long", "on time"], de=["wart*", "schlange*", "zu spät"], fr=["attente"]
    ),
    "staff": a_topic(en=["staff", "rude", "friendl* crew"], de=["personal", "unfreundlich*"], fr=["équipe"]),
    "app": a_topic(en=["app", "check-in"], ar=["تطبيق"], nb=["nettsted*"], no=["nettside*"], sr=["aplikacij*"]),
}
FINDER = TopicFinder(TOPICS)


def found(comment: str, language: str = "en") -> tuple[str, ...]:
    return FINDER.topics_of(stretches_of(comment), language)


@pytest.mark.parametrize(
    ("comment", "language", "topics"),
    [
        ("We waited for an hour", "en", ("waiting",)),
        ("WAITING!", "en", ("waiting",)),
        ("Rude staff, endless queue.", "en", ("staff", "waiting")),
        ("It took far too long", "en", ("waiting",)),
        ("too. Long story", "en", ()),
        ("not on  time", "en", ("waiting",)),
        ("queues", "en", ()),
        ("a wai", "en", ()),
        ("a friendly crew", "en", ("staff",)),
        ("a friendly", "en", ()),
        ("Check in failed, the check-in, too", "en", ("app",)),
        ("Die Wartezeit war lang, und es kam zu spat", "de", ("waiting",)),
        ("unfreundliches Personal", "de", ("staff",)),
        ("L’attente, et l'équipe d'accueil", "fr", ("staff", "waiting")),
        ("l'equipe", "fr", ("staff",)),
        ("هذا تطبيق جيد", "ar", ("app",)),
        ("nettstedet", "no", ("app",)),
        ("nettsiden", "no", ("app",)),
        ("aplikacija", "hr", ("app",)),
        ("Wir mussten waiten: queue", "de", ()),
        ("staff", "nl", ()),
        ("", "en", ()),
        ("st\u200baff and q\u0301ueue", "en", ("staff", "waiting")),
    ],
)
def test_a_comment_is_about_the_topics_whose_words_stand_in_it(
    comment: str, language: str, topics: tuple[str, ...]
) -> None:
    assert found(comment, language) == topics


@pytest.mark.parametrize("text", [*HOSTILE.values(), *LONG.values(), SURROGATE, "x@" * 50_000, "' " * 50_000])
def test_no_comment_takes_long_or_breaks_anything(text: str) -> None:
    stretches = stretches_of(f"staff. {text}")
    assert found(f"staff. {text}") == ("staff",)
    assert sum(len(stretch.words) for stretch in stretches) <= LONGEST


def test_what_stands_behind_the_part_that_is_read_is_not_found() -> None:
    assert found("x " * LONGEST + "staff") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Queue", ("queue",)),
        ("zu  spät", ("zu", "spat")),
        ("Wart*", ("wart*",)),
        ("check-in", ("check", "in")),
        ("frien* crew", ("frien*", "crew")),
        ("don't", ("dont",)),
        ("l'attente", ("l", "attente")),
        ("1 2 3 4", ("1", "2", "3", "4")),
    ],
)
def test_a_phrase_is_read_as_comments_are(text: str, words: tuple[str, ...]) -> None:
    assert read_phrase(text) == words


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" ", "empty"),
        ("!?", "empty"),
        ("👍", "empty"),
        ("*", "wildcard"),
        ("wa*", "wildcard"),
        ("w*iting", "wildcard"),
        ("*ing", "wildcard"),
        ("wait**", "wildcard"),
        ("one two three four five", "length"),
    ],
)
def test_a_phrase_that_finds_nothing_or_nearly_everything_is_refused(text: str, rule: str) -> None:
    with pytest.raises(PhraseInvalid) as refusal:
        read_phrase(text)
    assert refusal.value.rule == rule


def test_words_of_another_version_of_the_service_are_passed_over() -> None:
    finder = TopicFinder({"waiting": a_topic(en=["*", "wait*"])})
    assert finder.topics_of(stretches_of("waiting"), "en") == ("waiting",)


@pytest.mark.parametrize(
    ("change", "differs"),
    [({}, False), ({"name": {"en": "Another name"}}, False), ({"words": {"en": ["other"]}}, True)],
)
def test_comments_are_read_again_when_words_change_and_not_for_a_name(change: dict[str, Any], differs: bool) -> None:
    before = a_topic(en=["wait*"])
    after = TopicContent.model_validate(before.model_dump() | change)
    assert (fingerprint_of({"a": before}) != fingerprint_of({"a": after})) is differs
    assert fingerprint_of({"a": before}) != fingerprint_of({"b": before})
    assert fingerprint_of({"a": before, "b": after}) == fingerprint_of({"b": after, "a": before})
