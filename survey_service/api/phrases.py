"""`/v1/metrics/phrases`: whose comments comes in; what several of them say in the same words goes out."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.metrics import asked, figures_reply
from survey_service.api.shapes.metric_questions import PhrasesQuery
from survey_service.api.shapes.metrics import PhraseList
from survey_service.models.api_key import Scope
from survey_service.reporting.comment_languages import known_as
from survey_service.reporting.frequent_phrases import FrequentPhrase
from survey_service.reporting.phrases import MOST_READ, PhraseQuestion, read_phrases


@endpoint("GET", "/v1/metrics/phrases", tag="metrics", scope=Scope.METRICS_READ, answers={200: PhraseList})
async def list_phrases(call: Call, query: PhrasesQuery) -> Reply:
    """Read what several people say in the same words, the most frequent first; of the newest comments."""
    about = await asked(call, query, query.metric)
    languages = frozenset(known_as(language) for language in query.comment_language)
    question = PhraseQuestion(about, query.known_band(), languages=languages, most=MOST_READ)
    talk = await read_phrases(call.parts.store, question)
    ordered = [((0, "", -one.n, (True, one.text), (True, one.language)), one) for one in talk.phrases]
    reply = figures_reply(call, query, sorted(ordered, key=itemgetter(0)), _row)
    data: Mapping[str, Any] = reply.data if isinstance(reply.data, Mapping) else {}
    return Reply({"comments": talk.read, "all_read": talk.is_all, **data}, headers=reply.headers)


def _row(phrase: FrequentPhrase) -> dict[str, Any]:
    return {"phrase": phrase.text, "language": phrase.language, "n": phrase.n}


ENDPOINTS = (list_phrases,)
