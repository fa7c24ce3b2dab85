"""The SMS channel on the real SDK: a server that accepts, refuses, hangs and drops, and reports in any order."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import socket

import pytest

from channels.base import Channel, ProviderStatus, SmsMessage
from channels.errors import OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.twilio_sms import TwilioSettings, TwilioSmsChannel
from tests.support.sms_channel import SENDER, SHORT, failure_of, number, open_sms_channel, sms_message, sms_settings
from tests.support.twilio_server import ACCOUNT_SID, AUTH_TOKEN, Act, Refuse, ScriptedTwilio

BEFORE = [Act.HANG_BEFORE, Act.DROP_BEFORE]
AFTER = [Act.HANG_AFTER, Act.DROP_AFTER, Act.CUT_SHORT, Act.GARBAGE, Act.NAMELESS]


async def test_a_message_is_taken_as_it_was_written(twilio: ScriptedTwilio, sms: Channel[SmsMessage]) -> None:
    text = "Grüße & <b>{{name}}</b>, 100 %?\r\n+1=2;\U0001f600 “ok”"
    outcome = await sms.send(sms_message(text=text, status_url="http://127.0.0.1:1/s?a=1&b=2"))
    (taken,) = twilio.accepted
    assert (taken.sender, taken.recipient, taken.text) == (SENDER, number(), text)
    assert taken.status_url == "http://127.0.0.1:1/s?a=1&b=2"
    assert (outcome.provider, outcome.provider_id) == ("twilio", taken.sid)
    assert (outcome.status, outcome.detail) == (ProviderStatus.ACCEPTED, "queued, segments: 1")


async def test_a_messaging_service_chooses_the_sender(twilio: ScriptedTwilio) -> None:
    settings = dataclasses.replace(sms_settings(twilio), sender=None, messaging_service_sid="MG" + "1" * 32)
    async with open_sms_channel(settings) as sms:
        outcome = await sms.send(sms_message())
    assert outcome.detail.startswith("accepted")
    assert twilio.accepted[0].sender == "+15005550006"


@pytest.mark.parametrize(("sender", "service"), [(None, None), (SENDER, "MG" + "1" * 32)])
def test_settings_name_a_sender_or_a_service(sender: str | None, service: str | None) -> None:
    with pytest.raises(ValueError, match="either a sender or a messaging service"):
        TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, sender, service)


def test_settings_never_show_the_token() -> None:
    assert AUTH_TOKEN not in repr(TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, SENDER))


async def test_edges_in_the_environment_do_not_move_the_api(
    twilio: ScriptedTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    async with open_sms_channel(sms_settings(twilio)) as sms:
        await sms.send(sms_message())
    assert len(twilio.accepted) == 1


async def test_nothing_of_a_message_is_logged(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await sms.send(sms_message())
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
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, refuse: Refuse, unusable: bool, opted_out: bool
) -> None:
    twilio.script(refuse)
    failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, PermanentFailure)
    assert failure.code == str(refuse.code or refuse.status)
    assert (failure.address_unusable, failure.opted_out) == (unusable, opted_out)
    assert twilio.requests == 1


@pytest.mark.parametrize(
    "refuse",
    [
        *(Refuse(401, 20003), Refuse(401), Refuse(403), Refuse(403, 20005), Refuse(404, 20404), Refuse(400, 21212)),
        *(Refuse(404, 21701), Refuse(307, headers={"Location": "http://127.0.0.1:1/"}), Refuse(407)),
    ],
)
async def test_a_wrong_account_or_setting_takes_the_channel_down(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, refuse: Refuse
) -> None:
    twilio.script(refuse)
    failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, TemporaryFailure)
    assert failure.channel_down
    assert twilio.requests == 1


async def test_a_wrong_token_takes_the_channel_down(twilio: ScriptedTwilio) -> None:
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), auth_token="wrong")) as sms:
        failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down, twilio.accepted) == ("20003", True, [])


@pytest.mark.parametrize("code", [20429, None])
async def test_too_many_requests_are_temporary_and_say_for_how_long(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel, code: int | None
) -> None:
    twilio.script(Refuse(429, code, headers={"Retry-After": "7"}))
    failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.retry_after) == (str(code or 429), 7.0)
    assert not failure.channel_down
    assert twilio.requests == 1


@pytest.mark.parametrize("refuse", [Refuse(500, 20500), Refuse(502), Refuse(503, 20503), Refuse(504)])
async def test_a_5xx_leaves_the_outcome_unknown(twilio: ScriptedTwilio, sms: TwilioSmsChannel, refuse: Refuse) -> None:
    twilio.script(refuse)
    failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.code == str(refuse.code or refuse.status)
    assert twilio.requests == 1


@pytest.mark.parametrize("act", BEFORE + AFTER)
@pytest.mark.parametrize("warm", [False, True], ids=["first request", "kept connection"])
async def test_without_a_whole_answer_the_outcome_is_unknown_and_nothing_is_sent_again(
    twilio: ScriptedTwilio, act: Act, warm: bool
) -> None:
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), timeout=SHORT)) as sms:
        if warm:
            await sms.send(sms_message(2))
        twilio.script(act, matching=number(1))
        failure = await failure_of(sms.send(sms_message(1)))
        assert isinstance(failure, OutcomeUnknown)
        assert failure.code in {"timeout", "connection-lost", "unreadable-answer"}
        assert [taken.recipient for taken in twilio.accepted].count(number(1)) == (act in AFTER)
        assert twilio.requests == 1 + warm
        await sms.send(sms_message(3))
    assert twilio.accepted[-1].recipient == number(3)


async def test_a_refused_connection_takes_the_channel_down(twilio: ScriptedTwilio) -> None:
    await twilio.stop()
    async with open_sms_channel(sms_settings(twilio)) as sms:
        failure = await failure_of(sms.send(sms_message()))
        assert isinstance(failure, TemporaryFailure)
        assert (failure.code, failure.channel_down) == ("no-connection", True)
        await twilio.start()
        await sms.send(sms_message())
    assert len(twilio.accepted) == 1


@pytest.mark.parametrize(
    ("api_url", "code"),
    [
        ("http://api.twilio.invalid", "no-connection"),
        ("http://127.0.0.1:99999", "no-connection"),
        ("https://{address}", "tls-failed"),
    ],
)
async def test_what_breaks_before_the_request_takes_the_channel_down(
    twilio: ScriptedTwilio, api_url: str, code: str
) -> None:
    settings = dataclasses.replace(sms_settings(twilio), api_url=api_url.format(address=f"127.0.0.1:{twilio.port}"))
    async with open_sms_channel(settings) as sms:
        failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == (code, True)
    assert twilio.requests == 0


async def test_a_handshake_that_never_ends_takes_the_channel_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = TwilioSettings(
            ACCOUNT_SID, AUTH_TOKEN, SENDER, api_url=f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=SHORT
        )
        async with open_sms_channel(settings) as sms:
            failure = await failure_of(sms.send(sms_message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("timeout", True)


async def test_a_text_that_cannot_be_written_reaches_no_server(twilio: ScriptedTwilio, sms: TwilioSmsChannel) -> None:
    failure = await failure_of(sms.send(sms_message(text="How was it? \ud800")))
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, twilio.requests) == ("unsendable", 0)


async def test_two_hundred_sends_get_their_own_answers_over_twenty_connections(
    twilio: ScriptedTwilio, sms: TwilioSmsChannel
) -> None:
    twilio.answer_in_reverse(20)
    outcomes = await asyncio.gather(*(sms.send(sms_message(index)) for index in range(200)))
    taken = {text.sid: text for text in twilio.accepted}
    assert [taken[outcome.provider_id or ""].recipient for outcome in outcomes] == [number(n) for n in range(200)]
    assert len(taken) == 200
    assert twilio.peak_connections == sms.capacity == 20


async def test_waiting_for_a_connection_uses_up_no_time(twilio: ScriptedTwilio) -> None:
    twilio.script(Act.HANG_BEFORE, times=1)
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), connections=1, timeout=SHORT)) as sms:
        first, second = await asyncio.gather(sms.send(sms_message(1)), sms.send(sms_message(2)), return_exceptions=True)
    assert isinstance(first, OutcomeUnknown)
    assert not isinstance(second, BaseException)


async def test_a_refused_recipient_harms_no_other(twilio: ScriptedTwilio, sms: TwilioSmsChannel) -> None:
    twilio.script(Refuse(400, 21614), matching=number(13))
    twilio.script(Act.DROP_BEFORE, matching=number(14))
    results = await asyncio.gather(*(sms.send(sms_message(n)) for n in range(30)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [13, 14]
    assert {taken.recipient for taken in twilio.accepted} == {number(n) for n in range(30) if n not in (13, 14)}


async def test_connections_that_a_restart_killed_are_replaced(twilio: ScriptedTwilio, sms: TwilioSmsChannel) -> None:
    await asyncio.gather(*(sms.send(sms_message(n)) for n in range(5)))
    await twilio.stop()
    await twilio.start()
    await asyncio.gather(*(sms.send(sms_message(n)) for n in range(5, 10)))
    assert len(twilio.accepted) == 10


async def test_a_cancelled_send_gives_its_place_back_and_is_not_sent_again(twilio: ScriptedTwilio) -> None:
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), connections=1)) as sms:
        twilio.script(Act.HANG_AFTER, times=1)
        sending = asyncio.create_task(sms.send(sms_message(1)))
        await twilio.until(lambda: twilio.hanging == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await sms.send(sms_message(2))
    assert [taken.recipient for taken in twilio.accepted] == [number(1), number(2)]


async def test_close_lets_running_sends_finish_and_refuses_new_ones(twilio: ScriptedTwilio) -> None:
    twilio.answer_in_reverse(3)
    sms = TwilioSmsChannel(sms_settings(twilio))
    sends = [asyncio.create_task(sms.send(sms_message(n))) for n in range(2)]
    await twilio.until(lambda: twilio.requests == 2)
    closing = asyncio.create_task(sms.close())
    late = asyncio.create_task(sms.send(sms_message(3)))
    async with open_sms_channel(sms_settings(twilio)) as other:
        await other.send(sms_message(9))
    assert [outcome.status for outcome in await asyncio.gather(*sends)] == [ProviderStatus.ACCEPTED] * 2
    await closing
    failure = await failure_of(late)
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("closed", True)


async def test_close_leaves_nothing_behind(twilio: ScriptedTwilio) -> None:
    async with open_sms_channel(dataclasses.replace(sms_settings(twilio), timeout=SHORT)) as sms:
        twilio.script(Act.HANG_BEFORE, matching=number(1))
        await asyncio.gather(*(sms.send(sms_message(n)) for n in range(5)), return_exceptions=True)
    del sms
    gc.collect()  # an unclosed session or socket is a warning, and a warning is an error
