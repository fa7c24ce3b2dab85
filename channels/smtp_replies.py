"""What a server said, or that it fell silent, comes in; the `ChannelError` it amounts to goes out."""

from __future__ import annotations

import re
import ssl
from enum import Enum, StrEnum, auto

import aiosmtplib

from channels.errors import ChannelError, PermanentFailure, TemporaryFailure


class Phase(StrEnum):
    """The steps of an SMTP session, in their order."""

    CONNECT = "connect"  # TCP, TLS from the start, greeting
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    ACCEPTANCE = "final dot"


class _Meaning(Enum):
    """What a 5xx reply to one message is about."""

    ADDRESS = auto()  # nobody can be reached there
    MAILBOX_FULL = auto()  # there is somebody, who may clear it up
    MESSAGE = auto()  # this message, its sender or a policy; says nothing against the address


# RFC 3463 §3 and RFC 7505 §4.2, for replies to RCPT. A subject that is not listed is read by its reply code.
_RCPT_STATUS = {
    "5.1.0": _Meaning.ADDRESS,  # other address status
    "5.1.1": _Meaning.ADDRESS,  # bad destination mailbox address
    "5.1.2": _Meaning.ADDRESS,  # bad destination system address
    "5.1.3": _Meaning.ADDRESS,  # bad destination mailbox address syntax
    "5.1.4": _Meaning.ADDRESS,  # destination mailbox address ambiguous
    "5.1.6": _Meaning.ADDRESS,  # destination mailbox has moved, no forwarding address
    "5.1.7": _Meaning.MESSAGE,  # bad sender's mailbox address syntax
    "5.1.8": _Meaning.MESSAGE,  # bad sender's system address
    "5.1.10": _Meaning.ADDRESS,  # the domain has a null MX
    "5.2.1": _Meaning.ADDRESS,  # mailbox disabled
    "5.2.3": _Meaning.MESSAGE,  # message longer than the mailbox takes
    "5.3.4": _Meaning.MESSAGE,  # message too big for the system
    "5.4.4": _Meaning.ADDRESS,  # unable to route: in practice, there is no such domain
}
# RFC 5321 §4.2.3 and RFC 7504 §3, for replies to RCPT without a status of the table above.
_RCPT_CODE = {
    550: _Meaning.ADDRESS,  # mailbox unavailable
    551: _Meaning.ADDRESS,  # user not local
    552: _Meaning.MAILBOX_FULL,  # exceeded storage; RFC 5321 §4.5.3.1.10 has clients take it as temporary here
    553: _Meaning.ADDRESS,  # mailbox name not allowed
    556: _Meaning.ADDRESS,  # the domain does not accept mail
}
# RFC 4954 §6, RFC 3207 §4: the server wants a login or TLS first, so no message would pass.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
# Many servers refuse by policy with a bare 550. Suppressing a good address costs more than one more try at a bad one.
_POLICY_WORDS = re.compile(
    r"relay|authenticat|spam|block(?:ed|list)|black ?list|polic(?:y|ies)|prohibit|reputation"
    r"|\b(?:spf|dkim|dmarc|dnsbl|rbl)\b",
    re.IGNORECASE,
)

_STATUS = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?=\s|$)[ \t]*", re.MULTILINE)
_ADDRESS = re.compile(r"""(?:"[^"\n]*"|[^\s"<>(),;:]+)(?:@|%40)[^\s"<>(),;]+""", re.IGNORECASE)
_DETAIL_LENGTH = 200


def code_and_detail(code: int, text: str, private: str = "") -> tuple[str, str]:
    """A reply as a `ChannelError` shows it: `550 5.1.1` (RFC 2034) and one short line without addresses."""
    status = _enhanced_status(code, text)
    return f"{code} {status}".strip(), scrub(_STATUS.sub("", text), private)


