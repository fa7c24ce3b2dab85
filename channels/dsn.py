"""A message that came to the bounce address comes in; what it says about one of our mails goes out.

Read are delivery status notifications (RFC 3464, RFC 6533), spam complaints (RFC 5965) and the plain notes of qmail and
older Exim. Nothing in them is to be believed but the delivery they name: whoever got the mail knows that name, and what
follows touches that mail's own recipient, never an address that the report brings along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from channels.errors import PermanentFailure
from channels.mail_parts import Fields, MailPart, first_field, read_fields, read_leaves, read_part
from channels.smtp_replies import Phase, code_and_detail, refusal, scrub


class NotAReport(Exception):
    """The message says nothing about the fate of a mail: an out-of-office note, a letter, spam, noise."""


class Action(StrEnum):
    """What became of the mail (RFC 3464 section 2.3.3), or what its reader did with it."""

    FAILED = "failed"  # it will not arrive
    DELAYED = "delayed"  # it is still being tried
    DELIVERED = "delivered"  # it is in the mailbox
    RELAYED = "relayed"  # handed to a system that sends no reports
    EXPANDED = "expanded"  # delivered to a list, which sent it on
    COMPLAINED = "complained"  # the reader called it spam (RFC 5965)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one report says; `address_unusable` is a hard bounce: nobody can be reached at that address."""

    delivery: str | None  # our id, as the report names it
    recipient: str | None = field(repr=False)
    action: Action
    status: str = ""  # RFC 3463, such as `5.1.1`; "" where none is given
    diagnostic: str = ""  # the other side's words: one short line without addresses
    address_unusable: bool = False


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_TYPES = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers"}
)
# RFC 5965 section 7.3 and RFC 6650; `not-spam` and the reports on authentication (RFC 6591) are no complaints.
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})
_ADDRESSED_TO = ("to", "delivered-to", "x-original-to", "return-path", "envelope-to", "x-envelope-to", "x-delivered-to")
_REFERS_TO = ("in-reply-to", "references")
_SEVEREST_FIRST = tuple(Action)
_MAX_GROUPS = 50
_MAX_WORDS = 1_000  # characters of a diagnostic that are looked at

