"""A topic: what comments may be about, as words and short phrases of several languages that speak of it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints

from survey_service.models.base import Noun, Revised
from survey_service.models.survey import LanguageCode

MAX_TOPICS = 100  # of all; a response may be about each of them
READING = 2  # raised when comments are read in another way than before: all of them are then read again

Name = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=60)]
# A comment is in a language, not in that of a region.
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class TopicContent(Noun):
    """What a caller PUTs. A word with a `*` behind it stands for every word that begins so."""

    name: dict[LanguageCode, Name] = Field(min_length=1, max_length=50)
    words: dict[Language, Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=50
    )


class Topic(Revised, TopicContent):
    """The stored topic; `id` stands in responses and figures."""


def fingerprint_of(topics: Mapping[str, TopicContent]) -> str:
    """What changes when comments may be found to be about other topics than before; names make no difference."""
    words = {name: topic.words for name, topic in topics.items()}
    return sha256(orjson.dumps([READING, words], option=orjson.OPT_SORT_KEYS)).hexdigest()