def scrub(text: str, private: str = "") -> str:
    """One printable line of at most 200 characters, without addresses and without `private` or its local part."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if private:
        text = re.sub(re.escape(private), "[address]", text, flags=re.IGNORECASE)
    text = _ADDRESS.sub("[address]", text)
    local = private.rpartition("@")[0]
    if local:
        text = re.sub(rf"(?<![\w.+-]){re.escape(local)}(?![\w+-])", "[address]", text, flags=re.IGNORECASE)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _DETAIL_LENGTH else text[: _DETAIL_LENGTH - 1] + "…"


def refusal(phase: Phase, code: int, text: str, recipient: str) -> ChannelError:
    """What an unwelcome reply to MAIL, RCPT, DATA or the final dot amounts to."""
    full_code, said = code_and_detail(code, text, recipient)
    detail = f"refused at {phase}: {said}"
    if code in _LOGIN_CODES:
        return TemporaryFailure(full_code, detail, channel_down=True)
    if code // 100 != 5:
        return TemporaryFailure(full_code, detail)
    meaning = _meaning(phase, code, text)
    if meaning is _Meaning.MAILBOX_FULL:
        return TemporaryFailure(full_code, detail)
    return PermanentFailure(full_code, detail, address_unusable=meaning is _Meaning.ADDRESS)


def silence(phase: Phase, error: Exception) -> TemporaryFailure:
    """What it amounts to when MAIL, RCPT, DATA or the final dot got no answer, or none that could be read."""
    if phase is Phase.ACCEPTANCE:
        # The server may have taken the message; its Message-ID stays the same, so a second copy is recognisable.
        return TemporaryFailure("no-answer-after-data", f"{_cause(error)} before the message was acknowledged")
    return TemporaryFailure(_cause(error).replace(" ", "-"), f"{_cause(error)} at {phase}")


def opening_failure(phase: Phase, error: Exception, username: str = "") -> TemporaryFailure:
    """What a connection that could not be opened amounts to: no message would have passed."""
    tls_error = next((e for e in (error, error.__cause__) if isinstance(e, ssl.SSLError)), None)
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        code, said = code_and_detail(error.code, error.message, username)
        what = "login refused" if phase is Phase.AUTH else f"refused at {phase}"
        return TemporaryFailure(code, f"{what}: {said}", channel_down=True)
    if tls_error is not None:
        reason = getattr(tls_error, "verify_message", "") or tls_error.reason or "handshake failed"
        return TemporaryFailure("tls-failed", f"no TLS with the server: {reason}", channel_down=True)
    if isinstance(
        error, aiosmtplib.SMTPTimeoutError | aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPResponseException
    ):
        return TemporaryFailure(_cause(error).replace(" ", "-"), f"{_cause(error)} at {phase}", channel_down=True)
    if phase is Phase.STARTTLS:
        return TemporaryFailure("tls-failed", "the server does not offer STARTTLS", channel_down=True)
    if phase is Phase.AUTH:
        return TemporaryFailure("login-failed", f"login impossible: {scrub(str(error), username)}", channel_down=True)
    return TemporaryFailure("no-connection", scrub(str(error)), channel_down=True)


def _meaning(phase: Phase, code: int, text: str) -> _Meaning:
    status = _enhanced_status(code, text)
    if status == "5.2.2":  # mailbox full: permanent by RFC 3463, but tried again by common practice
        return _Meaning.MAILBOX_FULL
    if phase is not Phase.RCPT:
        return _Meaning.MESSAGE
    if status in _RCPT_STATUS:
        return _RCPT_STATUS[status]
    if status.startswith("5.7.") or _POLICY_WORDS.search(text):
        return _Meaning.MESSAGE
    return _RCPT_CODE.get(code, _Meaning.MESSAGE)


def _enhanced_status(code: int, text: str) -> str:
    """The RFC 3463 status that a reply opens with, if its class is that of the reply code (RFC 2034 §4), else ""."""
    match = _STATUS.match(text)
    return match[1] if match and match[1][0] == str(code)[0] else ""


def _cause(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return "timeout"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return "unreadable reply"
    return "connection lost"
