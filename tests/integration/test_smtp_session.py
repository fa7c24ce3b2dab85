"""The email channel opening and closing connections: TLS, login, and a server that refuses, hangs or drops there."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.errors import TemporaryFailure
from channels.smtp import Security, SmtpChannel, SmtpSettings, parse_smtp_url
from tests.support.email_channel import SHORT, failure_of, message, open_channel, settings_for
from tests.support.smtp_server import DROP, HANG, ScriptedSmtpServer, Step, make_certificate

SESSION_STEPS = [Step.CONNECT, Step.EHLO, Step.STARTTLS, Step.AUTH]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSmtpServer]:
    async with ScriptedSmtpServer() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
async def secure_server(certificate: tuple[Path, Path]) -> AsyncIterator[ScriptedSmtpServer]:
    async with ScriptedSmtpServer(
        certificate=certificate, users={"mailer@acme.example": "p/:@ss"}, mechanisms=frozenset({"PLAIN"})
    ) as running:
        yield running


async def test_the_server_is_greeted_with_our_address_or_our_name(server: ScriptedSmtpServer) -> None:
    for hello in (None, "app.acme.example"):
        async with open_channel(dataclasses.replace(settings_for(server), hello=hello)) as channel:
            await channel.send(message())
    assert [command for command in server.commands if command.startswith("EHLO")] == [
        "EHLO [127.0.0.1]",
        "EHLO app.acme.example",
    ]


@pytest.mark.parametrize("implicit_tls", [False, True])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_mail_goes_encrypted_and_logged_in(
    certificate: tuple[Path, Path], implicit_tls: bool, mechanism: str
) -> None:
    async with ScriptedSmtpServer(
        certificate=certificate,
        implicit_tls=implicit_tls,
        users={"mailer@acme.example": "p/:@ss"},
        mechanisms=frozenset({mechanism}),
    ) as server:
        scheme = "smtps" if implicit_tls else "smtp+starttls"
        url = f"{scheme}://mailer%40acme.example:p%2F%3A%40ss@{server.address}?cafile={certificate[0]}"
        async with open_channel(parse_smtp_url(url)) as channel:
            await channel.send(message())
            await channel.send(message(2))
        assert len(server.mails) == 2
        assert server.sessions == 1
        assert [command.split()[1] for command in server.commands if command.startswith("AUTH")] == [mechanism]


@pytest.mark.parametrize("implicit_tls", [False, True])
async def test_an_untrusted_certificate_stops_the_channel(certificate: tuple[Path, Path], implicit_tls: bool) -> None:
    async with ScriptedSmtpServer(certificate=certificate, implicit_tls=implicit_tls) as server:
        trusting_the_system = dataclasses.replace(settings_for(server), cafile=None)
        async with open_channel(trusting_the_system) as channel:
            failure = await failure_of(channel.send(message()))
        assert isinstance(failure, TemporaryFailure)
        assert (failure.code, failure.channel_down) == ("tls-failed", True)
        assert "certificate" in failure.detail
        async with open_channel(dataclasses.replace(trusting_the_system, verify=False)) as channel:
            await channel.send(message())
        assert len(server.mails) == 1


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(server: ScriptedSmtpServer) -> None:
    async with open_channel(dataclasses.replace(settings_for(server), security=Security.STARTTLS)) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("tls-failed", True)
    assert not any(command.startswith("MAIL") for command in server.commands)


async def test_a_refused_login_says_so(secure_server: ScriptedSmtpServer) -> None:
    async with open_channel(dataclasses.replace(settings_for(secure_server), password="wrong")) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("535 5.7.8", True)
    assert failure.detail.startswith("login refused: ")


async def test_a_server_without_login_says_so(server: ScriptedSmtpServer) -> None:
    with_login = dataclasses.replace(settings_for(server), username="mailer", password="secret")
    async with open_channel(with_login) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("login-failed", True)


async def test_a_server_that_is_not_there_stops_the_channel(server: ScriptedSmtpServer) -> None:
    await server.stop()
    async with open_channel(settings_for(server)) as channel:
        failure = await failure_of(channel.send(message()))
        assert isinstance(failure, TemporaryFailure)
        assert (failure.code, failure.channel_down) == ("no-connection", True)
        await server.start()
        await channel.send(message())


async def test_a_name_that_does_not_resolve_stops_the_channel() -> None:
    async with open_channel(SmtpSettings("mail.invalid", 25)) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("no-connection", True)


@pytest.mark.parametrize("reply", ["421 4.3.2 Come back later", "454 4.7.0 Not now", "554 5.3.2 No service here"])
@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_a_session_refused_at_any_step_stops_the_channel(
    secure_server: ScriptedSmtpServer, step: Step, reply: str
) -> None:
    secure_server.script(step, reply)
    async with open_channel(settings_for(secure_server)) as channel:
        failure = await failure_of(channel.send(message()))
        assert isinstance(failure, TemporaryFailure)
        assert failure.channel_down
        assert failure.code == reply[:9]
        secure_server.behave()
        await channel.send(message())


@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_a_session_dropped_at_any_step_stops_the_channel(secure_server: ScriptedSmtpServer, step: Step) -> None:
    secure_server.script(step, DROP)
    async with open_channel(settings_for(secure_server)) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert failure.code in ("connection-lost", "no-connection")
    assert failure.channel_down


@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_a_session_that_hangs_at_any_step_stops_the_channel(
    secure_server: ScriptedSmtpServer, step: Step
) -> None:
    secure_server.script(step, HANG)
    usual = settings_for(secure_server)
    hurried = {Step.CONNECT: dataclasses.replace(usual, connect_timeout=SHORT)}
    settings = hurried.get(step, dataclasses.replace(usual, command_timeout=SHORT))
    async with open_channel(settings) as channel:
        failure = await failure_of(channel.send(message()))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.channel_down) == ("timeout", True)
    await secure_server.until(lambda: secure_server.open_sessions == 0)


async def test_a_cancelled_connect_leaves_nothing_behind(secure_server: ScriptedSmtpServer) -> None:
    secure_server.script(Step.AUTH, HANG)
    async with open_channel(settings_for(secure_server)) as channel:
        sending = asyncio.create_task(channel.send(message()))
        await secure_server.until(lambda: secure_server.hanging == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await secure_server.until(lambda: secure_server.open_sessions == 0)


async def test_closing_waits_for_running_sends_then_closes_every_connection(secure_server: ScriptedSmtpServer) -> None:
    channel = SmtpChannel(settings_for(secure_server), now=lambda: datetime.now(UTC))
    sends = [asyncio.create_task(channel.send(message(n))) for n in range(5)]
    await secure_server.until(lambda: secure_server.sessions == 5)
    await channel.close()
    assert [send.done() for send in sends] == [True] * 5
    await asyncio.gather(*sends)
    await secure_server.until(lambda: secure_server.open_sessions == 0)
    assert len(secure_server.mails) == 5
    assert (await failure_of(channel.send(message()))).code == "closed"
    await channel.close()
