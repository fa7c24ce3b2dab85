"""Raw mails are read for who wrote what about which of our mails, whatever their bytes are."""

from __future__ import annotations

import base64

import pytest

from channels.inbound_mail import InboundMail, parse_mail

HEAD = (
    "From: Ada Weber <Ada@Example.com>\r\nTo: Acme <answers+dlv_One@acme.example>\r\nMessage-ID: <m1@example.com>\r\n"
)


def mail(body: str = "9", *fields: str, head: str = HEAD) -> InboundMail:
    return parse_mail((head + "".join(f"{field}\r\n" for field in fields) + "\r\n" + body).encode())


def multipart(subtype: str, *parts: str) -> tuple[str, str]:
    """The field and the body of a multipart mail."""
    inner = "".join(f"--b{subtype}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="b{subtype}"', f"{inner}--b{subtype}--\r\n"


def test_who_wrote_what_about_which_mail() -> None:
    said = mail("It was late.", "Subject: =?utf-8?q?Re:_Wie_war=27s=3F?=")
    assert (said.sender, said.deliveries, said.message_id) == ("Ada@Example.com", ("dlv_One",), "<m1@example.com>")
    assert (said.subject, said.text, said.is_automatic) == ("Re: Wie war's?", "It was late.", False)


def test_the_delivery_is_named_by_address_then_by_what_the_mail_answers() -> None:
    references = "References: <dlv_Old@acme.example> <x@example.com>\r\n <dlv_New@acme.example>"
    assert mail("x", "In-Reply-To: <dlv_Two@acme.example>", references).deliveries == (
        "dlv_One",
        "dlv_Two",
        "dlv_New",
        "dlv_Old",
    )
    assert mail("x", head="From: a@b.example\r\n").deliveries == ()


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "X-Autoreply: yes",
        "X-Autorespond: yes",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "Return-Path: <>",
        "List-Id: <friends.example.com>",
        "Subject: Out of office: back on Monday",
        "Subject: Automatic reply: How did we do?",
        "Subject: =?utf-8?q?Automatische_Antwort=3A_Wie_war_es=3F?=",
        "Subject: Abwesenheitsnotiz",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A?=",
        "Subject: =?utf-8?q?Respuesta_autom=C3=A1tica?=",
        "Content-Type: multipart/report; boundary=x",
    ],
)
def test_what_a_machine_sent_is_told_from_what_a_person_wrote(field: str) -> None:
    assert mail("I am away.", field).is_automatic


@pytest.mark.parametrize("field", ["Auto-Submitted: no", "Precedence: normal", "Subject: Re: reply to the office"])
def test_a_person_is_no_machine(field: str) -> None:
    assert not mail("Hi", field).is_automatic


def test_the_plain_body_counts_before_the_one_in_html() -> None:
    field, body = multipart(
        "alternative",
        "Content-Type: text/plain; charset=utf-8\r\n\r\nplain",
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>html</p>",
    )
    assert mail(body, field).text.strip() == "plain"


@pytest.mark.parametrize(
    "quoted",
    [
        '<div class="gmail_quote">On Mon Acme wrote:<blockquote>old</blockquote></div>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Acme</div>',
        '<blockquote type="cite">old</blockquote>',
        '<div class="moz-cite-prefix">Am 24.11.2025 schrieb Acme:</div><blockquote>old</blockquote>',
        '<div class="yahoo_quoted">old</div>',
    ],
)
def test_the_text_of_html_ends_where_the_quotation_begins(quoted: str) -> None:
    own = "<style>p {x}</style><!-- <b>no</b> --><p>Zu sp&auml;t &lt;3<br>und  kalt</p><div>Ada</div>"
    said = mail(f"<html><head><title>x</title></head><body>{own}{quoted}</body></html>", "Content-Type: text/html")
    assert said.text == "Zu spät <3\nund kalt\nAda"


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("iso-8859-1", "für".encode("latin-1"), "für"),
        ("windows-1252", "“ok”".encode("cp1252"), "“ok”"),
        ("gb18030", "好".encode("gb18030"), "好"),
        ("ISO-2022-JP", "良い".encode("iso-2022-jp"), "良い"),
        ("utf-16", "ok".encode("utf-16"), "ok"),
        ("nonsense", "für".encode(), "für"),
        ("unicode_escape", rb"\x41", r"\x41"),
        ("idna", b"xn--a", "xn--a"),
        ("zlib", b"abc", "abc"),
        ("utf-8", b"a\xff", "a\ufffd"),
        ("cp999", b"abc", "abc"),
    ],
)
def test_a_body_is_read_in_its_charset_where_that_is_one(charset: str, raw: bytes, text: str) -> None:
    head = f"{HEAD}Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert parse_mail(head.encode() + base64.b64encode(raw)).text == text


def test_flowed_paragraphs_are_whole_again() -> None:
    flowed = "It was late, \r\nand cold.\r\n\r\nNext \r\n> quoted \r\n> more\r\n-- \r\nAda"
    said = mail(flowed, "Content-Type: text/plain; format=flowed")
    assert said.text == "It was late, and cold.\n\nNext \n> quoted \n> more\n-- \nAda"


def test_an_attached_text_is_not_what_was_written() -> None:
    field, body = multipart(
        "mixed",
        "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile",
        "Content-Type: text/plain\r\n\r\nwritten",
    )
    assert mail(body, field).text.strip() == "written"


def nested(depth: int) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\n9"
    for level in range(depth):
        boundary = f"b{level}".encode()
        body = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n--' + boundary + b"\r\n" + body
    return body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 10_000,
        b"\xff\xfe" * 10_000,
        nested(1_000),
        b"Content-Type: text/html\r\n\r\n" + b"<" * 60_000,
        b"Content-Type: text/html\r\n\r\n" + b"<style" * 10_000,
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 15_000,
        b"Content-Type: text/html\r\n\r\n" + b"<a class=" * 7_000,
        b"Subject: " + b"=?utf-8?b?" * 300 + b"\r\n\r\nx",
        b"Subject: =?nonsense?q?x?= =?utf-8?b?!!!?=\r\n\r\nx",
        b"From: " + b"<" * 2_000 + b"\r\n\r\nx",
        b"References: " + b"<dlv_" * 400 + b"\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"!" * 1_000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 50_000,
    ],
    ids=range(14),
)
def test_hostile_bytes_are_survived(raw: bytes) -> None:
    assert isinstance(parse_mail(raw), InboundMail)
