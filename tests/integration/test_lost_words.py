"""Lost words: what became of a message is written, and whoever was to tell planning of it dies at that moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pymongo.errors import OperationFailure

from channels.base import ProviderStatus
from survey_service.delivery.news import News, take_news
from survey_service.delivery.steps import LOOK_AGAIN
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.invitation import InvitationState
from tests.support.failpoints import failing
from tests.support.pipeline import Pipeline, an_event
from tests.support.smtp_server import Step

DAY = timedelta(days=1)
INTERNAL_ERROR = 1


async def ask(pipeline: Pipeline, until: str = "sending") -> None:
    """Do what is due of an event, stage by stage, up to and with `until`."""
    await pipeline.post(an_event())
    for loop in pipeline.service.worker.loops:
        await loop.run_until_idle()
        if loop.stage.name == until:
            return


async def send_and_die(pipeline: Pipeline, mongodb_uri: str, database_name: str, words: int = 1) -> None:
    """Send what waits; after so many words to its invitation no further one is written."""
    await ask(pipeline, until="planning")
    (sending,) = [loop for loop in pipeline.service.worker.loops if loop.stage.name == "sending"]
    namespace = f"{database_name}.invitations"
    async with failing(mongodb_uri, namespace, ["update"], {"skip": words}, errorCode=INTERNAL_ERROR):
        await sending.run_until_idle()


async def test_the_reminder_comes_though_nobody_told_that_the_mail_left(
    pipeline: Pipeline, mongodb_uri: str, database_name: str
) -> None:
    await pipeline.configure(reminders=({"after": "P3D"},))
    await send_and_die(pipeline, mongodb_uri, database_name)
    assert (await pipeline.delivery()).state is DeliveryState.SENT
    for days, letters in ((2, 1), (1, 2)):
        pipeline.pass_time(days * DAY + LOOK_AGAIN)
        await pipeline.run()
        assert len(pipeline.letters()) == letters


@pytest.mark.parametrize("words", [0, 1])
async def test_what_failed_says_so_though_nobody_told_that_it_did(
    pipeline: Pipeline, mongodb_uri: str, database_name: str, words: int
) -> None:
    await pipeline.configure(exempt=False)
    pipeline.smtp.script(Step.RCPT, "554 5.7.1 policy")
    await send_and_die(pipeline, mongodb_uri, database_name, words)
    pipeline.pass_time(LOOK_AGAIN)
    await pipeline.run()
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.REFUSED)
    assert await pipeline.store.contacts.holding([invitation.id]) == {}


async def test_a_bounce_that_is_told_again_is_acted_upon_again(
    pipeline: Pipeline, mongodb_uri: str, database_name: str
) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    silencing = pipeline.service.parts.silencing
    bounced = News(status=ProviderStatus.FAILED)
    async with failing(mongodb_uri, f"{database_name}.invitations", ["update"], errorCode=INTERNAL_ERROR):
        with pytest.raises(OperationFailure):
            await take_news(await pipeline.delivery(), bounced, pipeline.store, silencing)
    await take_news(await pipeline.delivery(), bounced, pipeline.store, silencing)
    await pipeline.run()
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.REFUSED)


async def test_the_reminder_comes_though_nobody_told_that_an_unknown_message_was_found(
    pipeline: Pipeline, mongodb_uri: str, database_name: str
) -> None:
    await pipeline.configure(reminders=({"after": "P3D"},))
    await ask(pipeline, until="planning")
    row = await pipeline.delivery()
    unknown = {"$set": {"state": DeliveryState.UNKNOWN, "due_at": None}}
    await pipeline.store.database["deliveries"].update_one({"_id": row.id}, unknown)
    pipeline.pass_time(LOOK_AGAIN)
    await pipeline.run()
    found = News(status=ProviderStatus.SENT, provider="twilio", provider_id="SM1")
    namespace = f"{database_name}.invitations"
    # Its state and the word before are the first two.
    async with failing(mongodb_uri, namespace, ["update"], {"skip": 2}, errorCode=INTERNAL_ERROR):
        with pytest.raises(OperationFailure):
            await take_news(await pipeline.delivery(), found, pipeline.store, pipeline.service.parts.silencing)
    assert (await pipeline.delivery()).state is DeliveryState.SENT
    pipeline.pass_time(3 * DAY + LOOK_AGAIN)
    await pipeline.run()
    assert len(pipeline.letters()) == 1
