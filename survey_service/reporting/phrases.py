"""What people say: a question about comments comes in; frequent phrases of the newest of them go out. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from survey_service.reporting.cells import dimensions_of, values_of
from survey_service.reporting.comment_languages import known_as
from survey_service.reporting.comment_words import LONGEST
from survey_service.reporting.dimensions import QUESTION, SURVEY
from survey_service.reporting.frequent_phrases import LEAST_PEOPLE, Comment, FrequentPhrase, frequent_phrases
from survey_service.reporting.journeys import band_of
from survey_service.reporting.metrics import MetricQuestion
from survey_service.store.commented import newest_comments
from survey_service.store.store import Store

MOST_READ = 2_000  # comments
MOST_CHARACTERS = 400_000  # of all of them

_band_of = lru_cache(maxsize=100)(band_of)


@dataclass(frozen=True, slots=True)
class PhraseQuestion:
    """Whose comments are read: `about` names metric, filters, time and how many people must have said a thing.

    `band` is as the metric counts it (`detractors`), None: all that were scored. `scale` None: any of the metric.
    """

    about: MetricQuestion
    band: str | None = None
    scale: str | None = None
    languages: frozenset[str] = frozenset()  # of the comments; none named: all
    most: int = MOST_READ  # comments that are read


@dataclass(frozen=True, slots=True)
class Talk:
    """Phrases, the most frequent one first; `is_all` is False where there are more comments than the `read` ones."""

    phrases: tuple[FrequentPhrase, ...]
    read: int
    is_all: bool


async def read_phrases(store: Store, question: PhraseQuestion) -> Talk:
    """Read the newest comments that match, and count in a thread: it is work for the processor."""
    about = question.about
    comments: list[Comment] = []
    characters = 0
    found = newest_comments(store.database, about.start, about.end or store.clock.now(), about.only, characters=LONGEST)
    async for document in found:
        if _matches(document, question):
            if len(comments) == question.most or characters > MOST_CHARACTERS:
                return await _count(comments, about.least, is_all=False)
            comments.append(_comment(document))
            characters += len(document["comment"])
    return await _count(comments, about.least, is_all=True)


async def _count(comments: list[Comment], least: int, *, is_all: bool) -> Talk:
    phrases = await asyncio.to_thread(frequent_phrases, comments, max(LEAST_PEOPLE, least))
    return Talk(tuple(phrases), len(comments), is_all)


def _comment(document: Mapping[str, Any]) -> Comment:
    """Those who are not known each count for themselves; what is not read yet is in the language of its answer."""
    language = document.get("comment_language") or known_as(document["language"].partition("-")[0])
    return Comment(document.get("customer") or document["_id"], language, document["comment"])


def _matches(document: Mapping[str, Any], question: PhraseQuestion) -> bool:
    if question.languages and document.get("comment_language") not in question.languages:
        return False
    only = question.about.only
    listed = dimensions_of(document)
    for name in only.keys() - {SURVEY, QUESTION}:
        if name.startswith("dimensions.") and not only[name] & set(listed.get(name, ())):
            return False
    return any(
        given.metric == question.about.metric
        and (QUESTION not in only or given.question in only[QUESTION])
        and (question.scale is None or given.scale == question.scale)
        and (question.band is None or _band_of(given.metric, given.scale, given.value) == question.band)
        for given in values_of(document)
    )
