"""Without Twilio's settings: text messages go through the real SDK into the sandbox, and a dry run shows their cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from survey_service.cli.running import Role, running_service
from survey_service.models.delivery import ChannelName
from survey_service.parts import Parts
from survey_service.settings import read_settings
from survey_service.store.store import Store
from tests.support.pipeline import SECRET, a_brand, a_customer, a_survey, a_trigger, an_event
from tests.support.processes import in_database
from tests.support.service import api_client
from tests.support.waiting import until

PHONE = "+4915123456789"


async def configure(store: Store, **survey: Any) -> None:
    await store.configuration.brands.put("acme", a_brand())
    await store.configuration.surveys.put("after-delivery", a_survey(**survey))
    await store.configuration.triggers.put("after-delivery", a_trigger(channels=("sms",)))


async def test_a_text_message_is_kept_in_the_sandbox_and_its_statuses_come_back_signed(
    mongodb_uri: str, database_name: str
) -> None:
    environ = {"SURVEY_MONGODB_URI": in_database(mongodb_uri, database_name), "SURVEY_SECRET": SECRET}
    settings = read_settings({**environ, "SURVEY_SANDBOX": "on", "SURVEY_PORT": "0"})
    async with running_service(settings, Role.SERVE) as running:
        parts = running.service.parts
        assert ChannelName.SMS in parts.usable_channels
        await configure(parts.store)
        event = an_event("ord-1", a_customer(phone=PHONE, email=None))
        await parts.receiving.receive([event], decide=True)

        async def is_delivered() -> bool:
            found = await parts.store.database["deliveries"].find_one({"provider_status": "delivered"})
            return found is not None and found["state"] == "sent"

        await until(is_delivered, "the message is delivered")
        (text,) = await parts.store.sandbox_texts.newest(PHONE, None, None, 0, 10)
        assert text.text.startswith("Acme: How likely are you to recommend Acme?")
        assert (text.status, text.direction) == ("delivered", "outbound-api")


@pytest.mark.parametrize(
    ("question", "segments", "warning"),
    [
        ("How was it?", 1, None),
        ("x" * 200, 2, "characters in GSM-7 are billed as 2 messages"),
        ("Как прошло? " * 6, 2, "characters in UCS-2 are billed as 2 messages"),
    ],
)
async def test_a_dry_run_shows_the_segments_and_warns_of_more_than_one(
    parts: Parts, store: Store, question: str, segments: int, warning: str | None
) -> None:
    asked = {"id": "nps", "kind": "nps", "text": {"en": question}}
    await configure(store, questions=(asked,))
    event = {
        "id": "ord-1",
        "source": "/shop/berlin",
        "type": "order.delivered",
        "data": {"customer": {"id": "c-ada", "phone": PHONE}},
    }
    usable = replace(parts, usable_channels=parts.usable_channels | {ChannelName.SMS})
    async with api_client(usable) as api:
        answer = await api.post("/v1/triggers/dry-run", json={"trigger": "after-delivery", "event": event})
        assert answer.status == 200, await answer.text()
        (message,) = (await answer.json())["event"]["messages"]
    assert (message["channel"], message["segments"]) == ("sms", segments)
    assert message["text"].startswith("Acme: ")
    assert (message["warning"] is None) if warning is None else message["warning"].endswith(warning)
