"""Reports as mail systems write them, and what nobody should ever send: what each amounts to."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.dsn import Action, NotAReport, parse_report

SAMPLES = Path(__file__).parent / "bounces"
DELIVERY = "dlv_4VtQm0cZrD7sLwKp9NfYx1"
MEBIBYTE = 1024 * 1024
EVERY_SAMPLE = sorted(SAMPLES.glob("*.eml"))
NO_REPORTS = ("not-spam", "out-of-office")

HARD, SOFT = True, False


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


@pytest.mark.parametrize(
    ("name", "action", "status", "hard", "recipient"),
    [
        ("postfix-unknown-user", "failed", "5.1.1", HARD, "nobody@example.com"),
        ("postfix-no-such-domain", "failed", "5.4.4", HARD, "nobody@no-such.example"),
        ("postfix-content-refused", "failed", "5.0.0", SOFT, "ada@example.com"),
        ("postfix-delayed", "delayed", "4.4.1", SOFT, "ada@example.com"),
        ("exim-unknown-user", "failed", "5.0.0", HARD, "nobody@example.com"),
        ("exim-content-refused", "failed", "5.0.0", SOFT, "ada@example.com"),
        ("exim-plain", "failed", "5.1.1", HARD, "nobody@example.com"),
        ("qmail", "failed", "5.1.1", HARD, "nobody@example.com"),
        ("sendmail-unknown-user", "failed", "5.1.1", HARD, "nobody@example.net"),
        ("sendmail-gave-up", "failed", "4.4.7", SOFT, "ada@example.net"),
        ("exchange-unknown-user", "failed", "5.1.10", HARD, "nobody@example.org"),
        ("exchange-hotmail-style", "failed", "5.5.0", HARD, "nobody@example.org"),
        ("exchange-policy", "failed", "5.7.1", SOFT, "ada@example.org"),
        ("gmail-unknown-user", "failed", "5.1.1", HARD, "nobody@example.com"),
        ("gmail-mailbox-full", "failed", "5.2.2", SOFT, "ada@example.com"),
        ("forwarded-then-unknown", "failed", "5.2.1", HARD, "ada@example.com"),
        ("several-recipients", "failed", "5.1.1", HARD, "third@example.com"),
        ("internationalised", "failed", "5.1.1", HARD, "jürgen@example.com"),
        ("wrapped-by-a-scanner", "failed", "5.1.1", HARD, "nobody@example.com"),
        ("delivered", "delivered", "2.1.5", SOFT, "ada@example.com"),
        ("complaint", "complained", "", SOFT, "ada@example.com"),
        ("complaint-redacted", "complained", "", SOFT, None),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_report_is_understood(
    name: str, action: str, status: str, hard: bool, recipient: str | None, line_end: bytes
) -> None:
    report = parse_report(sample(name).replace(b"\n", line_end))
    assert report.delivery == DELIVERY
    assert (report.action, report.status, report.address_unusable) == (action, status, hard)
    assert report.recipient == recipient


@pytest.mark.parametrize(
    ("name", "diagnostic"),
    [
        (
            "postfix-unknown-user",
            "550 5.1.1 <[address]>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
        ("exim-plain", "550 5.1.1 <[address]>: this mailbox does not exist"),
        ("qmail", "Sorry, no mailbox here by that name. (#5.1.1)"),
        ("forwarded-then-unknown", "550 5.2.1 [address] is disabled (mail for [address])"),
        (
            "exchange-policy",
            "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy",
        ),
    ],
)
def test_the_other_sides_words_are_kept_without_addresses(name: str, diagnostic: str) -> None:
    assert parse_report(sample(name)).diagnostic == diagnostic


@pytest.mark.parametrize(
    "path", [path for path in EVERY_SAMPLE if path.stem not in NO_REPORTS], ids=lambda path: path.stem
)
def test_no_address_stays_in_words_or_logs(path: Path) -> None:
    report = parse_report(path.read_bytes())
    assert "@" not in report.diagnostic
    assert len(report.diagnostic) <= 220
    assert "@" not in repr(report)


@pytest.mark.parametrize("name", NO_REPORTS)
def test_what_says_nothing_about_a_mail_is_no_report(name: str) -> None:
    with pytest.raises(NotAReport):
        parse_report(sample(name))


def test_the_address_the_report_came_to_outweighs_the_message_that_it_returns() -> None:
    other = sample("postfix-unknown-user").replace(f"<{DELIVERY}@".encode(), b"<dlv_other@")
    assert parse_report(other).delivery == DELIVERY


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "Return-Path", "Envelope-To", "To"])
def test_the_delivery_is_found_wherever_a_mail_system_notes_the_address(header: str) -> None:
    bare = sample("exchange-policy").replace(f"To: <bounces+{DELIVERY}@acme.example>\n".encode(), b"To: us@a.example\n")
    with_header = f"{header}: <bounces+{DELIVERY}@acme.example>\n".encode() + bare
    assert parse_report(bare).delivery is None
    assert parse_report(with_header).delivery == DELIVERY


def test_a_status_without_a_reply_code_is_judged_by_the_status_alone() -> None:
    vague = sample("wrapped-by-a-scanner").replace(b"Status: 5.1.1", b"Status: 5.0.0")
    assert not parse_report(vague).address_unusable


def test_a_delay_harms_no_address_whatever_its_status() -> None:
    delayed = sample("postfix-unknown-user").replace(b"Action: failed", b"Action: delayed")
    report = parse_report(delayed)
    assert (report.action, report.address_unusable) == (Action.DELAYED, False)


@pytest.mark.parametrize(
    ("lines", "action"),
    [
        (b"Status: 5.1.1", "failed"),
        (b"Status: 4.2.0", "delayed"),
        (b"Action: failed (no mailbox)", "failed"),
        (b"Action: complained", "delayed"),
        (b"Action: \xff\xfe", "delayed"),
    ],
)
def test_a_missing_or_strange_action_is_read_off_the_status(lines: bytes, action: str) -> None:
    head = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
    assert parse_report(head + lines + b"\n--b--").action == action


def nested(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))
    return head + b"Content-Type: message/delivery-status\n\nAction: failed\n"


HOSTILE = {
    "nothing": b"",
    "a line feed": b"\n",
    "zeros": bytes(MEBIBYTE),
    "every octet": bytes(range(256)) * 4096,
    "one long line": b"a" * MEBIBYTE,
    "one long header": b"To: " + b"a" * MEBIBYTE,
    "one long folded header": b"To: a\n" + b" a\n" * (MEBIBYTE // 3),
    "many headers": b"To: a+dlv_@b\n" * (MEBIBYTE // 13),
    "only white space": b" \t\n" * (MEBIBYTE // 3),
    "nested parts": nested(20_000),
    "parts that never end": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n" * (MEBIBYTE // 4),
    "almost delimiters": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b \t" * (MEBIBYTE // 5) + b"x",
    "an endless boundary": b"Content-Type: multipart/report; boundary=" + b"b" * MEBIBYTE,
    "a boundary of expression signs": b'Content-Type: multipart/report; boundary="(.*)+[\\"\n\n--(.*)+[\\\n',
    "many recipients": sample("delivered").replace(b"Action:", b"\nAction:" * 90_000),
    "a long diagnostic": sample("postfix-unknown-user").replace(b"rejected:", b"a" * MEBIBYTE),
    "a diagnostic of addresses": sample("postfix-unknown-user").replace(b"rejected:", b"ada@example.com " * 65_000),
    "broken base64": sample("internationalised").replace(b"UmVw", b"=Umx"),
    "a note of one word": b"From: MAILER-DAEMON@a\n\n" + b"5" * MEBIBYTE,
    "a note of many codes": b"From: MAILER-DAEMON@a\n\n" + b"550-" * (MEBIBYTE // 4),
    "a note of dashes": b"From: MAILER-DAEMON@a\n\n" + b"-" * MEBIBYTE,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_end_in_a_report_or_in_none(raw: bytes) -> None:
    try:
        report = parse_report(raw)
    except NotAReport:
        return
    assert len(report.diagnostic) <= 220


@pytest.mark.parametrize("path", EVERY_SAMPLE, ids=lambda path: path.stem)
def test_a_report_may_be_cut_anywhere(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        try:
            parse_report(whole[:end])
        except NotAReport:
            continue


def test_a_code_in_the_returned_copy_of_our_own_mail_is_not_the_answer() -> None:
    delayed = sample("exim-plain").replace(b"550-5.1.1", b"450-4.2.0").replace(b"550 5.1.1", b"450 4.2.0")
    assert parse_report(delayed).action is Action.DELAYED
