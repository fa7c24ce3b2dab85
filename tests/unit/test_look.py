"""The pages for customers and the sandbox: what they hold, and that a value never becomes anything else."""

from __future__ import annotations

import dataclasses
import gzip
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from survey_service.answering.opting_out import Choice
from survey_service.models.colors import DARK_SURFACE, LIGHT_SURFACE, contrast, palette
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import QuestionKind
from survey_service.pages.assets import STATIC_FOLDER, brand_css_url, render_brand_css, static_url
from survey_service.pages.look import (
    BrandView,
    ClosedView,
    QuestionView,
    Reason,
    SurveyView,
    ThanksView,
    UnsubscribeView,
    render_closed,
    render_survey,
    render_thanks,
    render_unsubscribe,
)
from survey_service.pages.sandbox_look import (
    MailPart,
    SandboxCounts,
    SandboxMailView,
    SandboxMessageView,
    SandboxStepView,
    SandboxView,
    render_sandbox,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "%(name)s {name} {0.__class__}",
    "</textarea></title><b>",
    "emoji 🛫 and عربي",
    "x" * 100_000,
]
ONLY_FIRST_VIEW_BYTES = 14 * 1024

CSS = render_brand_css("#0b5fd7", "#ffffff")
BRAND = BrandView(
    name="Skyway",
    css_url=brand_css_url("skyway", CSS),
    postal_address="100 Terminal Road, Newark",
    privacy_url="https://skyway.example/privacy",
    contact="help@skyway.example",
)
SCORE = QuestionView(
    id="nps",
    kind=QuestionKind.NPS,
    text="How likely are you to recommend Skyway?",
    lang="en",
    low_label="Not at all likely",
    high_label="Extremely likely",
)
REASON = QuestionView(id="why", kind=QuestionKind.TEXT, text="What is the main reason?", lang="en", required=False)
SURVEY = SurveyView(
    brand=BRAND,
    lang="en",
    questions=(SCORE, REASON),
    action="/s/token",
    why="You flew with us to Houston.",
    time_hint="2 questions, 40 seconds",
    languages=(("en", "English"), ("de", "Deutsch")),
    unsubscribe_url="/u/token",
    state=(("_lang", "en"),),
)


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and all of its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [have for name, have in self.elements if name == tag and attributes.items() <= have.items()]

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements and the names of their attributes, without any value."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def with_score(**changes: Any) -> SurveyView:
    return dataclasses.replace(SURVEY, questions=(dataclasses.replace(SCORE, **changes), REASON))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [(QuestionKind.NPS, range(11)), (QuestionKind.CSAT, range(1, 6)), (QuestionKind.CES, range(1, 8))],
)
def test_a_scale_is_real_radios_with_names_that_carry_the_ends(kind: QuestionKind, numbers: range) -> None:
    radios = Page(render_survey(with_score(kind=kind))).all("input", type="radio", name="nps")
    assert [radio["value"] for radio in radios] == [str(number) for number in numbers]
    names = [radio["aria-label"] for radio in radios]
    assert names[0] == f"{numbers[0]} of {numbers[-1]}, Not at all likely"
    assert names[1] == f"{numbers[1]} of {numbers[-1]}"
    assert names[-1] == f"{numbers[-1]} of {numbers[-1]}, Extremely likely"


def test_the_question_is_the_only_heading_and_the_title_names_it() -> None:
    html = render_survey(SURVEY)
    assert [tag for tag, _ in Page(html).elements if tag in {"h1", "h2", "h3"}] == ["h1"]
    assert "<title>How likely are you to recommend Skyway? · Skyway</title>" in html


def test_the_form_posts_its_hidden_state_with_one_button() -> None:
    page = Page(render_survey(SURVEY))
    assert page.all("form", method="post", action="/s/token")
    assert page.all("input", type="hidden", name="_lang", value="en")
    assert len(page.all("button")) == 1


def test_the_footer_switches_language_and_leads_out() -> None:
    links = [link["href"] for link in Page(render_survey(SURVEY)).all("a")]
    assert links == ["?lang=de", "https://skyway.example/privacy", "/u/token"]


def test_a_number_from_a_link_is_chosen_explained_and_kept_by_the_language_switch() -> None:
    html = render_survey(with_score(value="9"))
    page = Page(html)
    assert [radio["value"] for radio in page.all("input", type="radio") if "checked" in radio] == ["9"]
    assert "You chose 9. Tap “Send” to confirm." in page.text
    assert page.all("a", href="?lang=de&score=9")


