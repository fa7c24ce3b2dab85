"""What Twilio reports in whatever order, what customers write back, and the search for a message of unknown fate."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from channels.base import ProviderStatus
from channels.errors import OutcomeUnknown, TemporaryFailure
from channels.twilio_callbacks import read_inbound, read_status, verify
from channels.twilio_sms import TwilioSmsChannel
from survey_service.embedded.twilio_texts import Direction, TextMessage, new_message_sid
from tests.support.sms_channel import SENDER, SHORT, failure_of, number, open_sms_channel, sms_message, sms_settings
from tests.support.twilio_server import AUTH_TOKEN, Act, CallbackCatcher, ScriptedTwilio

ORDERS = [
    ("queued", "sent", "delivered"),
    ("delivered", "sent", "queued"),
    ("sent", "sent", "queued", "delivered", "delivered", "sent"),
]


@pytest.mark.parametrize("report_first", [False, True], ids=["after the answer", "before the answer"])
@pytest.mark.parametrize("order", ORDERS)
async def test_statuses_come_signed_in_whatever_order(
    twilio: ScriptedTwilio,
    sms: TwilioSmsChannel,
    callbacks: CallbackCatcher,
    order: tuple[str, ...],
    report_first: bool,
) -> None:
    twilio.statuses, twilio.report_first = order, report_first
    outcome = await sms.send(sms_message(status_url=f"{callbacks.url}/status/dlv_1?brand=acme"))
    if report_first:
        assert len(callbacks.posted) == len(order)
    await twilio.until_reported()
    statuses = [read_status(posted.form) for posted in callbacks.posted]
    assert [status.raw for status in statuses] == list(order)
    assert {(status.provider_id, status.recipient) for status in statuses} == {(outcome.provider_id, number())}
    assert max(statuses, key=lambda status: status.status.rank).status is ProviderStatus.DELIVERED
    for posted in callbacks.posted:
        assert posted.url == f"{callbacks.url}/status/dlv_1?brand=acme"
        assert verify(posted.url, posted.form, posted.signature, AUTH_TOKEN)
        assert not verify(posted.url, posted.form, posted.signature, "another")


async def test_a_failed_delivery_is_reported_with_its_code(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, callbacks: CallbackCatcher
) -> None:
    twilio.statuses = ("sent", ("undelivered", 30005))
    await sms.send(sms_message(status_url=f"{callbacks.url}/status/dlv_1"))
    await twilio.until_reported()
    failed = read_status(callbacks.posted[-1].form)
    assert (failed.status, failed.raw, failed.error_code) == (ProviderStatus.FAILED, "undelivered", "30005")
    found = await sms.find_sent(number(), datetime.now(UTC) - timedelta(minutes=1), "How was it")
    assert found is not None
    assert (found.status, found.error_code) == (ProviderStatus.FAILED, "30005")


async def test_statuses_come_although_the_sender_was_cut_off(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, callbacks: CallbackCatcher
) -> None:
    twilio.script(Act.DROP_AFTER)
    await failure_of(sms.send(sms_message(status_url=f"{callbacks.url}/status/dlv_1")))
    await twilio.until_reported()
    assert [posted.form["MessageStatus"] for posted in callbacks.posted] == ["queued", "sent", "delivered"]


async def test_a_receiver_that_is_gone_does_not_disturb_the_server(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel
) -> None:
    await sms.send(sms_message(status_url="http://127.0.0.1:1/status"))
    await twilio.until_reported()
    assert twilio.accepted[0].status == "delivered"


async def test_a_customer_writes_back(twilio: ScriptedTwilio, callbacks: CallbackCatcher) -> None:
    url = f"{callbacks.url}/inbound"
    assert await twilio.receive(url, number(), SENDER, "9 because fast 😀", opt_out_type="HELP", media=1) == 200
    (posted,) = callbacks.posted
    assert verify(url, posted.form, posted.signature, AUTH_TOKEN)
    inbound = read_inbound(posted.form)
    assert (inbound.sender, inbound.recipient, inbound.text) == (number(), SENDER, "9 because fast 😀")
    assert (inbound.opt_out_type, inbound.media) == ("HELP", 1)
    assert twilio.accepted == []


@pytest.mark.parametrize("act", [Act.HANG_AFTER, Act.DROP_AFTER])
async def test_a_message_that_was_taken_without_an_answer_is_found(twilio: ScriptedTwilio, act: Act) -> None:
    twilio.script(act)
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), timeout=SHORT)) as sms:
        before = datetime.now(UTC)
        assert isinstance(
            await failure_of(sms.send(sms_message(text="Rate us: https://a.example/s/TOKEN1"))), OutcomeUnknown
        )
        found = await sms.find_sent(number(), before, "/s/TOKEN1")
        assert found is not None
        assert found.provider_id == twilio.accepted[0].sid
        assert before - timedelta(seconds=1) <= found.created_at <= datetime.now(UTC)
        assert await sms.find_sent(number(), before, "/s/TOKEN2") is None
        assert await sms.find_sent(number(2), before, "/s/TOKEN1") is None
        assert await sms.find_sent(number(), before + timedelta(seconds=5), "/s/TOKEN1") is None


async def keep_texts(twilio: ScriptedTwilio, count: int, text: str, age: timedelta = timedelta()) -> None:
    for _ in range(count):
        sent = TextMessage(
            new_message_sid(), Direction.OUTBOUND, SENDER, number(), text, "sent", datetime.now(UTC) - age
        )
        await twilio.texts.insert(sent)


async def test_the_search_reads_on_over_pages_up_to_its_bound(twilio: ScriptedTwilio, sms: TwilioSmsChannel) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    await keep_texts(twilio, 1, "marker one")
    await keep_texts(twilio, 250, "noise")
    assert await sms.find_sent(number(), since, "marker one") is not None
    await keep_texts(twilio, 250, "noise")
    assert await sms.find_sent(number(), since, "marker one") is None


async def test_an_earlier_message_with_the_same_marker_proves_nothing(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel
) -> None:
    await keep_texts(twilio, 1, "marker one", age=timedelta(seconds=30))
    now = datetime.now(UTC)
    assert await sms.find_sent(number(), now - timedelta(seconds=10), "marker one") is None
    ahead = now.astimezone(datetime.strptime("+0500", "%z").tzinfo)
    assert await sms.find_sent(number(), ahead - timedelta(seconds=40), "marker one") is not None


async def test_a_search_that_fails_can_be_made_again(twilio: ScriptedTwilio) -> None:
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), auth_token="wrong")) as sms:
        failure = await failure_of(sms.find_sent(number(), datetime.now(UTC), "marker"))
        assert isinstance(failure, TemporaryFailure)
        assert failure.code == "20003"
        await twilio.stop()
        assert isinstance(await failure_of(sms.find_sent(number(), datetime.now(UTC), "x")), TemporaryFailure)
