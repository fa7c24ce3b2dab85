"""A table of what servers say and what it amounts to."""

from __future__ import annotations

import pytest

from channels.errors import ChannelError, PermanentFailure, TemporaryFailure
from channels.smtp_replies import Phase, code_and_detail, refusal, scrub

RECIPIENT = "Jane.Doe@example.com"


def verdict(failure: ChannelError) -> str:
    if isinstance(failure, TemporaryFailure):
        return "channel down" if failure.channel_down else "temporary"
    assert isinstance(failure, PermanentFailure)
    return "address unusable" if failure.address_unusable else "permanent"


@pytest.mark.parametrize(
    ("phase", "code", "text", "expected"),
    [
        (Phase.RCPT, 550, "5.1.1 User unknown", "address unusable"),
        (Phase.RCPT, 550, "No such user here", "address unusable"),
        (Phase.RCPT, 550, "5.5.0 mailbox unavailable", "address unusable"),
        (Phase.RCPT, 551, "User not local", "address unusable"),
        (Phase.RCPT, 553, "5.1.3 Bad address syntax", "address unusable"),
        (Phase.RCPT, 501, "5.1.3 Bad address syntax", "address unusable"),
        (Phase.RCPT, 554, "5.1.2 Domain does not exist", "address unusable"),
        (Phase.RCPT, 556, "5.1.10 Null MX", "address unusable"),
        (Phase.RCPT, 554, "5.4.4 Unable to route: domain not found", "address unusable"),
        (Phase.RCPT, 550, "5.2.1 Mailbox disabled", "address unusable"),
        (Phase.RCPT, 550, "5.7.1 Not authorized", "permanent"),
        (Phase.RCPT, 550, "5.7.27 Sender has null MX", "permanent"),
        (Phase.RCPT, 553, "5.1.8 Bad sender domain", "permanent"),
        (Phase.RCPT, 550, "relay not permitted", "permanent"),
        (Phase.RCPT, 550, "Your host is listed on a DNSBL", "permanent"),
        (Phase.RCPT, 554, "5.7.1 Relay access denied", "permanent"),
        (Phase.RCPT, 554, "Go away", "permanent"),
        (Phase.RCPT, 503, "Bad sequence", "permanent"),
        (Phase.RCPT, 552, "5.2.2 Mailbox full", "temporary"),
        (Phase.RCPT, 552, "Mailbox full", "temporary"),
        (Phase.RCPT, 550, "5.2.2 Over quota", "temporary"),
        (Phase.RCPT, 552, "5.3.4 Message too big", "permanent"),
        (Phase.RCPT, 450, "4.2.1 Busy", "temporary"),
        (Phase.RCPT, 450, "5.1.1 of another class", "temporary"),
        (Phase.RCPT, 451, "Greylisted", "temporary"),
        (Phase.RCPT, 421, "4.3.2 Shutting down", "temporary"),
        (Phase.RCPT, 354, "Out of turn", "temporary"),
        (Phase.MAIL, 530, "5.7.0 Authentication required", "channel down"),
        (Phase.RCPT, 535, "5.7.8 Authentication failed", "channel down"),
        (Phase.MAIL, 550, "5.1.8 Sender unknown", "permanent"),
        (Phase.MAIL, 550, "5.1.1 Sender unknown", "permanent"),
        (Phase.MAIL, 451, "Later", "temporary"),
        (Phase.DATA, 554, "No valid recipients", "permanent"),
        (Phase.ACCEPTANCE, 550, "5.7.1 Message looks like spam", "permanent"),
        (Phase.ACCEPTANCE, 550, "Rejected", "permanent"),
        (Phase.ACCEPTANCE, 552, "Too much mail data", "permanent"),
        (Phase.ACCEPTANCE, 552, "5.2.2 Mailbox full", "temporary"),
        (Phase.ACCEPTANCE, 452, "4.3.1 Disk full", "temporary"),
    ],
)
def test_a_reply_amounts_to(phase: Phase, code: int, text: str, expected: str) -> None:
    assert verdict(refusal(phase, code, text, RECIPIENT)) == expected


def test_code_and_detail_are_told_apart_over_several_lines() -> None:
    text = "5.1.1 The address you wrote to\n5.1.1 does not exist; see 10.5.1.1 or 5.1.1.1"
    assert code_and_detail(550, text) == (
        "550 5.1.1",
        "The address you wrote to does not exist; see 10.5.1.1 or 5.1.1.1",
    )


@pytest.mark.parametrize(
    "text",
    [
        "<Jane.Doe@example.com>: Recipient address rejected",
        "jane.doe@EXAMPLE.com unknown",
        "jane.doe unknown in virtual mailbox table",
        "no mailbox JANE.DOE.",
        'mailbox "jane.doe"@example.com unknown',
        "see https://mail.example/why?a=jane.doe%40example.com",
        "forward to bounce+jane.doe=example.com@lists.example",
    ],
)
def test_no_address_stays_in_a_detail(text: str) -> None:
    scrubbed = scrub(text, RECIPIENT)
    assert "jane" not in scrubbed.lower()
    assert "[address]" in scrubbed


def test_a_detail_is_one_short_printable_line_that_can_be_stored() -> None:
    detail = scrub("a\r\n\tb\x1b[31m\udcff " + "x" * 500)
    assert len(detail) == 200
    assert detail.isprintable()
    assert detail.startswith("a b [31m")
    detail.encode()
