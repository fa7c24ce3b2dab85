"""A scripted SMTP server: what each phase shall do comes in, real sockets misbehave, what was accepted goes out."""

# ruff: noqa: N802 - aiosmtpd finds its methods by the names of the commands

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session


class Step(StrEnum):
    """Where the script can step in."""

    CONNECT = "CONNECT"  # instead of the greeting
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    RSET = "RSET"
    ACCEPTANCE = "ACCEPTANCE"  # after the final dot
    REPLY = "REPLY"  # after the mail was taken, before the client is told


DROP = "drop"  # cut the connection without a word
HANG = "hang"  # say nothing until the client leaves
HOLD = "hold"  # say nothing until `let_go`, then go on as usual


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail that the server took."""

    sender: str
    recipients: tuple[str, ...]
    options: tuple[str, ...]  # of MAIL
    content: bytes


@dataclass(slots=True)
class _Rule:
    act: str
    times: int
    matching: str


@dataclass
class ScriptedSmtpServer:
    """Real SMTP on a loopback port; `async with` runs it, `stop` and `start` restart it on the same port.

    `script` decides what a step does: DROP, HANG, HOLD or a literal reply (`421 …` also ends the connection).
    """

    certificate: tuple[Path, Path] | None = None  # certificate and key; offers STARTTLS unless `implicit_tls`
    implicit_tls: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    mechanisms: frozenset[str] = frozenset({"PLAIN", "LOGIN"})
    smtputf8: bool = True
    host: str = "127.0.0.1"
    port: int = 0
    mails: list[ReceivedMail] = field(default_factory=list)
    sessions: int = 0  # connections so far
    peak_sessions: int = 0
    hanging: int = 0  # sessions that the script keeps waiting
    commands: list[str] = field(default_factory=list)  # every scripted step as it was reached, with its argument

    def __post_init__(self) -> None:
        self._rules: dict[Step, deque[_Rule]] = defaultdict(deque)
        self._server: asyncio.Server | None = None
        self._live: set[_ScriptedSession] = set()
        self._changed = asyncio.Event()
        self._let_go = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def open_sessions(self) -> int:
        """Connections at this moment."""
        return len(self._live)

    @property
    def address(self) -> str:
        """`host:port`, for URLs."""
        return f"{self.host}:{self.port}"

    def script(self, step: Step, act: str, *, times: int = 1_000_000, matching: str = "") -> None:
        """From now on let `step` do `act`, for the next `times` that its argument contains `matching`."""
        self._rules[step].append(_Rule(act, times, matching))

    def behave(self) -> None:
        """Forget the script."""
        self._rules.clear()

    def let_go(self) -> None:
        """Whatever is on HOLD goes on, now and from now on."""
        self._let_go.set()

    async def start(self) -> None:
        """Listen; the port stays the same over restarts."""
        context = None
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _ScriptedSession(self, None if self.implicit_tls else context),
            self.host,
            self.port,
            ssl=context if self.implicit_tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        assert self._server is not None
        self._server.close()
        for session in list(self._live):
            session.cut()
        await self.until(lambda: not self._live)
        await self._server.wait_closed()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition on this server holds; it is looked at whenever something happens here."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    def take_rule(self, step: Step, argument: str) -> str | None:
        """What the script says for this step, using up one time."""
        self.commands.append(f"{step} {argument}".strip())
        self._changed.set()
        for rule in self._rules[step]:
            if rule.times and rule.matching in argument:
                rule.times -= 1
                return rule.act
        return None

    def enter(self, session: _ScriptedSession) -> None:
        """Count a connection in."""
        self._live.add(session)
        self.sessions += 1
        self.peak_sessions = max(self.peak_sessions, len(self._live))
        self._changed.set()

    def leave(self, session: _ScriptedSession) -> None:
        """Count a connection out."""
        self._live.discard(session)
        self._changed.set()

    async def hang(self, until: asyncio.Event | None = None) -> None:
        """Stay silent until aiosmtpd cancels the session because its connection is gone, or `until` is set."""
        self.hanging += 1
        self._changed.set()
        try:
            await (until or asyncio.Event()).wait()
        finally:
            self.hanging -= 1

    async def hold(self) -> None:
        """Stay silent until `let_go`."""
        await self.hang(self._let_go)

    def receive(self, mail: ReceivedMail) -> None:
        """Store a mail that was taken."""
        self.mails.append(mail)
        self._changed.set()


class _ScriptedSession(SMTP):
    """One connection: aiosmtpd does the protocol wherever the script is silent."""

    def __init__(self, server: ScriptedSmtpServer, starttls: ssl.SSLContext | None) -> None:
        self._script = server
        super().__init__(
            _Mailbox(server),
            hostname="mx.example.com",
            enable_SMTPUTF8=server.smtputf8,
            tls_context=starttls,
            auth_require_tls=not server.users,
            auth_exclude_mechanism={"PLAIN", "LOGIN"} - server.mechanisms,
            auth_callback=lambda _, login, password: server.users.get(login.decode()) == password.decode(),
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is None:  # it is called again after STARTTLS
            self._script.enter(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._script.leave(self)

    def cut(self) -> None:
        """End the connection without a word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def scripted(self, step: Step, argument: str | None) -> str | None:
        """The reply that the script wants here; None leaves it to aiosmtpd, DROP and HANG never come back."""
        act = self._script.take_rule(step, argument or "")
        if act == DROP:
            self.cut()
        if act in (DROP, HANG):
            await self._script.hang()
        if act == HOLD:
            await self._script.hold()
            return None
        return act

    async def _handle_client(self) -> None:
        try:
            reply = await self.scripted(Step.CONNECT, None)
            if reply is None:
                await super()._handle_client()
            else:
                await self.push(reply)
        finally:
            self._writer.close()

    async def _run(self, step: Step, argument: str | None, usual: Callable[[str | None], Awaitable[None]]) -> None:
        reply = await self.scripted(step, argument)
        if reply is None:
            await usual(argument)
            return
        await self.push(reply)
        if reply.startswith("421"):
            self._writer.close()

    async def smtp_EHLO(self, argument: str | None) -> None:
        await self._run(Step.EHLO, argument, super().smtp_EHLO)

    async def smtp_STARTTLS(self, argument: str | None) -> None:
        await self._run(Step.STARTTLS, argument, super().smtp_STARTTLS)

    async def smtp_AUTH(self, argument: str | None) -> None:
        await self._run(Step.AUTH, argument, super().smtp_AUTH)

    async def smtp_MAIL(self, argument: str | None) -> None:
        await self._run(Step.MAIL, argument, super().smtp_MAIL)

    async def smtp_RCPT(self, argument: str | None) -> None:
        await self._run(Step.RCPT, argument, super().smtp_RCPT)

    async def smtp_DATA(self, argument: str | None) -> None:
        await self._run(Step.DATA, argument, super().smtp_DATA)

    async def smtp_RSET(self, argument: str | None) -> None:
        await self._run(Step.RSET, argument, super().smtp_RSET)


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """aiosmtpd's handler: stores what came unless the script refuses it."""

    server: ScriptedSmtpServer

    async def handle_DATA(self, smtp: _ScriptedSession, session: Session, envelope: Envelope) -> str:
        reply = await smtp.scripted(Step.ACCEPTANCE, " ".join(envelope.rcpt_tos))
        if reply is not None:
            return reply
        content = envelope.original_content
        assert isinstance(content, bytes)
        sender = envelope.mail_from or ""
        self.server.receive(ReceivedMail(sender, tuple(envelope.rcpt_tos), tuple(envelope.mail_options), content))
        reply = await smtp.scripted(Step.REPLY, " ".join(envelope.rcpt_tos))
        return reply or "250 2.0.0 Ok: queued as 4F2A"


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate and key for 127.0.0.1 and localhost, made by the openssl program."""
    if shutil.which("openssl") is None:
        raise RuntimeError("the TLS tests need the openssl program (apt-get install openssl)")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
