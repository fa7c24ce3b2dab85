"""The email channel handing over messages: a server that accepts, refuses, hangs and drops at every phase."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import email.policy
from collections.abc import AsyncIterator, Callable

import pytest

from channels.base import Channel, EmailMessage, ProviderStatus
from channels.errors import PermanentFailure, TemporaryFailure
from channels.smtp import SmtpChannel
from tests.support.email_channel import SHORT, failure_of, message, open_channel, settings_for
from tests.support.smtp_server import DROP, HANG, ScriptedSmtpServer, Step

MAIL_STEPS = [Step.MAIL, Step.RCPT, Step.DATA, Step.ACCEPTANCE]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSmtpServer]:
    async with ScriptedSmtpServer() as running:
        yield running


@pytest.fixture
async def channel(server: ScriptedSmtpServer) -> AsyncIterator[SmtpChannel]:
    async with open_channel(settings_for(server)) as opened:
        yield opened


async def test_a_message_arrives_as_it_was_written(server: ScriptedSmtpServer, channel: Channel[EmailMessage]) -> None:
    text = "Dear customer,\n.\n..\n.hidden\n\nWie war’s? 😀\n"
    outcome = await channel.send(message(subject="Grüße", text=text, return_path="bounce+dlv_1@acme.example"))
    assert (outcome.provider, outcome.status) == ("smtp", ProviderStatus.ACCEPTED)
    assert outcome.detail == "250 2.0.0 Ok: queued as 4F2A"
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("bounce+dlv_1@acme.example", ("customer1@example.com",))
    received = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert received["Subject"] == "Grüße"
    assert received["Message-ID"] == "<dlv_1@acme.example>"
    body = received.get_body(("plain",))
    assert body is not None
    assert body.get_content() == text.replace("\n", "\r\n")


async def test_without_a_return_path_the_sender_gets_the_bounces(
    server: ScriptedSmtpServer, channel: SmtpChannel
) -> None:
    await channel.send(message())
    assert server.mails[0].sender == "hello@acme.example"


@pytest.mark.parametrize("reply", ["421 4.3.2 Shutting down", "450 4.2.1 Busy", "451 Greylisted"])
@pytest.mark.parametrize("step", MAIL_STEPS)
async def test_a_4xx_at_any_step_is_temporary(
    server: ScriptedSmtpServer, channel: SmtpChannel, step: Step, reply: str
) -> None:
    server.script(step, reply)
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert not failure.channel_down
    assert failure.code == (reply[:9] if "." in reply else reply[:3])
    server.behave()
    await channel.send(message())
    assert server.sessions == (2 if reply.startswith("421") else 1)


@pytest.mark.parametrize("step", MAIL_STEPS)
async def test_a_5xx_is_permanent_and_blames_the_address_at_rcpt_only(
    server: ScriptedSmtpServer, channel: SmtpChannel, step: Step
) -> None:
    server.script(step, "550 5.1.1 <customer1@example.com>: unknown; customer1 is nobody")
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, PermanentFailure)
    assert failure.code == "550 5.1.1"
    assert failure.address_unusable == (step is Step.RCPT)
    server.behave()
    await channel.send(message())
    assert server.sessions == 1


@pytest.mark.parametrize("step", MAIL_STEPS)
async def test_a_drop_at_any_step_is_temporary(server: ScriptedSmtpServer, channel: SmtpChannel, step: Step) -> None:
    server.script(step, DROP)
    failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert failure.code == ("no-answer-after-data" if step is Step.ACCEPTANCE else "connection-lost")
    assert not failure.channel_down
    server.behave()
    await channel.send(message())
    assert len(server.mails) == 1


@pytest.mark.parametrize("step", MAIL_STEPS)
async def test_a_hang_at_any_step_is_temporary_and_frees_the_socket(server: ScriptedSmtpServer, step: Step) -> None:
    server.script(step, HANG)
    usual = settings_for(server)
    hurried = {Step.ACCEPTANCE: dataclasses.replace(usual, acceptance_timeout=SHORT)}
    async with open_channel(hurried.get(step, dataclasses.replace(usual, command_timeout=SHORT))) as channel:
        failure = await failure_of(channel.send(message()))
        assert isinstance(failure, TemporaryFailure)
        assert failure.code == ("no-answer-after-data" if step is Step.ACCEPTANCE else "timeout")
        assert not failure.channel_down
        await server.until(lambda: server.open_sessions == 0)


async def test_a_full_mailbox_is_temporary(server: ScriptedSmtpServer, channel: SmtpChannel) -> None:
    server.script(Step.RCPT, "552 5.2.2 Mailbox full")
    assert isinstance(await failure_of(channel.send(message())), TemporaryFailure)


@pytest.mark.parametrize("after_refusal", ["500 RSET not known", DROP, "421 Bye"])
async def test_a_failed_reset_hides_no_refusal_and_costs_only_the_connection(
    server: ScriptedSmtpServer, channel: SmtpChannel, after_refusal: str
) -> None:
    server.script(Step.RCPT, "550 5.1.1 Unknown", matching="customer1@")
    server.script(Step.RSET, after_refusal)
    failure = await failure_of(channel.send(message(1)))
    assert failure.code == "550 5.1.1"
    await channel.send(message(2))
    assert server.sessions == 2


async def test_a_refused_recipient_harms_no_other(server: ScriptedSmtpServer, channel: SmtpChannel) -> None:
    server.script(Step.RCPT, "550 5.1.1 Unknown", matching="customer13@")
    results = await asyncio.gather(*(channel.send(message(n)) for n in range(30)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [13]
    assert isinstance(results[13], PermanentFailure)
    assert {mail.recipients for mail in server.mails} == {(f"customer{n}@example.com",) for n in range(30) if n != 13}
    assert server.peak_sessions <= 5


async def test_many_messages_arrive_once_each_over_few_connections(
    server: ScriptedSmtpServer, channel: SmtpChannel
) -> None:
    await asyncio.gather(*(channel.send(message(n)) for n in range(50)))
    assert sorted(mail.recipients for mail in server.mails) == sorted((f"customer{n}@example.com",) for n in range(50))
    assert server.sessions == channel.capacity == 5


async def test_connections_that_a_restart_killed_are_replaced(server: ScriptedSmtpServer, channel: SmtpChannel) -> None:
    await asyncio.gather(*(channel.send(message(n)) for n in range(5)))
    await server.stop()
    await server.start()
    await asyncio.gather(*(channel.send(message(n)) for n in range(5, 10)))
    assert len(server.mails) == 10


@pytest.mark.parametrize("death", [DROP, HANG, "421 4.4.2 Idle for too long"])
async def test_a_kept_connection_that_is_dead_at_mail_is_replaced_once(server: ScriptedSmtpServer, death: str) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), command_timeout=SHORT)) as channel:
        await channel.send(message(1))
        server.script(Step.MAIL, death, times=1)
        await channel.send(message(2))
        assert (len(server.mails), server.sessions) == (2, 2)
        server.script(Step.MAIL, death, times=2)
        assert isinstance(await failure_of(channel.send(message(3))), TemporaryFailure)
        assert (len(server.mails), server.sessions) == (2, 3)


async def test_an_idle_connection_is_closed_after_a_while(server: ScriptedSmtpServer) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), idle_timeout=0.01)) as channel:
        await channel.send(message(1))
        await server.until(lambda: server.open_sessions == 0)
        await channel.send(message(2))
    assert (len(server.mails), server.sessions) == (2, 2)


@pytest.mark.parametrize("step", MAIL_STEPS)
async def test_a_cancelled_send_returns_no_half_used_connection(server: ScriptedSmtpServer, step: Step) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), connections=1)) as channel:
        await channel.send(message(1))
        server.script(step, HANG)
        sending = asyncio.create_task(channel.send(message(2)))
        await server.until(lambda: server.hanging == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.behave()
        await channel.send(message(3))
    assert [mail.recipients for mail in server.mails] == [("customer1@example.com",), ("customer3@example.com",)]
    assert server.sessions == 2


async def test_an_international_address_needs_a_server_that_takes_it(
    server: ScriptedSmtpServer, channel: SmtpChannel
) -> None:
    await channel.send(message(recipient="josé@bücher.example"))
    (mail,) = server.mails
    assert mail.recipients == ("josé@xn--bcher-kva.example",)
    assert "SMTPUTF8" in mail.options
    async with ScriptedSmtpServer(smtputf8=False) as plain, open_channel(settings_for(plain)) as plain_channel:
        failure = await failure_of(plain_channel.send(message(recipient="josé@bücher.example")))
        assert isinstance(failure, PermanentFailure)
        assert (failure.code, failure.address_unusable) == ("smtputf8-unsupported", False)
        await plain_channel.send(message(recipient="jose@bücher.example"))
        assert plain.mails[0].recipients == ("jose@xn--bcher-kva.example",)
        assert plain.sessions == 1


@pytest.mark.parametrize(
    ("change", "code", "address_unusable"),
    [
        (lambda m: dataclasses.replace(m, recipient="customer1@example.com> SIZE=1"), "bad-address", True),
        (lambda m: dataclasses.replace(m, return_path="bounce@acme.example>\r\nRSET"), "unsendable", False),
        (lambda m: dataclasses.replace(m, subject="Hello\r\nBcc: victim@example.com"), "unsendable", False),
        (lambda m: dataclasses.replace(m, text="\ud800"), "unsendable", False),
    ],
)
async def test_a_message_that_cannot_be_written_reaches_no_server(
    server: ScriptedSmtpServer,
    channel: SmtpChannel,
    change: Callable[[EmailMessage], EmailMessage],
    code: str,
    address_unusable: bool,
) -> None:
    failure = await failure_of(channel.send(change(message())))
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, failure.address_unusable) == (code, address_unusable)
    assert server.sessions == 0
