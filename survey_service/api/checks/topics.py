"""A topic's content comes in; every rule that it breaks is raised."""

from __future__ import annotations

from collections.abc import Mapping

from survey_service.api.checks.fields import Problems, line_problems, refuse
from survey_service.api.checks.texts import language_problems
from survey_service.errors import FieldProblem
from survey_service.models.topic import MAX_TOPICS, TopicContent
from survey_service.reporting.comment_languages import known_as
from survey_service.reporting.topics import Phrase, PhraseInvalid, read_phrase


def check_topic(name: str, content: TopicContent, others: Mapping[str, TopicContent]) -> None:
    """Refuse a topic that could not be found, or whose words are another one's; `others` are all that there are.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(name, content, {other: topic for other, topic in others.items() if other != name}))


def _problems(name: str, content: TopicContent, others: Mapping[str, TopicContent]) -> Problems:
    if len(others) >= MAX_TOPICS:
        yield FieldProblem("/id", "too_many", f"would be more than {MAX_TOPICS} topics")
    for language, text in content.name.items():
        pointer = f"/name/{language}"
        yield from language_problems(pointer, language)
        yield from line_problems(pointer, text)
        if not text.strip():
            yield FieldProblem(pointer, "blank", "has nothing to read")
    for language, words in content.words.items():
        yield from language_problems(f"/words/{language}", language)
        taken = {phrase: other for other, topic in others.items() for phrase in _phrases(topic, language)}
        known: dict[Phrase, str] = {}
        for number, text in enumerate(words):
            yield from _word_problems(f"/words/{language}/{number}", text, known, taken)


def _word_problems(pointer: str, text: str, known: dict[Phrase, str], taken: Mapping[Phrase, str]) -> Problems:
    yield from line_problems(pointer, text)
    try:
        phrase = read_phrase(text)
    except PhraseInvalid as error:
        yield FieldProblem(pointer, error.rule, str(error))
        return
    if phrase in known:
        yield FieldProblem(pointer, "unique", f"is the same word as {known[phrase]}: capitals and accents aside")
    elif phrase in taken:
        yield FieldProblem(
            pointer, "unique", f"is a word of the topic {taken[phrase]} already; a phrase can tell them apart"
        )
    known.setdefault(phrase, text)


def _phrases(topic: TopicContent, language: str) -> list[Phrase]:
    """The words of a language, by whichever of its codes."""
    found = []
    for text in (text for code, words in topic.words.items() if known_as(code) == known_as(language) for text in words):
        try:
            found.append(read_phrase(text))
        except PhraseInvalid:
            continue
    return found
