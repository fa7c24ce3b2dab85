"""Assembled mails, read back by the stdlib's parser, say what went in; what cannot be said is refused."""

from __future__ import annotations

import dataclasses
import email
import email.message
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Attachment, EmailMessage
from channels.mime import assemble, encode_address, split_mailbox

DATE = datetime(2013, 1, 31, 23, 59, 1, tzinfo=UTC)
PLAIN = EmailMessage(
    delivery="dlv_1",
    sender="Acme <hello@acme.example>",
    recipient="jane@example.com",
    subject="How was it?",
    text="Hello Jane,\n\nhow was it?\n",
    html="<p>Hello Jane,</p>\n<p>how was it?</p>\n",
    message_id="<dlv_1@acme.example>",
)
HOSTILE_TEXTS = [
    "",
    " ",
    "  two  spaces  everywhere  ",
    "Wie war Ihr Flug nach München?",
    "😀" * 200,
    "👩‍👩‍👧‍👦 and e\u0301 and ﷽",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "=?utf-8?q?not_encoded?=",
    "=?utf-8?b?bm90?= =?utf-8?b?IGVuY29kZWQ=?=",
    "Bcc: victim@example.com",
    "w" * 3000,
    "ü" * 3000,
    "many short words " * 100 + "end",
    "line\u2028paragraph\u2029next\x85form\x0cvertical\x0bescape\x1b",
    'quo"te, back\\slash <a@b> (c) ; : [d]',
    "tab\there",
]


def read(content: bytes) -> email.message.EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    assert not message.defects
    return message


def read_sender(content: bytes) -> tuple[str, str]:
    """By the stdlib's older decoder: the newer one puts spaces between the encoded words of a display name."""
    header = email.message_from_bytes(content, policy=email.policy.compat32)["From"]
    name, address = parseaddr(header.replace("\r\n", ""))
    return str(make_header(decode_header(name))), address


def bodies(content: bytes) -> tuple[str, str]:
    return alternatives(read(content))


def alternatives(message: email.message.EmailMessage) -> tuple[str, str]:
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert not text.defects
    assert not html.defects
    return text.get_content(), html.get_content()


def crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def assert_fit_for_smtp(content: bytes) -> None:
    assert content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", content)
    head, _, body = content.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 and line.strip() for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))


def test_a_plain_message_reads_as_it_was_written() -> None:
    content = assemble(
        dataclasses.replace(
            PLAIN, reply_to="Care Team <care@acme.example>", headers={"Auto-Submitted": "auto-generated"}
        ),
        DATE,
    )
    message = read(content)
    assert dict(message.items()) == {
        "From": "Acme <hello@acme.example>",
        "To": "jane@example.com",
        "Reply-To": "Care Team <care@acme.example>",
        "Subject": "How was it?",
        "Date": "Thu, 31 Jan 2013 23:59:01 +0000",
        "Message-ID": "<dlv_1@acme.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert bodies(content) == (crlf(PLAIN.text), crlf(PLAIN.html))
    assert_fit_for_smtp(content)


def test_the_same_message_makes_the_same_bytes() -> None:
    assert assemble(PLAIN, DATE) == assemble(PLAIN, DATE)


@pytest.mark.parametrize("subject", HOSTILE_TEXTS)
def test_a_hostile_subject_arrives_as_it_is(subject: str) -> None:
    content = assemble(dataclasses.replace(PLAIN, subject=subject), DATE)
    message = read(content)
    assert message["Subject"] == subject
    assert len(message.keys()) == len(read(assemble(PLAIN, DATE)).keys())
    assert_fit_for_smtp(content)
    assert all(len(line) <= 76 for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"))


@pytest.mark.parametrize(
    "name",
    [
        "Acme, Inc.",
        "Müller & Söhne",
        'The "Best" Shop',
        "Back\\slash",
        "=?utf-8?q?Acme?=",
        "<Acme>",
        "a@b",
        "客户服务" * 30,
        "Shop " * 40 + "End",
        "Dr. Who (TARDIS)",
    ],
)
def test_any_display_name_arrives_with_its_address(name: str) -> None:
    content = assemble(dataclasses.replace(PLAIN, sender=f"{name} <hello@acme.example>"), DATE)
    assert read_sender(content) == (name, "hello@acme.example")
    assert_fit_for_smtp(content)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no end of line",
        ".\n..\n.leading dot\n",
        "trailing space \ntab\t\nend ",
        "a" * 100_000,
        "zażółć gęślą jaźń " * 5_000,
        "日本語の長い本文。" * 10_000,
        "<a href='https://survey.example/s/" + "x" * 500 + "'>=3D=_--</a>" * 300,
        "mixed\r\nline\rends\n\n",
        "--=_boundary--\r\nFrom here\n",
        "controls \x00 \x0b \x1b \u2028 \x85",
    ],
)
def test_any_body_arrives_whole_in_short_lines(body: str) -> None:
    content = assemble(dataclasses.replace(PLAIN, text=body, html=body), DATE)
    assert bodies(content) == (crlf(body), crlf(body))
    assert_fit_for_smtp(content)


