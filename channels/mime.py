"""An `EmailMessage` and its date come in; the bytes of one mail, ready for SMTP, go out.

Its shape is multipart/alternative, inside of multipart/mixed where something is attached, and never differs: so its
lines are put together here; the stdlib encodes words and bodies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email import base64mime
from email.utils import format_datetime
from urllib.parse import quote

import idna

from channels.base import Attachment, EmailMessage

_SOFT_LINE = 76  # RFC 2047 §2 for lines with encoded words; RFC 5322 §2.1.1 would allow 78
_HARD_LINE = 998  # RFC 5322 §2.1.1
_WORD_BYTES = 45  # 60 characters of base64, 72 with the frame of an encoded word (at most 75)
_WORD_FRAME = len("=?utf-8?b??=")
_LONGEST_ADDRESS = 320  # RFC 5321 §4.5.3.1: 64 octets, @, 255 octets

_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*")
_NAMED_MAILBOX = re.compile(r"\s*(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*", re.DOTALL)
_LOCAL_PART = re.compile(r'[^\s"(),:;<>@\[\]\\]+|"(?:[^"\\]|\\.)*"')
_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_OWN_HEADERS = frozenset(
    {
        "from",
        "to",
        "bcc",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    }
)
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; [a-z]+=[A-Za-z0-9._-]+)*")
_QUOTABLE_NAME = re.compile(r"[ !#-\[\]-~]{1,50}")  # a file's, in a quoted string of RFC 2045 section 5.1 as it is
_NAME_PIECE = re.compile(r"(?:%[0-9A-F]{2}|[^%]){1,16}")  # at most 48 characters
_TRIPLED_BY_QP = bytes([ord("="), *range(128, 256)])


def assemble(message: EmailMessage, date: datetime) -> bytes:
    """Build the mail as it is handed to the server: CRLF lines, no dot-stuffing, 7-bit unless an address needs UTF-8.

    `date` is aware. The same message and date give the same bytes. Only a local part outside ASCII, which no
    header encoding can carry (RFC 6532), makes the result 8-bit; such a mail needs a server with SMTPUTF8.

    Raises:
        ValueError: a header value holds CR, LF or NUL, an address is malformed, or a header cannot be sent as
            it is; the text names the header and never its value.
    """
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise ValueError("Message-ID is not of the form <left@right>")
    digest = hashlib.sha256(message.message_id.encode()).hexdigest()
    body = _multipart("alternative", digest[:32], [_part("plain", message.text), _part("html", message.html)])
    if message.attachments:
        body = _multipart("mixed", digest[32:], [body, *map(_attached, message.attachments)])
    headers = [
        _mailbox_header("From", message.sender),
        f"To: {encode_address(message.recipient)}",
        *([_mailbox_header("Reply-To", message.reply_to)] if message.reply_to else []),
        _text_header("Subject", message.subject),
        f"Date: {format_datetime(date)}",
        f"Message-ID: {message.message_id}",
        *_custom_headers(message.headers),
        "MIME-Version: 1.0",
        "",
    ]
    return "\r\n".join(headers).encode() + body


def split_mailbox(mailbox: str) -> tuple[str, str]:
    """Split `Acme, Inc. <hello@acme.example>` into name and address, the name quoted or not; "" if there is none."""
    match = _NAMED_MAILBOX.fullmatch(mailbox)
    if match is None:
        return "", mailbox.strip()
    name, address = match["name"], match["address"]
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address


def encode_address(address: str) -> str:
    """Write a bare address as it stands in headers and envelopes: the domain in ASCII (IDNA 2008), the rest as given.

    Raises:
        ValueError: the address is malformed; the text does not repeat it.
    """
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            # Without the cause, whose text repeats the domain.
            raise ValueError("address with a domain that IDNA cannot encode") from None
    encoded = f"{local}@{domain}"
    well_formed = local.isprintable() and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain)
    if not well_formed or len(encoded.encode()) > _LONGEST_ADDRESS:
        raise ValueError("malformed address")
    return encoded


def _text_header(name: str, text: str) -> str:
    """A header of free text: as it is where ASCII can say it, else in encoded words (RFC 2047)."""
    _refuse_line_breaks(name, text)
    if not text:
        return f"{name}: "
    if _PLAIN_TEXT.fullmatch(text) and "=?" not in text:
        words = text.split(" ")
        if max(map(len, words)) <= _WORD_BYTES:
            return _fold(name, words)
    return _fold(name, list(_encoded_words(name, text)))


def _mailbox_header(name: str, mailbox: str) -> str:
    """A header of one mailbox, its display name as atoms, quoted or in encoded words."""
    _refuse_line_breaks(name, mailbox)
    display, address = split_mailbox(mailbox)
    encoded = encode_address(address)
    if not display:
        return f"{name}: {encoded}"
    if len(display) > _WORD_BYTES or not _PRINTABLE.fullmatch(display) or "=?" in display:
        words = list(_encoded_words(name, display))
    elif _ATOMS.fullmatch(display):
        words = [display]
    else:
        words = ['"' + re.sub(r'(["\\])', r"\\\1", display) + '"']
    return _fold(name, [*words, f"<{encoded}>"])


def _custom_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """The caller's headers, folded at their own spaces and otherwise untouched: URLs and tokens bear no encoding."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header name holds other characters than letters, digits and hyphens, or is too long")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name} is not a custom header")
        _refuse_line_breaks(name, value)
        if not _PRINTABLE.fullmatch(value):
            raise ValueError(f"{name} holds characters outside printable ASCII")
        yield _fold(name, value.split(" "))


