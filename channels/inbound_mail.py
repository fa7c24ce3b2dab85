"""A mail that came to one of our addresses comes in; who wrote what, about which of our mails, goes out.

It is written by anybody: it is read within the bounds of `mail_parts`, and nothing in it is believed. The delivery is
named by the address that it came to, or by the Message-ID that it answers: whoever got our mail knows both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from channels.mail_html import text_of_html
from channels.mail_parts import MailPart, read_leaves, read_part

_ADDRESSED_TO = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "cc")
_EXTENDED = re.compile(r"\+(dlv_[0-9A-Za-z]{1,64})@")
_OUR_MESSAGE_ID = re.compile(r"<(dlv_[0-9A-Za-z]{1,64})@[^<>\s]{1,255}>")
_ADDRESS = re.compile(r"[^\s<>,;:\"()]{1,256}@[^\s<>,;:\"()]{1,255}")
_BRACKETED = re.compile(r"<([^\s<>]{1,256}@[^\s<>]{1,255})>")
_MOST_DELIVERIES = 10

_AUTOMATIC_FIELDS = ("x-autoreply", "x-autorespond", "x-autorespond-to", "x-auto-reply", "list-id", "feedback-id")
_AUTOMATIC_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
# How the subjects of out-of-office notes begin whose servers say nothing of it in a header.
_AUTOMATIC_SUBJECT = re.compile(
    r"(?:out of (?:the )?office|automatic reply|auto(?:matic)? ?-?(?:reply|response)|autoreply|i am away"
    r"|automatische antwort|automatische antwoord|abwesenheit|ich bin (?:nicht im|außer)|außer haus|urlaub:"
    r"|réponse automatique|absence du bureau|absent du bureau|respuesta automática|fuera de (?:la )?oficina"
    r"|ausente|resposta automática|ausência|fora do escritório|رد تلقائي|خارج المكتب)",
    re.IGNORECASE,
)
_FLOWED = re.compile(r"\bformat\s{0,9}=\s{0,9}\"?flowed", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InboundMail:
    """`deliveries` are those of ours that it names, the surest first; `text` still holds what a plain body quotes.

    `is_automatic`: no person wrote it. `message_id` is the sender's own, "" without one.
    """

    sender: str | None = field(repr=False)  # a bare address
    deliveries: tuple[str, ...]
    message_id: str
    subject: str
    text: str = field(repr=False)
    is_automatic: bool


def parse_mail(raw: bytes) -> InboundMail:
    """What any bytes say as a mail; never fails."""
    message = read_part(raw)
    subject = _decoded(message.first("subject"))
    return InboundMail(
        sender=_address(message.first("from")),
        deliveries=_deliveries(message),
        message_id=message.first("message-id")[:320],
        subject=subject,
        text=_text(message),
        is_automatic=_is_automatic(message, subject),
    )


def _deliveries(message: MailPart) -> tuple[str, ...]:
    addressed = [value for name, value in message.fields if name in _ADDRESSED_TO]
    found = [name for value in addressed for name in _EXTENDED.findall(value)]
    found += _OUR_MESSAGE_ID.findall(message.first("in-reply-to"))
    found += reversed(_OUR_MESSAGE_ID.findall(message.first("references")))
    return tuple(dict.fromkeys(found))[:_MOST_DELIVERIES]


def _is_automatic(message: MailPart, subject: str) -> bool:
    """Whether a machine answers (RFC 3834), as far as it says so."""
    submitted = message.first("auto-submitted").partition(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or any(message.first(name) for name in _AUTOMATIC_FIELDS)
        or message.first("precedence").strip().lower() in _AUTOMATIC_PRECEDENCE
        or message.first("return-path").replace(" ", "") == "<>"
        or message.content_type == "multipart/report"
        or _AUTOMATIC_SUBJECT.match(subject) is not None
    )


def _text(message: MailPart) -> str:
    """The first plain body; else the first one in HTML."""
    leaves = [part for part in read_leaves(message) if not _is_attached(part)]
    plain = next((part for part in leaves if part.content_type == "text/plain" and part.text.strip()), None)
    if plain is not None:
        return _unwrapped(plain.text) if _FLOWED.search(plain.first("content-type")) else plain.text
    html = next((part for part in leaves if part.content_type == "text/html"), None)
    return text_of_html(html.text) if html else ""


def _is_attached(part: MailPart) -> bool:
    return part.first("content-disposition").strip().lower().startswith("attachment")


def _unwrapped(text: str) -> str:
    """Paragraphs as they were before they were wrapped (RFC 3676 section 4.2)."""
    pieces: list[str] = []
    for line in text.split("\n"):
        unstuffed = line.removeprefix(" ")
        flows = line.endswith(" ") and line != "-- " and not unstuffed.startswith(">")
        if pieces and pieces[-1].endswith(" ") and unstuffed.startswith(">"):
            pieces.append("\n")  # a quotation ends the paragraph above it
        pieces.append(unstuffed if flows else f"{unstuffed}\n")
    return "".join(pieces).removesuffix("\n")


def _address(mailbox: str) -> str | None:
    found = _BRACKETED.search(mailbox)
    if found is not None:
        return found[1]
    bare = _ADDRESS.search(mailbox)
    return bare[0] if bare else None


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value