def test_a_failed_submission_says_what_to_do_and_keeps_what_was_typed() -> None:
    failed = with_score(error="Please choose a number.")
    failed = dataclasses.replace(failed, questions=(failed.questions[0], dataclasses.replace(REASON, value="\nfast")))
    html = render_survey(failed)
    page = Page(html)
    assert "<title>Please check: " in html
    assert "Not sent yet" in page.text
    assert page.all("fieldset", **{"aria-describedby": "e-nps"})
    assert page.all("p", id="e-nps")
    assert "\n\nfast</textarea>" in html  # a browser drops the first line feed of a textarea


def test_a_preview_says_that_nothing_is_stored() -> None:
    assert "nothing is stored" in render_survey(dataclasses.replace(SURVEY, preview=True))
    assert "nothing is stored" not in render_survey(SURVEY)


@pytest.mark.parametrize(("lang", "send"), [("en", "Send"), ("de", "Absenden"), ("es", "Enviar"), ("xx", "Send")])
def test_the_interface_speaks_the_language_of_the_page(lang: str, send: str) -> None:
    html = render_survey(dataclasses.replace(SURVEY, lang=lang))
    assert f'<html lang="{lang}" dir="ltr">' in html
    assert f"<button>{send}</button>" in html


def test_a_right_to_left_language_turns_the_page() -> None:
    assert '<html lang="ar" dir="rtl">' in render_survey(dataclasses.replace(SURVEY, lang="ar"))


def test_a_question_in_another_language_than_the_page_is_marked() -> None:
    page = Page(render_survey(dataclasses.replace(SURVEY, lang="de")))
    assert page.all("fieldset", lang="en")


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("brand", [BRAND, None])
def test_a_link_that_takes_no_answer_offers_a_way_to_a_person(reason: Reason, brand: BrandView | None) -> None:
    html = render_closed(ClosedView(lang="en", reason=reason, brand=brand))
    assert "Is there something we should know" in html
    assert bool(Page(html).all("a", href="mailto:help@skyway.example")) is (brand is not None)


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ("help@skyway.example", "mailto:help@skyway.example"),
        ("https://skyway.example/help", "https://skyway.example/help"),
        ("+49 30 123456", None),
        ("javascript:alert(1)", None),
        (None, None),
    ],
)
def test_a_contact_is_a_link_only_where_it_can_be_followed(contact: str | None, url: str | None) -> None:
    assert dataclasses.replace(BRAND, contact=contact).contact_url == url


WAY_OUT = UnsubscribeView(brand=BRAND, lang="en", action="/u/token")


@pytest.mark.parametrize(
    ("channel", "choices"),
    [
        (None, ["less", "never"]),
        (ChannelName.SMS, ["less", "channel", "never"]),
        (ChannelName.EMAIL, ["less", "channel", "never"]),
    ],
)
def test_the_way_out_is_one_button_a_choice(channel: ChannelName | None, choices: list[str]) -> None:
    page = Page(render_unsubscribe(dataclasses.replace(WAY_OUT, channel=channel)))
    assert page.all("form", method="post", action="/u/token")
    assert [button["value"] for button in page.all("button", name="choice")] == choices
    assert len(page.all("button")) == len(choices)


@pytest.mark.parametrize(
    ("lang", "chosen", "channel", "heading"),
    [
        ("en", Choice.LESS, None, "We will ask you less often"),
        ("de", Choice.CHANNEL, ChannelName.SMS, "Ab jetzt fragen wir Sie per SMS"),
        ("es", Choice.CHANNEL, ChannelName.EMAIL, "A partir de ahora le preguntaremos por correo"),
        ("en", Choice.NEVER, None, "You will get no more surveys from us"),
    ],
)
def test_what_was_chosen_is_confirmed(lang: str, chosen: Choice, channel: ChannelName | None, heading: str) -> None:
    html = render_unsubscribe(dataclasses.replace(WAY_OUT, lang=lang, chosen=chosen, channel=channel))
    assert f"<h1>{heading}</h1>" in html
    assert not Page(html).all("button")
    # Who is out stays out: only a lesser wish can be thought over.
    assert bool(Page(html).all("a", href="/u/token")) is (chosen is not Choice.NEVER)


def test_thanks_say_what_happens_next() -> None:
    html = render_thanks(ThanksView(brand=BRAND, lang="en", message="Thank you, Ada.", next_step="Maria calls you."))
    assert "<h1>Thank you, Ada.</h1>" in html
    assert "Maria calls you." in html