def _refuse_line_breaks(name: str, value: str) -> None:
    """Header injection stops here: a value is one line, whoever wrote it."""
    if "\r" in value or "\n" in value or "\0" in value:
        raise ValueError(f"{name} holds a line break or NUL")


def _encoded_words(name: str, text: str) -> Iterator[str]:
    """RFC 2047 §5 encoded words of whole characters; the first one leaves room for the header's name."""
    room = max(4, (_SOFT_LINE - len(name) - len(": ") - _WORD_FRAME) // 4 * 3)
    chunk = b""
    for character in text:
        octets = character.encode()
        if len(chunk) + len(octets) > min(room, _WORD_BYTES):
            yield base64mime.header_encode(chunk, "utf-8")
            chunk, room = b"", _WORD_BYTES
        chunk += octets
    yield base64mime.header_encode(chunk, "utf-8")


def _fold(name: str, words: list[str]) -> str:
    """Join the words with single spaces, breaking lines before words that would not fit (RFC 5322 §2.2.3)."""
    lines = [f"{name}: {words[0]}"]
    for word in words[1:]:
        if not word or len(lines[-1]) + 1 + len(word) <= _SOFT_LINE:
            lines[-1] += f" {word}"  # an empty word stays here: a line of spaces alone would end the headers for some
        else:
            lines.append(f" {word}")
    if max(map(len, lines)) > _HARD_LINE:
        raise ValueError(f"{name} holds a word longer than a line may be")
    return "\r\n".join(lines)


def _multipart(subtype: str, digest: str, parts: Sequence[bytes]) -> bytes:
    """The header fields and the body that hold the parts apart."""
    boundary = f"=_{digest}"
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n'
    opening, end = f"\r\n--{boundary}\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
    return head.encode() + b"".join(opening + part for part in parts) + end


def _attached(attachment: Attachment) -> bytes:
    """One file, in base64: its bytes arrive as they are."""
    if not _CONTENT_TYPE.fullmatch(attachment.content_type):
        raise ValueError("the type of an attachment is not of the form type/subtype; name=value")
    head = (
        _fold("Content-Type", attachment.content_type.split(" ")),
        "Content-Transfer-Encoding: base64",
        _fold("Content-Disposition", list(_disposition(attachment.name))),
    )
    return "\r\n".join((*head, "", "")).encode() + base64.encodebytes(attachment.content).replace(b"\n", b"\r\n")


def _disposition(name: str) -> Iterator[str]:
    """The words of Content-Disposition (RFC 2183), a name that ASCII cannot say in pieces (RFC 2231 section 4.1)."""
    _refuse_line_breaks("Content-Disposition", name)
    yield "attachment;"
    if _QUOTABLE_NAME.fullmatch(name):
        yield f'filename="{name}"'
        return
    *pieces, last = _NAME_PIECE.findall(f"utf-8''{quote(name, safe='')}")
    yield from (f"filename*{number}*={piece};" for number, piece in enumerate(pieces))
    yield f"filename*{len(pieces)}*={last}" if pieces else f"filename*={last}"


def _part(subtype: str, text: str) -> bytes:
    """One text part in whichever of quoted-printable and base64 is shorter; neither can contain the boundary's `=_`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    octets = lines.encode()
    tripled = len(octets) - len(octets.translate(None, _TRIPLED_BY_QP))
    if tripled * 6 <= len(octets):  # each costs two octets more, base64 a third of everything
        encoding, body = "quoted-printable", binascii.b2a_qp(octets, istext=True)
    else:
        # RFC 2045 §6.8: line breaks of text are CRLF before base64 is applied.
        encoding, body = "base64", base64.encodebytes(octets.replace(b"\n", b"\r\n"))
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body.replace(b"\n", b"\r\n")
