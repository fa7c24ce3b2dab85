"""Comments for tests: topics to find in them, and the reading of all that wait."""

from __future__ import annotations

from survey_service.models.topic import TopicContent
from survey_service.reporting.comments import ReadComments
from survey_service.store.store import Store

WAITING, STAFF = "waiting", "staff"
WORDS = {
    WAITING: {"en": ["wait*", "queue"], "de": ["wart*", "schlange"]},
    STAFF: {"en": ["staff", "crew"], "de": ["personal"]},
}


async def put_topics(store: Store, words: dict[str, dict[str, list[str]]] | None = None) -> None:
    """Configure topics, each under its own name."""
    for name, by_language in (WORDS if words is None else words).items():
        content = TopicContent.model_validate({"name": {"en": name.title()}, "words": by_language})
        await store.configuration.topics.put(name, content)


async def read_comments(store: Store, batch: int = 100) -> int:
    """Do what the reading stage does until nothing is left; returns how many comments were read."""
    handle, read = ReadComments(store.comments, store.configuration), 0
    while claim := await store.comments.claim(batch):
        await handle(claim)
        await store.comments.release(claim.lease)
        read += len(claim.rows)
    return read
