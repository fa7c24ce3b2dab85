"""The process that takes anonymous answers dies: who sends once more has answered once, and nobody is told apart."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
import pymongo

from tests.acceptance.conftest import Start
from tests.support.backend import BRAND, BRAND_CONTENT, backend_of
from tests.support.forms import ReadPage, read_page

PEOPLE = 40
KILLED_AFTER = 10  # answers that were acknowledged
AT_ONCE = 8  # fewer than are left then, so that some meet the dead
QUESTION = {"id": "easy", "kind": "ces", "text": {"en": "It was easy."}}
SURVEY = {"name": "Pulse", "brand": BRAND, "primary": "easy", "anonymous": True, "questions": [QUESTION]}


async def test_when_the_page_dies_whoever_sends_once_more_has_answered_once(
    start: Start, mongodb_uri: str, database_name: str
) -> None:
    doomed = await start("api")
    async with backend_of(doomed.url) as backend, aiohttp.ClientSession() as browsers:
        await backend.put(f"/v1/brands/{BRAND}", BRAND_CONTENT)
        await backend.put("/v1/surveys/pulse", SURVEY)
        body = {"survey": "pulse", "channels": ["web"]}
        pages = []
        for number in range(PEOPLE):
            made = await backend.post("/v1/invitations", {**body, "customer": {"id": f"e-{number}"}})
            async with browsers.get(doomed.url + "/s/" + made["url"].rpartition("/")[2]) as reply:
                pages.append(read_page(await reply.text()))
        thanked, crowd = 0, asyncio.Semaphore(AT_ONCE)

        async def send(url: str, number: int, page: ReadPage) -> bool:
            nonlocal thanked
            form = {**page.fields, "easy": "6", "_submission": f"{number}-1-1-1"}
            try:
                async with crowd, browsers.post(url + page.action, data=form) as reply:
                    said = await reply.text()
            except aiohttp.ClientError:
                return False
            thanked += "Thank you" in said
            if thanked == KILLED_AFTER:
                await doomed.kill()
            return "Thank you" in said

        first = await asyncio.gather(*(send(doomed.url, number, page) for number, page in enumerate(pages)))
        assert not all(first)
        heir = await start("api")
        assert all([await send(heir.url, number, page) for number, page in enumerate(pages)])

    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        database = client[database_name]
        assert Counter(row["state"] for row in database["invitations"].find()) == {"finished": PEOPLE}
        assert database["ballots"].count_documents({}) == PEOPLE
        assert database["voters"].count_documents({}) == PEOPLE
        assert database["responses"].count_documents({}) == 0
