"""Digests: what people are to hear is gathered a day long; on the morning of their zone it leaves as one message."""

from __future__ import annotations

from datetime import datetime

import structlog

from survey_service.calendars.mornings import next_morning
from survey_service.calendars.zones import zone
from survey_service.followup.letters import Wording, letter_to_person
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.digest import Digest, DigestItem, DigestState, digest_id
from survey_service.models.ids import hashed_id
from survey_service.models.person import Person
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.texts.words import words_in
from survey_service.work.bells import Bells

log = structlog.get_logger()


class SendDigests:
    """The handler of the stage that tells digests."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells

    async def __call__(self, claim: Claim[Digest]) -> None:
        """Close each digest, then ask for its message: what comes later is for the next morning."""
        people = (await self._store.configuration.current()).people
        now = self._store.clock.now()
        for row in claim.rows:
            if row.state is DigestState.OPEN and not await self._store.digests.close(row):
                log.info("digests.one_more_came", digest=row.id)
                continue
            letter = digest_letter(row, people[row.person], now) if row.person in people else None
            if letter is not None:
                await self._store.deliveries.insert([letter])
            await self._store.digests.finish(row)
        self._bells.ring("sending")


async def add_to_digest(store: Store, person: Person, brand: str, item: DigestItem, at: datetime) -> None:
    """Put an item into the first digest after `at`, when it happened, that is still open; twice does it once."""
    place = zone(person.timezone)
    morning = next_morning(at, place)
    while True:
        digest = Digest(
            id=digest_id(person.id, brand, morning),
            person=person.id,
            brand=brand,
            items=(item,),
            due_at=morning,
            created_at=at,
        )
        if await store.digests.add(digest):
            return
        morning = next_morning(morning, place)


def digest_letter(digest: Digest, person: Person, now: datetime) -> Delivery | None:
    """The message of a digest: by mail where the person has an address, since it may be long. Pure."""
    words, n = words_in(person.language), len(digest.items)
    subject = words.count("One answer to look at", "{n} answers to look at", n)
    more = words("There are more: these are the first of them.") if digest.is_full else ""
    paragraphs = [subject, *(item.text for item in digest.items), more]
    by_mail = person.model_copy(update={"alerts_by": ChannelName.EMAIL})
    if person.email is None:
        paragraphs = [subject]  # a text message says how many; what they say is in the cases
    wording = Wording("\n\n".join(part for part in paragraphs if part), subject)
    repeated = tuple(dict.fromkeys(item.response for item in digest.items if item.response))
    return letter_to_person(by_mail, wording, digest.brand, now, letter=hashed_id("dlv", digest.id), responses=repeated)
