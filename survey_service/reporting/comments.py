"""The reading stage: responses with words that are not read yet come in; their language and topics are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from survey_service.models.response import Response
from survey_service.models.survey import Survey
from survey_service.models.topic import fingerprint_of
from survey_service.reporting.comment_languages import known_as, language_of_comment
from survey_service.reporting.comment_words import stretches_of
from survey_service.reporting.topics import TopicFinder
from survey_service.store.claims import Claim
from survey_service.store.comments import Comments, Found
from survey_service.store.configuration import Configuration
from survey_service.texts.locales import language_of

_BETWEEN = " . "  # two answers: no phrase goes from one to the other
_MAX_DEATHS = 5  # of workers that read it: it is not tried any more

Surveys = Mapping[tuple[str, int], Survey | None]  # by id and version

log = structlog.get_logger()


def read_comment(row: Response, survey: Survey | None, finder: TopicFinder) -> Found:
    """What is said in words, in the comment and in answers to further questions: about what, and in which language."""
    texts = [row.comment or "", *(survey.words_in(row.answers) if survey else ())]
    said = _BETWEEN.join(dict.fromkeys(texts))
    language = language_of_comment(said, row.language)
    return Found(language, finder.topics_of(stretches_of(said), language))


class ReadComments:
    """The stage's handler."""

    def __init__(self, comments: Comments, configuration: Configuration) -> None:
        self._comments = comments
        self._configuration = configuration
        self._finder = TopicFinder({})
        self._by = ""

    async def __call__(self, claim: Claim[Response]) -> None:
        """Read each comment by the topics that stand now, after the claim: no older ones can follow a newer mark."""
        topics = (await self._configuration.current()).topics
        if self._by != (by := fingerprint_of(topics)):
            self._finder, self._by = TopicFinder(topics), by
        versions = {(row.survey, row.survey_version) for row in claim.rows}
        surveys = {version: await self._configuration.survey(*version) for version in versions}
        found = await asyncio.to_thread(_read_all, claim, surveys, self._finder)
        await self._comments.settle(claim, found)


def _read_all(claim: Claim[Response], surveys: Surveys, finder: TopicFinder) -> dict[str, Found]:
    found = {}
    for row in claim.rows:
        if row.reading is not None and row.reading.deaths >= _MAX_DEATHS:
            log.error("comments.poison", response=row.id)
            found[row.id] = Found(known_as(language_of(row.language) or "und"), ())
        else:
            found[row.id] = read_comment(row, surveys[row.survey, row.survey_version], finder)
    return found
