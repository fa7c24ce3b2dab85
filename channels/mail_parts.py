"""The bytes of any message come in; its headers and parts go out, within fixed bounds and without ever failing.

A report is opened by nobody but us and written by anybody: the standard library's parser takes time and stack without
limit on nested parts. Here each byte is looked at a bounded number of times, and what exceeds a limit is left out.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

_MAX_HEAD = 64 * 1024  # bytes of one header block
_MAX_FIELDS = 300
_MAX_VALUE = 2_000  # characters of one field
_MAX_TEXT = 64 * 1024  # characters of one decoded body
_MAX_DEPTH = 4  # a report inside a mailing list's or a scanner's wrapping inside another one
_MAX_PARTS = 40

_HEAD_END = re.compile(rb"(?:\A|\n)\r?\n")
_FIELD = re.compile(r"([!-9;-~]{1,60})[ \t]*:(.*)", re.DOTALL)
# RFC 2046 section 5.1.1 allows 70 characters.
_BOUNDARY = re.compile(r'\bboundary\s{0,9}=\s{0,9}(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_CHARSET = re.compile(r'\bcharset\s{0,9}=\s{0,9}"?([A-Za-z0-9_-]{1,40})', re.IGNORECASE)
# What mail is written in; Python knows others that are no charsets, or slow.
_KNOWN_CHARSETS = re.compile(
    r"utf-?8|utf-?16(?:le|be)?|us-ascii|iso-8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]|macintosh"
    r"|gb2312|gbk|gb18030|big5|euc-(?:jp|kr)|shift-jis|iso-2022-(?:jp|kr)|ks-c-5601-1987|tis-620"
)

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MailPart:
    """A header block, unfolded and with names in lower case, and the bytes below it."""

    fields: Fields
    body: bytes

    def first(self, name: str) -> str:
        """The first field of this lower-case name, "" if there is none."""
        return first_field(self.fields, name)

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case; `text/plain` where none is named (RFC 2045 section 5.2)."""
        return self.first("content-type").partition(";")[0].strip().lower() or "text/plain"

    @property
    def text(self) -> str:
        """The body as text with LF line ends, at most 64 Ki characters; what cannot be decoded is replaced.

        A charset that is not in the list is read as UTF-8.
        """
        body = _decoded(self.body, self.first("content-transfer-encoding").strip().lower())
        named = _CHARSET.search(self.first("content-type"))
        charset = named[1].lower().replace("_", "-") if named else ""
        codec = charset if _KNOWN_CHARSETS.fullmatch(charset) else "utf-8"
        try:
            text = body[: 4 * _MAX_TEXT].decode(codec, "replace")
        except LookupError:  # of the right form, and unknown to Python
            text = body[: 4 * _MAX_TEXT].decode("utf-8", "replace")
        return text[:_MAX_TEXT].replace("\r\n", "\n")


def read_part(raw: bytes) -> MailPart:
    """The header block and the body; lines that are no header (such as mbox's `From `) are passed over."""
    end = _HEAD_END.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    lines = head[:_MAX_HEAD].decode("utf-8", "replace").split("\n")
    return MailPart(read_fields(lines), body)


def read_leaves(message: MailPart) -> list[MailPart]:
    """Every part that holds no other, in order; a message inside (`message/rfc822`) is one of them."""
    leaves: list[MailPart] = []
    waiting = [(message, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        boundary = _BOUNDARY.search(part.first("content-type"))
        if part.content_type.startswith("multipart/") and boundary and depth < _MAX_DEPTH:
            room = max(0, _MAX_PARTS - seen - len(waiting))
            bodies = _split(part.body, (boundary[1] or boundary[2]).encode("utf-8", "replace"), room)
            waiting += [(read_part(body), depth + 1) for body in reversed(bodies)]
        else:
            leaves.append(part)
    return leaves


def read_fields(lines: Iterable[str]) -> Fields:
    """The fields that these lines are, unfolded (RFC 5322 section 2.2.3)."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and fields:
            name, value = fields[-1]
            if len(value) < _MAX_VALUE:
                fields[-1] = (name, f"{value} {line.strip()}"[:_MAX_VALUE])
        elif (found := _FIELD.match(line)) and len(fields) < _MAX_FIELDS:
            fields.append((found[1].lower(), found[2].strip()[:_MAX_VALUE]))
    return tuple(fields)


def first_field(fields: Fields, name: str) -> str:
    """The first field of this lower-case name, "" if there is none."""
    return next((value for found, value in fields if found == name), "")


def _split(body: bytes, boundary: bytes, limit: int) -> list[bytes]:
    """What stands between the delimiter lines, at most `limit` pieces; the last one may lack its end."""
    delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
    pieces: list[bytes] = []
    start: int | None = None
    for line in delimiter.finditer(body):
        if start is not None:
            pieces.append(body[start : line.start()])
        if line[1] or len(pieces) >= limit:
            return pieces[:limit]
        start = line.end() + 1
    if start is not None:
        pieces.append(body[start:])
    return pieces[:limit]


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return body
