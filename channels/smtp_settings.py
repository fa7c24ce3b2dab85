"""An SMTP URL comes in; a frozen `SmtpSettings` goes out, or a ValueError that never shows the password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


class Security(StrEnum):
    """How the connection is protected."""

    NONE = "none"  # plain text: a server on the same machine or network
    STARTTLS = "starttls"  # upgraded before anything is said; a server that cannot is refused (RFC 3207)
    TLS = "tls"  # encrypted from the first byte (RFC 8314)


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed over and how; times in seconds."""

    host: str
    port: int
    security: Security = Security.NONE
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 10  # pool size
    connect_timeout: float = 10.0  # TCP with TLS, then the greeting
    command_timeout: float = 30.0  # each of EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, RSET, QUIT
    acceptance_timeout: float = 120.0  # the answer to the final dot; giving up too early makes a second copy (RFC 1047)
    idle_timeout: float = 30.0  # an unused connection is closed after this
    verify: bool = True  # the server's certificate and its name
    cafile: Path | None = None  # certificates to trust instead of the system's
    hello: str | None = None  # our name in EHLO; None: our address as a literal (RFC 5321 §4.1.4)


_SCHEMES = {
    "smtp": (Security.NONE, 25),
    "smtp+starttls": (Security.STARTTLS, 587),
    "smtps": (Security.TLS, 465),
}
_OPTIONS = {
    "connections": "a whole number from 1 to 999",
    "timeout": "a number of seconds above 0",
    "verify": "true or false",
    "cafile": "a path",
    "hello": "a host name",
}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_])?|[0-9A-Fa-f:.]{2,45}")


def parse_smtp_url(url: str) -> SmtpSettings:
    """Read `smtp://`, `smtps://` or `smtp+starttls://` with optional `user:password@`, port and query.

    Credentials are percent-decoded. Query options: `connections`, `timeout`, `verify`, `cafile`, `hello`.
    `timeout` holds for connecting and for each command; the wait for the answer to a whole message is never
    shortened by it, since that would make second copies.

    Raises:
        ValueError: says which part is wrong without repeating any of it, since a bad URL often has its
            password in the wrong place.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Without the cause, whose text repeats what it could not read.
        raise ValueError(
            "SMTP URL: host or port cannot be read; percent-encode / ? # [ ] @ : in the password"
        ) from None
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"SMTP URL: the scheme must be one of {', '.join(_SCHEMES)}")
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError("SMTP URL: only a query may follow the host; percent-encode / and # in the password")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("SMTP URL: the host is missing or malformed")
    if port == 0:
        raise ValueError("SMTP URL: the port must be from 1 to 65535")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("SMTP URL: user and password must be given together")
    security, default_port = _SCHEMES[parts.scheme]
    settings = SmtpSettings(
        host=parts.hostname,
        port=port or default_port,
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        settings = _with_option(settings, option, value)
    return settings


def _with_option(settings: SmtpSettings, option: str, value: str) -> SmtpSettings:
    """The settings with one option of the query taken over."""
    match option:
        case "connections" if re.fullmatch(r"[1-9][0-9]{0,2}", value):
            return replace(settings, connections=int(value))
        case "timeout" if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", value) and float(value) > 0:
            seconds = float(value)
            return replace(
                settings,
                connect_timeout=seconds,
                command_timeout=seconds,
                acceptance_timeout=max(seconds, settings.acceptance_timeout),
            )
        case "verify" if value in ("true", "false"):
            return replace(settings, verify=value == "true")
        case "cafile" if value:
            return replace(settings, cafile=Path(value))
        case "hello" if _HOST.fullmatch(value):
            return replace(settings, hello=value)
    if option in _OPTIONS:
        raise ValueError(f"SMTP URL: {option} must be {_OPTIONS[option]}")
    raise ValueError(f"SMTP URL: unknown option; there are {', '.join(_OPTIONS)}")
