"""A backend system for tests: it configures the service, posts events and reads rows, over HTTP alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tests.support.processes import API_KEY
from tests.support.waiting import until

Row = dict[str, Any]

SOURCE = "/shop/berlin"
EVENT_TYPE = "order.delivered"
BRAND = "acme"
SURVEY = "after-delivery"
TRIGGER = "after-delivery"

BRAND_CONTENT: Row = {
    "name": "Acme",
    "email_from": "Acme <hello@acme.example>",
    "contact": "help@acme.example",
    "signed_by": "Mia from Acme",
    "postal_address": "Acme GmbH, Hauptstr. 1, 10115 Berlin",
    "privacy_url": "https://acme.example/privacy",
    "timezone": "Europe/Berlin",
    "test_addresses": ["qa@acme.example"],
}
SURVEY_CONTENT: Row = {
    "name": "After delivery",
    "brand": BRAND,
    "default_language": "en",
    "primary": "nps",
    "questions": [
        {
            "id": "nps",
            "kind": "nps",
            "text": {
                "en": "How likely are you to recommend {{brand.name}} to a friend?",
                "de": "Wie wahrscheinlich ist es, dass Sie {{brand.name}} weiterempfehlen?",
            },
            "low_label": {"en": "Not at all likely", "de": "Überhaupt nicht wahrscheinlich"},
            "high_label": {"en": "Extremely likely", "de": "Äußerst wahrscheinlich"},
        },
        {
            "id": "why",
            "kind": "text",
            "required": False,
            "text": {"en": "What is the main reason for your score?", "de": "Was ist der wichtigste Grund dafür?"},
        },
        {
            "id": "fix",
            "kind": "text",
            "required": False,
            "show_if": "answers.nps <= 6.0",
            "text": {"en": "What should we fix first?", "de": "Was sollten wir zuerst verbessern?"},
        },
    ],
    "dimensions": {"agent": "event.data.agent"},
}
TRIGGER_CONTENT: Row = {"survey": SURVEY, "event_type": EVENT_TYPE, "channels": ["email"], "quiet_hours": None}


def make_event(name: str, **changes: Any) -> Row:
    """An event of a customer of its own, who is called like it: `ord-1` belongs to ord-1@example.com."""
    customer = {"id": f"c-{name}", "first_name": "Ada", "email": address_of(name), "locale": "en-GB"}
    data = {"customer": customer, "touchpoint": "berlin-mitte", "agent": "a-7", "amount": 79.9}
    return {"id": name, "source": SOURCE, "type": EVENT_TYPE, "data": data, **changes}


def address_of(name: str) -> str:
    """Where the customer of the event `name` is written to."""
    return f"{name}@example.com"


class Backend:
    """A caller with an API key."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def get(self, path: str, **query: str) -> Row:
        """One resource."""
        async with self._session.get(self.url + path, params=query) as answer:
            body: Row = await answer.json()
            assert answer.status == 200, body
            return body

    async def put(self, path: str, content: Row) -> Row:
        """Store one resource."""
        async with self._session.put(self.url + path, json=content) as answer:
            body: Row = await answer.json()
            assert answer.status in {200, 201}, body
            return body

    async def post(self, path: str, content: Row | None = None) -> Row:
        """Ask for something that works."""
        async with self._session.post(self.url + path, json=content) as answer:
            body: Row = await answer.json()
            assert answer.status in {200, 201, 202}, body
            return body

    async def delete(self, path: str) -> Row:
        """Ask for one resource to be deleted."""
        async with self._session.delete(self.url + path) as answer:
            body: Row = await answer.json()
            assert answer.status in {200, 202}, body
            return body

    async def configure(self, **trigger: Any) -> None:
        """Store the brand, the survey and a trigger; `trigger` changes the latter's fields."""
        await self.put(f"/v1/brands/{BRAND}", BRAND_CONTENT)
        await self.put(f"/v1/surveys/{SURVEY}", SURVEY_CONTENT)
        await self.put(f"/v1/triggers/{TRIGGER}", TRIGGER_CONTENT | trigger)

    async def post_event(self, event: Row) -> str:
        """Post one event and return its key."""
        body = await self.post("/v1/events", event)
        (result,) = body["results"]
        return str(result["key"])

    async def post_events(self, events: Sequence[Row]) -> Row:
        """Post many events as NDJSON."""
        headers = {"Content-Type": "application/x-ndjson"}
        lines = b"\n".join(orjson.dumps(event) for event in events)
        async with self._session.post(f"{self.url}/v1/events", data=lines, headers=headers) as answer:
            body: Row = await answer.json()
            assert answer.status == 202, body
            return body

    async def rows(self, path: str, **query: str) -> list[Row]:
        """Every row of a list, page by page, 1,000 a page."""
        page = await self.get(path, limit="1000", **query)
        found = page["data"]
        while page["next"]:
            async with self._session.get(page["next"]) as answer:
                page = await answer.json()
            found += page["data"]
        return list(found)

    async def until_rows(self, path: str, count: int, **query: str) -> list[Row]:
        """The rows of a list as soon as there are `count` of them (at most 1,000)."""

        async def look() -> list[Row] | None:
            page = await self.get(path, limit="1000", **query)
            return page["data"] if len(page["data"]) >= count else None

        found = await until(look, f"{count} rows of {path} with {query}")
        assert found is not None
        return found

    async def until_decided(self, key: str) -> Row:
        """The event with its decisions, as soon as it is decided."""

        async def look() -> Row | None:
            event = await self.get(f"/v1/events/{key}")
            return event if event["state"] == "decided" else None

        event = await until(look, f"event {key} is decided")
        assert event is not None
        return event


def api_session(key: str = API_KEY) -> aiohttp.ClientSession:
    """An HTTP session that sends an API key with each call."""
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})


@asynccontextmanager
async def backend_of(url: str, key: str = API_KEY) -> AsyncIterator[Backend]:
    """A caller of the service at `url`."""
    async with api_session(key) as session:
        yield Backend(session, url)