def every_page(text: str) -> list[str]:
    """All pages with `text` in every place that others may fill."""
    brand = BrandView(text, "/static/brand/b.css", text, text, text, text)
    question = QuestionView(text, QuestionKind.NPS, text, "en", low_label=text, high_label=text, value=text, error=text)
    comment = dataclasses.replace(question, kind=QuestionKind.TEXT)
    mail = SandboxMailView("dlv_1", text, text, text, datetime(2026, 1, 1, tzinfo=UTC))
    message = SandboxMessageView(
        mail, text, text, ((text, text),), (SandboxStepView(text, text, ((text, text),), text),)
    )
    return [
        render_survey(
            SurveyView(
                brand, "en", (question, comment), text, text, text, ((text, text),) * 2, text, text, ((text, text),)
            )
        ),
        render_thanks(ThanksView(brand, "en", text, text, text)),
        render_closed(ClosedView("en", "finished", brand)),
        render_unsubscribe(UnsubscribeView(brand, "en", text)),
        *(
            render_sandbox(SandboxView((mail,), SandboxCounts(1, 1, 1, 1), message, part))
            for part in get_args(MailPart)
        ),
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_a_hostile_text_appears_as_text_and_changes_nothing_else(text: str) -> None:
    for hostile, harmless in zip(every_page(text), every_page("harmless"), strict=True):
        assert text in Page(hostile).text
        # A contact that is an address becomes a link; no other difference is allowed.
        assert Page(hostile).shape == Page(harmless).shape


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u202e", "\ud800", "\ufffe"], ids=ascii)
def test_what_a_screen_cannot_show_is_dropped(sign: str) -> None:
    for html in every_page(f"a{sign}b"):
        assert "ab" in html
        assert sign not in html


def test_pages_obey_a_policy_without_inline_styles_and_scripts() -> None:
    for html in every_page("text"):
        page = Page(html)
        assert not page.all("style")
        assert all("src" in script for script in page.all("script"))
        assert not [
            name for _, attributes in page.elements for name in attributes if name == "style" or name[:2] == "on"
        ]
        assert page.all("meta", name="robots", content="noindex")


def test_the_first_view_fits_into_the_first_round_trip() -> None:
    parts = [render_survey(SURVEY).encode(), (STATIC_FOLDER / "survey.css").read_bytes(), CSS.encode()]
    assert sum(len(gzip.compress(part)) for part in parts) <= ONLY_FIRST_VIEW_BYTES


def test_the_address_of_a_static_file_carries_its_content() -> None:
    assert static_url("survey.css").startswith("/static/survey.css?v=")
    assert static_url("survey.css") != static_url("sandbox.css").replace("sandbox", "survey")
    assert brand_css_url("b", CSS) != brand_css_url("b", render_brand_css("#aa0000", "#ffffff"))
    with pytest.raises(FileNotFoundError):
        static_url("missing.css")


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#ffee00", "#0b5fd7", "#7f7f7f", "#d55e00"])
@pytest.mark.parametrize("on_accent", ["#000000", "#ffffff"])
@pytest.mark.parametrize("surface", [LIGHT_SURFACE, DARK_SURFACE])
def test_any_brand_colour_becomes_readable(accent: str, on_accent: str, surface: str) -> None:
    colors = palette(accent, on_accent, surface)
    assert contrast(colors.accent, colors.on_accent) >= 4.5
    assert contrast(colors.ink, surface) >= 4.5


def test_a_readable_brand_colour_stays_as_it_is() -> None:
    assert palette("#0b5fd7", "#ffffff", LIGHT_SURFACE).accent == "#0b5fd7"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's well-known near miss


@pytest.mark.parametrize("color", ["red", "#fff", "#0b5fd7;}body{}", "#0b5fd7\n", ""])
def test_only_a_hex_colour_reaches_a_style_sheet(color: str) -> None:
    with pytest.raises(ValueError, match="rrggbb"):
        render_brand_css(color, "#ffffff")
    with pytest.raises(ValueError, match="rrggbb"):
        render_brand_css("#0b5fd7", color)


def test_the_sandbox_shows_a_mail_in_a_frame_that_runs_nothing_but_lets_links_out() -> None:
    [frame] = Page(every_page("text")[4]).all("iframe")
    assert frame["src"] == "/sandbox/mail/dlv_1/html"
    assert set((frame["sandbox"] or "").split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


def test_an_empty_sandbox_says_how_to_fill_it() -> None:
    html = render_sandbox(SandboxView((), SandboxCounts(0, 0, 0, 0)))
    assert "No mail yet" in html
    assert "/v1/events" in html