@pytest.mark.parametrize(
    ("body", "encoding"), [("Wie war Ihr Flug nach München?", "quoted-printable"), ("日本語", "base64")]
)
def test_the_shorter_body_encoding_is_chosen(body: str, encoding: str) -> None:
    part, _ = read(assemble(dataclasses.replace(PLAIN, text=body), DATE)).iter_parts()
    assert part["Content-Transfer-Encoding"] == encoding


def test_list_unsubscribe_is_not_mangled() -> None:
    url = "https://acme.example/u/" + "t" * 200
    headers = {
        "List-Unsubscribe": f"<mailto:out@acme.example?subject=unsubscribe>, <{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    content = assemble(dataclasses.replace(PLAIN, headers=headers), DATE)
    assert f"<{url}>".encode() in content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    message = read(content)
    assert {name: message[name] for name in headers} == headers


@pytest.mark.parametrize("breaker", ["\r", "\n", "\0", "\r\nBcc: victim@example.com"])
@pytest.mark.parametrize("field", ["sender", "recipient", "subject", "message_id", "reply_to"])
def test_a_line_break_in_a_header_field_is_refused(field: str, breaker: str) -> None:
    value = getattr(PLAIN, field) or "care@acme.example"
    broken: dict[str, Any] = {field: value[:3] + breaker + value[3:]}
    with pytest.raises(ValueError, match=r"line break|malformed|Message-ID"):
        assemble(dataclasses.replace(PLAIN, **broken), DATE)


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ({"X-Note": "a\r\nBcc: victim@example.com"}, "X-Note holds a line break"),
        ({"X-Note": "a\nb"}, "X-Note holds a line break"),
        ({"X-Note": "a\0b"}, "X-Note holds a line break or NUL"),
        ({"X-Note": "ü"}, "X-Note holds characters outside"),
        ({"X-Note": "x" * 1000}, "X-Note holds a word longer"),
        ({"X-Note\r\nBcc": "a"}, "a header name holds"),
        ({"X: Y": "a"}, "a header name holds"),
        ({"": "a"}, "a header name holds"),
        ({"subject": "another"}, "subject is not a custom header"),
        ({"Bcc": "victim@example.com"}, "Bcc is not a custom header"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        assemble(dataclasses.replace(PLAIN, headers=headers), DATE)


@pytest.mark.parametrize("field", ["subject", "text", "html"])
def test_a_lone_surrogate_is_refused(field: str) -> None:
    broken: dict[str, Any] = {field: "\ud800"}
    with pytest.raises(ValueError, match="surrogates not allowed"):
        assemble(dataclasses.replace(PLAIN, **broken), DATE)


@pytest.mark.parametrize(
    ("address", "encoded"),
    [
        ("jane@example.com", "jane@example.com"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@straße.example", "jane@xn--strae-oqa.example"),
        ("jane@例え.テスト", "jane@xn--r8jz45g.xn--zckzah"),
        ("josé@bücher.example", "josé@xn--bcher-kva.example"),
        ('"jane doe"@example.com', '"jane doe"@example.com'),
        ("jane+survey=1@example.com", "jane+survey=1@example.com"),
    ],
)
def test_domains_are_written_in_ascii(address: str, encoded: str) -> None:
    assert encode_address(address) == encoded


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jane",
        "@example.com",
        "jane@",
        "jane doe@example.com",
        "jane@example.com, joe@example.com",
        "<jane@example.com>",
        "jane@exa mple.com",
        "jane@example.com>\r\nRCPT TO:<joe@example.com",
        "jane\u2028@example.com",
        "jane@-\u00fc.example",
        "jane@[127.0.0.1]",
        f"{'j' * 400}@example.com",
    ],
)
def test_a_malformed_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        encode_address(address)
    assert "jane" not in str(refused.value)


def test_an_address_outside_ascii_stands_in_the_header_as_utf8() -> None:
    content = assemble(dataclasses.replace(PLAIN, recipient="josé@bücher.example"), DATE)
    assert "\r\nTo: josé@xn--bcher-kva.example\r\n".encode() in content


@pytest.mark.parametrize(
    ("mailbox", "parts"),
    [
        ("hello@acme.example", ("", "hello@acme.example")),
        ("<hello@acme.example>", ("", "hello@acme.example")),
        ("Acme, Inc. <hello@acme.example>", ("Acme, Inc.", "hello@acme.example")),
        (r'"The \"Best\" <Shop>" <hello@acme.example>', ('The "Best" <Shop>', "hello@acme.example")),
    ],
)
def test_a_mailbox_is_split_into_name_and_address(mailbox: str, parts: tuple[str, str]) -> None:
    assert split_mailbox(mailbox) == parts


ENTRY = Attachment("call.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")


def attached(*attachments: Attachment) -> tuple[bytes, list[email.message.EmailMessage]]:
    """The mail with these files, and their parts as they are read; the bodies stand before them."""
    content = assemble(dataclasses.replace(PLAIN, attachments=attachments), DATE)
    message = read(content)
    assert message.get_content_type() == "multipart/mixed"
    first, *files = message.iter_parts()
    assert isinstance(first, email.message.EmailMessage)
    assert alternatives(first) == (crlf(PLAIN.text), crlf(PLAIN.html))
    assert_fit_for_smtp(content)
    return content, [part for part in files if isinstance(part, email.message.EmailMessage)]


def test_a_file_comes_after_the_bodies_with_its_type_and_name() -> None:
    content, (part,) = attached(ENTRY)
    assert (part.get_content_type(), part.get_filename()) == ("text/calendar", "call.ics")
    assert (part.get_param("method"), part.get_param("charset")) == ("PUBLISH", "utf-8")
    assert part.get_content_disposition() == "attachment"
    assert part.get_payload(decode=True) == ENTRY.content
    assert b"method=PUBLISH" in content
    assert b'filename="call.ics"' in content


def test_a_mail_with_files_makes_the_same_bytes_and_its_boundaries_differ() -> None:
    content, _ = attached(ENTRY, ENTRY)
    assert content == attached(ENTRY, ENTRY)[0]
    outer, inner = re.findall(rb'boundary="([^"]+)"', content)
    assert outer != inner
    assert (content.count(b"--" + outer), content.count(b"--" + inner)) == (4, 3)


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 100_000])
def test_the_bytes_of_a_file_arrive_as_they_are(size: int) -> None:
    wild = (bytes(range(256)) * (size // 256 + 1))[:size]
    _, (part,) = attached(dataclasses.replace(ENTRY, content=wild))
    assert part.get_payload(decode=True) == wild


@pytest.mark.parametrize(
    "name",
    [
        "call.ics",
        "a call with spaces.ics",
        "Rückruf.ics",
        "مكالمة.ics",
        "😀" * 40 + ".ics",
        "x" * 300,
        'quo"te\\; filename=evil.exe',
        "../../etc/passwd",
        "semi;colon=equals*'%41.ics",
        "\u202egnp.exe",
    ],
)
def test_any_name_of_a_file_arrives(name: str) -> None:
    _, (part,) = attached(dataclasses.replace(ENTRY, name=name))
    assert part.get_filename() == name
    assert part.get_content_type() == "text/calendar"


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "call.ics\r\nX-Evil: 1"},
        {"name": "call\n.ics"},
        {"name": "call\0.ics"},
        {"name": "\ud800"},
        {"content_type": "text/calendar\r\nX-Evil: 1"},
        {"content_type": 'text/calendar; name="x"'},
        {"content_type": "calendar"},
        {"content_type": ""},
    ],
)
def test_a_file_that_would_be_more_than_a_file_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"line break|type of an attachment|surrogates"):
        attached(dataclasses.replace(ENTRY, **broken))


LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=200)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@settings(deadline=None)
@given(subject=LINE, name=LINE.filter(lambda name: '"' not in name), text=TEXT, html=TEXT)
def test_whatever_goes_in_comes_out(subject: str, name: str, text: str, html: str) -> None:
    sender = f"{name} <hello@acme.example>"
    content = assemble(dataclasses.replace(PLAIN, sender=sender, subject=subject, text=text, html=html), DATE)
    assert_fit_for_smtp(content)
    assert bodies(content) == (crlf(text), crlf(html))
    assert read(content)["Subject"] == subject
    assert read_sender(content) == (split_mailbox(sender)[0], "hello@acme.example")
