"""The survey mail: both parts complete, small, and deaf to whatever a text may try."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from survey_service.delivery.email_layout import EmailBrand, EmailView, render_email
from survey_service.models.fonts import Font

GMAIL_CLIPS_AT = 102 * 1024

BRAND = EmailBrand(
    name="Skyway",
    accent="#0b5fd7",
    on_accent="#ffffff",
    postal_address="100 Terminal Road, Newark",
    logo_url="https://skyway.example/logo.png",
    privacy_url="https://skyway.example/privacy",
)
SCALE = tuple((str(number), f"https://ask.example/s/token?score={number}") for number in range(11))
MAIL = EmailView(
    brand=BRAND,
    lang="en",
    preheader="One question, 20 seconds",
    headline="How likely are you to recommend Skyway?",
    button=("Answer", "https://ask.example/s/token"),
    why="You get this mail because you flew with us.",
    unsubscribe_url="https://ask.example/u/token",
    greeting="Hello Ada,",
    intro="Thank you for flying with us.\n\nYour answer goes to the people of this route.",
    scale=SCALE,
    low_label="Not at all likely",
    high_label="Extremely likely",
    tap_hint="Tap a number",
    signed_by="Maria Lopez",
)
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "{% for x in y %}{# note #}",
    "%(name)s {name} {0.__class__}",
    "<!--[if mso]> ]]> </style></title>",
    "emoji 🛫 and عربي",
    "x" * 100_000,
]


class Mail(HTMLParser):
    """The mail as a client reads it: its links, its element names and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str | None] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.text += data


def everywhere(text: str) -> EmailView:
    """A mail with `text` in every place that a brand, a survey or a customer may fill."""
    return dataclasses.replace(
        MAIL,
        brand=dataclasses.replace(
            BRAND, name=text, postal_address=text, logo_url=text, privacy_url=text, imprint_url=text
        ),
        preheader=text,
        headline=text,
        button=(text, MAIL.button[1]),
        why=text,
        greeting=text,
        intro=text,
        low_label=text,
        high_label=text,
        tap_hint=text,
        details=(text,),
        signed_by=text,
    )


def test_the_html_holds_every_link() -> None:
    links = Mail(render_email(MAIL).html).links
    assert links == [*(url for _, url in SCALE), MAIL.button[1], MAIL.unsubscribe_url, BRAND.privacy_url]


def test_the_plain_text_stands_alone() -> None:
    assert render_email(MAIL).text == (
        "Hello Ada,\n\n"
        "Thank you for flying with us.\n\n"
        "Your answer goes to the people of this route.\n\n"
        "How likely are you to recommend Skyway?\n"
        "0 = Not at all likely, 10 = Extremely likely\n\n"
        "Your answer takes one tap here:\n"
        "https://ask.example/s/token\n\n"
        "Maria Lopez\n"
        "Skyway\n\n"
        "-- \n"
        "You get this mail because you flew with us.\n"
        "Unsubscribe: https://ask.example/u/token\n"
        "Privacy: https://skyway.example/privacy\n"
        "100 Terminal Road, Newark"
    )


def test_a_brand_may_have_an_imprint_and_a_typeface_of_its_own() -> None:
    own = dataclasses.replace(BRAND, imprint_url="https://skyway.example/imprint", font=Font.SERIF)
    mail = render_email(dataclasses.replace(MAIL, brand=own))
    assert Mail(mail.html).links[-1] == "https://skyway.example/imprint"
    assert "Imprint: https://skyway.example/imprint\n" in mail.text
    assert "font-family:ui-serif,'New York'" in mail.html
    assert "system-ui" not in mail.html


