"""The SMS channel on the real SDK: a server that accepts, refuses, hangs and drops, and reports in any order."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from channels.base import Channel, ProviderStatus, SmsMessage
from channels.errors import ChannelError, OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.twilio_callbacks import read_inbound, read_status, verify
from channels.twilio_sms import TwilioSettings, TwilioSmsChannel
from survey_service.embedded.twilio_texts import Direction, TextMessage, new_message_sid
from tests.support.twilio_server import ACCOUNT_SID, AUTH_TOKEN, Act, CallbackCatcher, Refuse, ScriptedTwilio

SENDER = "+4915100000000"
SHORT = 0.5  # seconds until a hang is noticed
BEFORE = [Act.HANG_BEFORE, Act.DROP_BEFORE]
AFTER = [Act.HANG_AFTER, Act.DROP_AFTER, Act.CUT_SHORT, Act.GARBAGE, Act.NAMELESS]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedTwilio]:
    async with ScriptedTwilio() as running:
        yield running


@pytest.fixture
async def channel(server: ScriptedTwilio) -> AsyncIterator[TwilioSmsChannel]:
    async with open_channel(settings_for(server)) as opened:
        yield opened


@pytest.fixture
async def catcher() -> AsyncIterator[CallbackCatcher]:
    async with CallbackCatcher() as running:
        yield running


def settings_for(server: ScriptedTwilio) -> TwilioSettings:
    return TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, sender=SENDER, api_url=server.url)


@asynccontextmanager
async def open_channel(settings: TwilioSettings) -> AsyncIterator[TwilioSmsChannel]:
    channel = TwilioSmsChannel(settings)
    try:
        yield channel
    finally:
        await channel.close()


def number(index: int = 1) -> str:
    return f"+49151{index:08d}"


def message(index: int = 1, **changes: object) -> SmsMessage:
    plain = SmsMessage(delivery=f"dlv_{index}", recipient=number(index), text=f"How was it? {index}")
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # fields by name, checked by the dataclass


async def failure_of(asking: Awaitable[object]) -> ChannelError:
    with pytest.raises(ChannelError) as failed:
        await asking
    assert "151" not in failed.value.detail
    assert "How was it" not in failed.value.detail
    return failed.value


async def test_a_message_is_taken_as_it_was_written(server: ScriptedTwilio, channel: Channel[SmsMessage]) -> None:
    text = "Grüße & <b>{{name}}</b>, 100 %?\r\n+1=2;\U0001f600 “ok”"
    outcome = await channel.send(message(text=text, status_url="http://127.0.0.1:1/s?a=1&b=2"))
    (taken,) = server.accepted
    assert (taken.sender, taken.recipient, taken.text) == (SENDER, number(), text)
    assert taken.status_url == "http://127.0.0.1:1/s?a=1&b=2"
    assert (outcome.provider, outcome.provider_id) == ("twilio", taken.sid)
    assert (outcome.status, outcome.detail) == (ProviderStatus.ACCEPTED, "queued, segments: 1")


async def test_a_messaging_service_chooses_the_sender(server: ScriptedTwilio) -> None:
    settings = dataclasses.replace(settings_for(server), sender=None, messaging_service_sid="MG" + "1" * 32)
    async with open_channel(settings) as channel:
        outcome = await channel.send(message())
    assert outcome.detail.startswith("accepted")
    assert server.accepted[0].sender == "+15005550006"


@pytest.mark.parametrize(("sender", "service"), [(None, None), (SENDER, "MG" + "1" * 32)])
def test_settings_name_a_sender_or_a_service(sender: str | None, service: str | None) -> None:
    with pytest.raises(ValueError, match="either a sender or a messaging service"):
        TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, sender, service)


def test_settings_never_show_the_token() -> None:
    assert AUTH_TOKEN not in repr(TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, SENDER))


async def test_edges_in_the_environment_do_not_move_the_api(
    server: ScriptedTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    async with open_channel(settings_for(server)) as channel:
        await channel.send(message())
    assert len(server.accepted) == 1


async def test_nothing_of_a_message_is_logged(
    server: ScriptedTwilio, channel: TwilioSmsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await channel.send(message())
    assert "151" not in caplog.text
    assert "How was it" not in caplog.text


@pytest.mark.parametrize(
    ("refuse", "unusable", "opted_out"),
    [
        (Refuse(400, 21211, f"The 'To' number {number()} is not a valid phone number."), True, False),
        (Refuse(400, 21217), True, False),
        (Refuse(400, 21614), True, False),
        (Refuse(400, 21610, "Attempt to send to unsubscribed recipient"), False, True),
        (Refuse(400, 21612), False, False),
        (Refuse(403, 21408), False, False),
        (Refuse(400, 21617), False, False),
        (Refuse(400, 99999, f"Something new about {number()}"), False, False),
        (Refuse(422), False, False),
    ],
)
async def test_a_refused_message_is_permanent_with_twilios_code(
    server: ScriptedTwilio, channel: TwilioSmsChannel, refuse: Refuse, unusable: bool, opted_out: bool
) -> None:
    server.script(refuse)
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, PermanentFailure)
    assert failure.code == str(refuse.code or refuse.status)
    assert (failure.address_unusable, failure.opted_out) == (unusable, opted_out)
    assert server.requests == 1


@pytest.mark.parametrize(
    "refuse",
    [
        *(Refuse(401, 20003), Refuse(401), Refuse(403), Refuse(403, 20005), Refuse(404, 20404), Refuse(400, 21212)),
        *(Refuse(404, 21701), Refuse(307, headers={"Location": "http://127.0.0.1:1/"}), Refuse(407)),
    ],
)
async def test_a_wrong_account_or_setting_takes_the_channel_down(
    server: ScriptedTwilio, channel: TwilioSmsChannel, refuse: Refuse
) -> None:
    server.script(refuse)
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert failure.channel_down
    assert server.requests == 1


async def test_a_wrong_token_takes_the_channel_down(server: ScriptedTwilio) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), auth_token="wrong")) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down, server.accepted) == ("20003", True, [])


@pytest.mark.parametrize("code", [20429, None])
async def test_too_many_requests_are_temporary_and_say_for_how_long(
    server: ScriptedTwilio, channel: TwilioSmsChannel, code: int | None
) -> None:
    server.script(Refuse(429, code, headers={"Retry-After": "7"}))
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.retry_after) == (str(code or 429), 7.0)
    assert not failure.channel_down
    assert server.requests == 1


@pytest.mark.parametrize("refuse", [Refuse(500, 20500), Refuse(502), Refuse(503, 20503), Refuse(504)])
async def test_a_5xx_leaves_the_outcome_unknown(
    server: ScriptedTwilio, channel: TwilioSmsChannel, refuse: Refuse
) -> None:
    server.script(refuse)
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.code == str(refuse.code or refuse.status)
    assert server.requests == 1


@pytest.mark.parametrize("act", BEFORE + AFTER)
@pytest.mark.parametrize("warm", [False, True], ids=["first request", "kept connection"])
async def test_without_a_whole_answer_the_outcome_is_unknown_and_nothing_is_sent_again(
    server: ScriptedTwilio, act: Act, warm: bool
) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), timeout=SHORT)) as channel:
        if warm:
            await channel.send(message(2))
        server.script(act, matching=number(1))
        failure = await failure_of(channel.send(message(1)))
        assert isinstance(failure, OutcomeUnknown)
        assert failure.code in {"timeout", "connection-lost", "unreadable-answer"}
        assert [taken.recipient for taken in server.accepted].count(number(1)) == (act in AFTER)
        assert server.requests == 1 + warm
        await channel.send(message(3))
    assert server.accepted[-1].recipient == number(3)


async def test_a_refused_connection_takes_the_channel_down(server: ScriptedTwilio) -> None:
    await server.stop()
    async with open_channel(settings_for(server)) as channel:
        failure = await failure_of(channel.send(message()))
        assert isinstance(failure, TemporaryFailure)
        assert (failure.code, failure.channel_down) == ("no-connection", True)
        await server.start()
        await channel.send(message())
    assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("api_url", "code"),
    [
        ("http://api.twilio.invalid", "no-connection"),
        ("http://127.0.0.1:99999", "no-connection"),
        ("https://{address}", "tls-failed"),
    ],
)
async def test_what_breaks_before_the_request_takes_the_channel_down(
    server: ScriptedTwilio, api_url: str, code: str
) -> None:
    settings = dataclasses.replace(settings_for(server), api_url=api_url.format(address=f"127.0.0.1:{server.port}"))
    async with open_channel(settings) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == (code, True)
    assert server.requests == 0


async def test_a_handshake_that_never_ends_takes_the_channel_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = TwilioSettings(
            ACCOUNT_SID, AUTH_TOKEN, SENDER, api_url=f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=SHORT
        )
        async with open_channel(settings) as channel:
            failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("timeout", True)


async def test_a_text_that_cannot_be_written_reaches_no_server(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    failure = await failure_of(channel.send(message(text="How was it? \ud800")))
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, server.requests) == ("unsendable", 0)


async def test_two_hundred_sends_get_their_own_answers_over_twenty_connections(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    server.answer_in_reverse(20)
    outcomes = await asyncio.gather(*(channel.send(message(index)) for index in range(200)))
    taken = {text.sid: text for text in server.accepted}
    assert [taken[outcome.provider_id or ""].recipient for outcome in outcomes] == [number(n) for n in range(200)]
    assert len(taken) == 200
    assert server.peak_connections == channel.capacity == 20


async def test_waiting_for_a_connection_uses_up_no_time(server: ScriptedTwilio) -> None:
    server.script(Act.HANG_BEFORE, times=1)
    async with open_channel(dataclasses.replace(settings_for(server), connections=1, timeout=SHORT)) as channel:
        first, second = await asyncio.gather(channel.send(message(1)), channel.send(message(2)), return_exceptions=True)
    assert isinstance(first, OutcomeUnknown)
    assert not isinstance(second, BaseException)


async def test_a_refused_recipient_harms_no_other(server: ScriptedTwilio, channel: TwilioSmsChannel) -> None:
    server.script(Refuse(400, 21614), matching=number(13))
    server.script(Act.DROP_BEFORE, matching=number(14))
    results = await asyncio.gather(*(channel.send(message(n)) for n in range(30)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [13, 14]
    assert {taken.recipient for taken in server.accepted} == {number(n) for n in range(30) if n not in (13, 14)}


async def test_connections_that_a_restart_killed_are_replaced(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    await asyncio.gather(*(channel.send(message(n)) for n in range(5)))
    await server.stop()
    await server.start()
    await asyncio.gather(*(channel.send(message(n)) for n in range(5, 10)))
    assert len(server.accepted) == 10


async def test_a_cancelled_send_gives_its_place_back_and_is_not_sent_again(server: ScriptedTwilio) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), connections=1)) as channel:
        server.script(Act.HANG_AFTER, times=1)
        sending = asyncio.create_task(channel.send(message(1)))
        await server.until(lambda: server.hanging == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await channel.send(message(2))
    assert [taken.recipient for taken in server.accepted] == [number(1), number(2)]


async def test_close_lets_running_sends_finish_and_refuses_new_ones(server: ScriptedTwilio) -> None:
    server.answer_in_reverse(3)
    channel = TwilioSmsChannel(settings_for(server))
    sends = [asyncio.create_task(channel.send(message(n))) for n in range(2)]
    await server.until(lambda: server.requests == 2)
    closing = asyncio.create_task(channel.close())
    late = asyncio.create_task(channel.send(message(3)))
    async with open_channel(settings_for(server)) as other:
        await other.send(message(9))
    assert [outcome.status for outcome in await asyncio.gather(*sends)] == [ProviderStatus.ACCEPTED] * 2
    await closing
    failure = await failure_of(late)
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("closed", True)


async def test_close_leaves_nothing_behind(server: ScriptedTwilio) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), timeout=SHORT)) as channel:
        server.script(Act.HANG_BEFORE, matching=number(1))
        await asyncio.gather(*(channel.send(message(n)) for n in range(5)), return_exceptions=True)
    del channel
    gc.collect()  # an unclosed session or socket is a warning, and a warning is an error


ORDERS = [
    ("queued", "sent", "delivered"),
    ("delivered", "sent", "queued"),
    ("sent", "sent", "queued", "delivered", "delivered", "sent"),
]


@pytest.mark.parametrize("report_first", [False, True], ids=["after the answer", "before the answer"])
@pytest.mark.parametrize("order", ORDERS)
async def test_statuses_come_signed_in_whatever_order(
    server: ScriptedTwilio,
    channel: TwilioSmsChannel,
    catcher: CallbackCatcher,
    order: tuple[str, ...],
    report_first: bool,
) -> None:
    server.statuses, server.report_first = order, report_first
    outcome = await channel.send(message(status_url=f"{catcher.url}/status/dlv_1?brand=acme"))
    if report_first:
        assert len(catcher.posted) == len(order)
    await server.until_reported()
    statuses = [read_status(posted.form) for posted in catcher.posted]
    assert [status.raw for status in statuses] == list(order)
    assert {(status.provider_id, status.recipient) for status in statuses} == {(outcome.provider_id, number())}
    assert max(statuses, key=lambda status: status.status.rank).status is ProviderStatus.DELIVERED
    for posted in catcher.posted:
        assert posted.url == f"{catcher.url}/status/dlv_1?brand=acme"
        assert verify(posted.url, posted.form, posted.signature, AUTH_TOKEN)
        assert not verify(posted.url, posted.form, posted.signature, "another")


async def test_a_failed_delivery_is_reported_with_its_code(
    server: ScriptedTwilio, channel: TwilioSmsChannel, catcher: CallbackCatcher
) -> None:
    server.statuses = ("sent", ("undelivered", 30005))
    await channel.send(message(status_url=f"{catcher.url}/status/dlv_1"))
    await server.until_reported()
    failed = read_status(catcher.posted[-1].form)
    assert (failed.status, failed.raw, failed.error_code) == (ProviderStatus.FAILED, "undelivered", "30005")
    found = await channel.find_sent(number(), datetime.now(UTC) - timedelta(minutes=1), "How was it")
    assert found is not None
    assert (found.status, found.error_code) == (ProviderStatus.FAILED, "30005")


async def test_statuses_come_although_the_sender_was_cut_off(
    server: ScriptedTwilio, channel: TwilioSmsChannel, catcher: CallbackCatcher
) -> None:
    server.script(Act.DROP_AFTER)
    await failure_of(channel.send(message(status_url=f"{catcher.url}/status/dlv_1")))
    await server.until_reported()
    assert [posted.form["MessageStatus"] for posted in catcher.posted] == ["queued", "sent", "delivered"]


async def test_a_receiver_that_is_gone_does_not_disturb_the_server(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    await channel.send(message(status_url="http://127.0.0.1:1/status"))
    await server.until_reported()
    assert server.accepted[0].status == "delivered"


async def test_a_customer_writes_back(server: ScriptedTwilio, catcher: CallbackCatcher) -> None:
    url = f"{catcher.url}/inbound"
    assert await server.receive(url, number(), SENDER, "9 because fast 😀", opt_out_type="HELP", media=1) == 200
    (posted,) = catcher.posted
    assert verify(url, posted.form, posted.signature, AUTH_TOKEN)
    inbound = read_inbound(posted.form)
    assert (inbound.sender, inbound.recipient, inbound.text) == (number(), SENDER, "9 because fast 😀")
    assert (inbound.opt_out_type, inbound.media) == ("HELP", 1)
    assert server.accepted == []


@pytest.mark.parametrize("act", [Act.HANG_AFTER, Act.DROP_AFTER])
async def test_a_message_that_was_taken_without_an_answer_is_found(server: ScriptedTwilio, act: Act) -> None:
    server.script(act)
    async with open_channel(dataclasses.replace(settings_for(server), timeout=SHORT)) as channel:
        before = datetime.now(UTC)
        assert isinstance(
            await failure_of(channel.send(message(text="Rate us: https://a.example/s/TOKEN1"))), OutcomeUnknown
        )
        found = await channel.find_sent(number(), before, "/s/TOKEN1")
        assert found is not None
        assert found.provider_id == server.accepted[0].sid
        assert before - timedelta(seconds=1) <= found.created_at <= datetime.now(UTC)
        assert await channel.find_sent(number(), before, "/s/TOKEN2") is None
        assert await channel.find_sent(number(2), before, "/s/TOKEN1") is None
        assert await channel.find_sent(number(), before + timedelta(seconds=5), "/s/TOKEN1") is None


async def keep_texts(server: ScriptedTwilio, count: int, text: str, age: timedelta = timedelta()) -> None:
    for _ in range(count):
        sent = TextMessage(
            new_message_sid(), Direction.OUTBOUND, SENDER, number(), text, "sent", datetime.now(UTC) - age
        )
        await server.texts.insert(sent)


async def test_the_search_reads_on_over_pages_up_to_its_bound(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    await keep_texts(server, 1, "marker one")
    await keep_texts(server, 250, "noise")
    assert await channel.find_sent(number(), since, "marker one") is not None
    await keep_texts(server, 250, "noise")
    assert await channel.find_sent(number(), since, "marker one") is None


async def test_an_earlier_message_with_the_same_marker_proves_nothing(
    server: ScriptedTwilio, channel: TwilioSmsChannel
) -> None:
    await keep_texts(server, 1, "marker one", age=timedelta(seconds=30))
    now = datetime.now(UTC)
    assert await channel.find_sent(number(), now - timedelta(seconds=10), "marker one") is None
    ahead = now.astimezone(datetime.strptime("+0500", "%z").tzinfo)
    assert await channel.find_sent(number(), ahead - timedelta(seconds=40), "marker one") is not None


async def test_a_search_that_fails_can_be_made_again(server: ScriptedTwilio) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), auth_token="wrong")) as channel:
        failure = await failure_of(channel.find_sent(number(), datetime.now(UTC), "marker"))
        assert isinstance(failure, TemporaryFailure)
        assert failure.code == "20003"
        await server.stop()
        assert isinstance(await failure_of(channel.find_sent(number(), datetime.now(UTC), "x")), TemporaryFailure)