_VERP = re.compile(r"\+(dlv_[0-9A-Za-z]{1,64})@")
_OUR_MESSAGE_ID = re.compile(r"<(dlv_[0-9A-Za-z]{1,64})@[^<>\s]{1,255}>")
_COPIED_MESSAGE_ID = re.compile(r"^Message-ID:\s{0,9}(<[^<>\s]{1,320}>)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
# RFC 5321 section 4.2.1 and RFC 2034: `550 5.1.1` or `550-5.1.1`; other numbers stand against a letter or a dot.
_REPLY = re.compile(
    r"(?:^|(?<=[\s;(]))([245][0-5]\d)(?=[ -]|$)(?:[ -]([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?", re.MULTILINE
)
_TYPED = re.compile(r"\s*[A-Za-z0-9-]{1,40}\s*;\s*")
_ADDRESS = re.compile(r"[^\s<>,;:\"]{1,256}@[^\s<>,;:\"]{1,255}")
_QMAIL_RECIPIENT = re.compile(r"^<([^<>\s]{1,256}@[^<>\s]{1,255})>:$", re.MULTILINE)
_DAEMON = re.compile(r"\b(?:mailer-daemon|postmaster|mail delivery (?:sub)?system)\b", re.IGNORECASE)
_COPY_BEGINS = re.compile(
    r"^[ \t]{0,8}-{2,20}.{0,80}(?:copy of (?:the|your)|original message)", re.IGNORECASE | re.MULTILINE
)
# Said of the message, not of the address: Exim's and Postfix's words for a refusal of the content.
_AFTER_DATA = re.compile(r"(?:after|reply\s{1,9}to)\s{1,9}end\s{1,9}of\s{1,9}data", re.IGNORECASE)


def parse_report(raw: bytes) -> DeliveryReport:
    """What the message says; of several recipients the worst off.

    Raises:
        NotAReport: it says nothing about the fate of a mail.
    """
    message = read_part(raw)
    parts = read_leaves(message)
    note = next((part.text for part in parts if part.content_type.startswith("text/plain")), "")
    for part in parts:
        if part.content_type in _STATUS_TYPES:
            group = _worst_group(part.text)
            if group is not None:
                return _from_notification(group, note, _delivery(message, parts, note))
        elif part.content_type == "message/feedback-report":
            return _from_complaint(read_fields(part.text.split("\n")), message, parts, note)
    return _from_plain_note(message, note, _delivery(message, parts, note))


def _worst_group(text: str) -> Fields | None:
    """The fields about the recipient who fared worst (RFC 3464 section 2.3); None where no recipient is named."""
    groups = [read_fields(lines) for lines in _paragraphs(text)]
    recipients = [group for group in groups if {"action", "status", "final-recipient"} & {name for name, _ in group}]
    return min(recipients, key=lambda group: _SEVEREST_FIRST.index(_action(group)), default=None)


def _paragraphs(text: str) -> Iterable[list[str]]:
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            if len(paragraphs) == _MAX_GROUPS:
                break
            paragraphs.append([])
    return paragraphs


def _action(group: Fields) -> Action:
    """The named action, else the one that the class of the status stands for."""
    named = first_field(group, "action").partition(" ")[0].lower()
    if named in _SEVEREST_FIRST and named != Action.COMPLAINED:
        return Action(named)
    return {"5": Action.FAILED, "2": Action.DELIVERED}.get(first_field(group, "status")[:1], Action.DELAYED)


def _from_notification(group: Fields, note: str, delivery: str | None) -> DeliveryReport:
    original = _typed_address(first_field(group, "original-recipient"))
    final = _typed_address(first_field(group, "final-recipient"))
    words = _shortened(_TYPED.sub("", first_field(group, "diagnostic-code"), count=1))
    status = _STATUS.search(first_field(group, "status"))
    phase = Phase.ACCEPTANCE if _AFTER_DATA.search(note) else Phase.RCPT
    report = _judged(delivery, original or final, _action(group), status[0] if status else "", words, phase)
    # A mail may have been forwarded: the second address is nobody's business either.
    return replace(report, diagnostic=scrub(report.diagnostic, final or ""))


def _from_complaint(feedback: Fields, message: MailPart, parts: list[MailPart], note: str) -> DeliveryReport:
    kind = first_field(feedback, "feedback-type").lower()
    if kind not in _COMPLAINTS:
        raise NotAReport("a feedback report that is no complaint")
    sender = _VERP.search(first_field(feedback, "original-mail-from"))
    delivery = sender[1] if sender else _delivery(message, parts, note)
    recipient = _ADDRESS.search(first_field(feedback, "original-rcpt-to"))
    return DeliveryReport(delivery, recipient[0] if recipient else None, Action.COMPLAINED, diagnostic=kind)


def _from_plain_note(message: MailPart, note: str, delivery: str | None) -> DeliveryReport:
    """A bounce in words alone: believed where a mail system signs it, so that `550 Main Street` is no reply code."""
    failed = _ADDRESS.search(message.first("x-failed-recipients"))
    if failed is None and not _DAEMON.search(message.first("from")):
        raise NotAReport("no report, and not from a mail system")
    copy = _COPY_BEGINS.search(note)
    said = note[: copy.start()] if copy else note
    named = _QMAIL_RECIPIENT.search(said)
    recipient = failed[0] if failed else named[1] if named else None
    reply, status = _REPLY.search(said), _STATUS.search(said)
    found = reply or status
    if found is None and failed is None:
        raise NotAReport("a mail system's note without a reply code")
    line_start = said.rfind("\n", 0, found.start()) + 1 if found else 0
    words = _shortened(said[line_start:].partition("\n\n")[0]) if found else ""
    kind = (reply[1] if reply else status[0] if status else "5")[0]
    action = {"4": Action.DELAYED, "2": Action.DELIVERED}.get(kind, Action.FAILED)
    phase = Phase.ACCEPTANCE if _AFTER_DATA.search(said) else Phase.RCPT
    return _judged(delivery, recipient, action, status[0] if status else "", words, phase)


def _judged(
    delivery: str | None, recipient: str | None, action: Action, status: str, words: str, phase: Phase
) -> DeliveryReport:
    """The report with its verdict on the address: the one that the same words in an SMTP session would get."""
    private = recipient or ""
    reply = _REPLY.search(words)
    if reply is None:
        # 554 says nothing about the address by itself, so the status alone decides.
        code, diagnostic = (554 if status.startswith("5") else 450), scrub(words, private)
        text = f"{status} {words}"
    else:
        code = int(reply[1])
        own = reply[2] if reply[2] and reply[2][0] == (status or reply[2])[0] else None
        status = own or status or f"{reply[1][0]}.0.0"
        text = f"{status} {_one_reply(words[reply.end() :], reply)}"
        diagnostic = " ".join(code_and_detail(code, text, private)).strip()
    verdict = refusal(phase, code, text, private)
    unusable = action is Action.FAILED and isinstance(verdict, PermanentFailure) and verdict.address_unusable
    return DeliveryReport(delivery, recipient, action, status, diagnostic, unusable)


def _one_reply(words: str, reply: re.Match[str]) -> str:
    """The words of a reply of several lines, without the code that begins each of them (RFC 5321 section 4.2.1)."""
    status = rf"(?:{re.escape(reply[2])})?" if reply[2] else ""
    return re.sub(rf"\s{reply[1]}[ -]{status}", " ", words).strip()


def _delivery(message: MailPart, parts: list[MailPart], note: str) -> str | None:
    """The delivery whose address the report came to, else the one whose message it returns, else it answers."""
    returned = [read_part(part.body) for part in parts if part.content_type in _RETURNED_TYPES]
    copied = _COPIED_MESSAGE_ID.search(note)
    candidates = [
        *((_VERP, value) for name, value in message.fields if name in _ADDRESSED_TO),
        *((_VERP, part.first("return-path")) for part in returned),
        *((_OUR_MESSAGE_ID, part.first("message-id")) for part in returned),
        (_OUR_MESSAGE_ID, copied[1] if copied else ""),
        *((_OUR_MESSAGE_ID, message.first(name)) for name in _REFERS_TO),
    ]
    found = (pattern.search(value) for pattern, value in candidates)
    return next((match[1] for match in found if match), None)


def _typed_address(value: str) -> str | None:
    """`rfc822; jane@example.com` without its type (RFC 3464 section 2.3.1); None for other kinds of address."""
    found = _ADDRESS.search(_TYPED.sub("", value, count=1))
    return found[0] if found else None


def _shortened(words: str) -> str:
    """The beginning of a long text, cut between two words so that no piece of an address stays."""
    return words if len(words) <= _MAX_WORDS else words[:_MAX_WORDS].rpartition(" ")[0]