def test_what_a_brand_leaves_out_leaves_no_gap() -> None:
    bare = EmailView(
        brand=EmailBrand("Skyway", "#0b5fd7", "#ffffff"),
        lang="en",
        preheader="One question",
        headline="How was it?",
        button=("Answer", "https://ask.example/s/token"),
        why="You flew with us.",
        unsubscribe_url="https://ask.example/u/token",
    )
    mail = render_email(bare)
    assert "<img" not in mail.html
    assert Mail(mail.html).links == ["https://ask.example/s/token", "https://ask.example/u/token"]
    assert mail.text.startswith("How was it?\n\nYour answer takes one tap here:\n")
    assert "\n\n\n" not in mail.text


def test_what_is_told_stands_below_the_headline_and_needs_no_button() -> None:
    told = dataclasses.replace(MAIL, headline="We call you.", scale=(), button=None, intro="", details=("One.", "Two."))
    mail = render_email(told)
    assert mail.text.startswith("Hello Ada,\n\nWe call you.\n\nOne.\n\nTwo.\n\nMaria Lopez\nSkyway\n\n-- \n")
    assert Mail(mail.html).links == [MAIL.unsubscribe_url, BRAND.privacy_url]
    assert all(text in Mail(mail.html).text for text in ("We call you.", "One.", "Two."))


def test_each_of_two_answers_has_its_own_address_in_the_plain_text() -> None:
    choice = (("Yes", "https://ask.example/s/token?score=1"), ("No", "https://ask.example/s/token?score=0"))
    mail = render_email(dataclasses.replace(MAIL, scale=choice, low_label=None, high_label=None))
    assert (
        "recommend Skyway?\n\n"
        "Yes: https://ask.example/s/token?score=1\n"
        "No: https://ask.example/s/token?score=0\n\n"
        "Maria Lopez\n" in mail.text
    )
    assert Mail(mail.html).links[:3] == [*(url for _, url in choice), "https://ask.example/s/token"]


@pytest.mark.parametrize(("lang", "unsubscribe"), [("en", "Unsubscribe"), ("de", "Abmelden"), ("es", "Darse de baja")])
def test_the_mail_speaks_the_language_of_the_survey(lang: str, unsubscribe: str) -> None:
    mail = render_email(dataclasses.replace(MAIL, lang=lang))
    assert f'<html lang="{lang}" dir="ltr"' in mail.html
    assert unsubscribe in mail.html
    assert unsubscribe in mail.text


def test_a_right_to_left_language_turns_the_mail() -> None:
    html = render_email(dataclasses.replace(MAIL, lang="ar")).html
    assert '<html lang="ar" dir="rtl"' in html
    assert "text-align:right" in html


def test_the_mail_fetches_nothing_but_the_logo_and_knows_the_dark() -> None:
    html = render_email(MAIL).html
    assert '<meta name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html
    assert "<link" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert re.findall(r'src="([^"]*)"', html) == [BRAND.logo_url]


def test_the_mail_is_too_small_to_be_clipped() -> None:
    assert len(render_email(MAIL).html.encode()) < GMAIL_CLIPS_AT / 4


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_a_hostile_text_appears_as_text_in_both_parts(text: str) -> None:
    mail, harmless = render_email(everywhere(text)), render_email(everywhere("harmless"))
    assert text in Mail(mail.html).text
    assert Mail(mail.html).tags == Mail(harmless.html).tags
    assert mail.text.count(text) == harmless.text.count("harmless")


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u202e", "\ud800"], ids=ascii)
def test_what_a_screen_cannot_show_is_dropped(sign: str) -> None:
    mail = render_email(everywhere(f"a{sign}b"))
    for part in (mail.html, mail.text):
        assert "ab" in part
        assert sign not in part


def test_a_text_cannot_grow_lines_in_the_plain_part() -> None:
    forged = dataclasses.replace(MAIL, greeting="Hello\r\n\r\n-- \r\nUnsubscribe: https://evil.example")
    assert render_email(forged).text.count("\n-- \n") == 1


def test_only_a_hex_colour_reaches_the_style() -> None:
    painted = dataclasses.replace(MAIL, brand=dataclasses.replace(BRAND, accent="red;}</style>"))
    with pytest.raises(ValueError, match="rrggbb"):
        render_email(painted)
