"""The pages for customers and the sandbox: what they hold, and that a value never becomes anything else."""

from __future__ import annotations

import dataclasses
import gzip
import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import get_args

import pytest

from survey_service.answering.opting_out import Choice
from survey_service.models.delivery import ChannelName
from survey_service.pages.assets import render_brand_css
from survey_service.pages.look import (
    PAGE_POLICY,
    BrandView,
    CallView,
    ClosedView,
    DayView,
    FaultView,
    OptionView,
    Phrase,
    ProgressView,
    Reason,
    RedirectView,
    SlotView,
    StepView,
    SurveyView,
    ThanksView,
    TicketView,
    UnsubscribeView,
    page_policy,
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
from tests.support.page_views import (
    BRAND,
    CSS,
    EVERY_KIND,
    KIOSK,
    ONE,
    REASON,
    SCORE,
    SURVEY,
    THANKS,
    Page,
    page_of,
    with_score,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "%(name)s {name} {0.__class__}",
    "</textarea></title></style><b>",
    "emoji 🛫 and عربي",
    "x" * 100_000,
]
FIRST_ROUND_TRIP = 14 * 1024  # bytes: ten segments of 1,460 (RFC 6928), less what the headers take


def test_the_question_is_the_only_heading_and_the_title_names_it() -> None:
    for first in EVERY_KIND:
        html = render_survey(dataclasses.replace(SURVEY, questions=(first, *EVERY_KIND)))
        assert [tag for tag, _ in Page(html).elements if tag in {"h1", "h2", "h3"}] == ["h1"]
        assert f"<title>{first.text.text} · Skyway</title>" in html


def test_the_form_posts_its_hidden_state_with_one_button() -> None:
    page = Page(render_survey(SURVEY))
    [form] = page.all("form", method="post", action="/s/token")
    assert all(form[f"data-{state}"] for state in ("sending", "waiting", "failed"))
    assert page.all("input", type="hidden", name="_lang", value="en")
    assert len(page.all("button")) == 1


def test_the_footer_switches_language_and_leads_out() -> None:
    links = [link["href"] for link in Page(render_survey(SURVEY)).all("a")]
    assert links == ["?lang=de", "https://skyway.example/privacy", "https://skyway.example/imprint", "/u/token"]


def test_a_number_from_a_link_is_chosen_explained_and_kept_by_the_language_switch() -> None:
    page = Page(render_survey(with_score(value="9")))
    assert [radio["value"] for radio in page.all("input", type="radio") if "checked" in radio] == ["9"]
    assert "You chose 9. Tap “Send” to confirm." in page.text
    assert page.all("a", href="?lang=de&score=9")


@pytest.mark.parametrize(
    ("progress", "said"),
    [(ProgressView(2, 2, 3), "Question 2 of 3"), (ProgressView(2, 4, 4), "Questions 2 to 4 of 4")],
)
def test_who_comes_back_sees_how_far_they_are(progress: ProgressView, said: str) -> None:
    assert said in page_of(SCORE, progress=progress).text


FAULT = FaultView("nps", "Please choose a number.")


def test_a_failed_submission_says_what_to_do_and_keeps_what_was_typed() -> None:
    failed = with_score(fault=FAULT)
    failed = dataclasses.replace(failed, questions=(failed.questions[0], dataclasses.replace(REASON, value="\nfast")))
    html = render_survey(failed)
    page = Page(html)
    assert "<title>Please check: " in html
    assert "Not sent yet" in page.text
    assert page.all("a", href="#q-nps")
    assert "\n\nfast</textarea>" in html  # a browser drops the first line feed of a textarea


def test_a_preview_says_that_nothing_is_stored() -> None:
    assert "nothing is stored" in Page(render_survey(dataclasses.replace(SURVEY, preview=True))).text
    assert "nothing is stored" not in Page(render_survey(SURVEY)).text


@pytest.mark.parametrize(("lang", "send"), [("en", "Send"), ("de", "Absenden"), ("es", "Enviar"), ("xx", "Send")])
def test_the_interface_speaks_the_language_of_the_page(lang: str, send: str) -> None:
    html = render_survey(dataclasses.replace(SURVEY, lang=lang))
    assert f'<html lang="{lang}" dir="ltr">' in html
    assert f"<button>{send}</button>" in html


def test_a_right_to_left_language_turns_the_page() -> None:
    assert '<html lang="ar" dir="rtl">' in render_survey(dataclasses.replace(SURVEY, lang="ar"))


def test_words_in_another_language_than_the_page_are_marked_one_by_one() -> None:
    question = dataclasses.replace(SCORE, text=Phrase("ما رأيك؟", "ar"), high_label=Phrase("Sehr", "de"))
    page = page_of(question, ONE, lang="de")
    assert [(span["lang"], span["dir"]) for span in page.all("span") if "dir" in span] == [
        ("ar", "rtl"),
        ("en", "ltr"),  # the other end of the scale, then the second question with its options
        ("en", "ltr"),
        ("en", "ltr"),
        ("en", "ltr"),
    ]


def test_a_kiosk_leads_nowhere_else_and_begins_again() -> None:
    page = page_of(SCORE, kiosk=KIOSK)
    [body] = page.all("body")
    assert body == {"class": "kiosk", "data-home": "/l/door", "data-idle": "30"}
    assert [link["href"] for link in page.all("a")] == ["?lang=de"]
    for html in (
        render_thanks(dataclasses.replace(THANKS, kiosk=KIOSK, unsubscribe_url="/u/token")),
        render_closed(ClosedView("en", "closed", BRAND, kiosk=KIOSK)),
    ):
        assert Page(html).all("body", **{"data-home": "/l/door", "data-idle": "8"})
        assert '<noscript><meta http-equiv="refresh" content="8;url=/l/door"></noscript>' in html
        assert [link["href"] for link in Page(html).all("a")] == ["/l/door"]


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
    html = render_thanks(dataclasses.replace(THANKS, next_step="Maria calls you.", summary=("We call you at 9.",)))
    assert Page(html).all("h1")
    for said in ("Thank you, Ada.", "Maria calls you.", "We call you at 9."):
        assert said in Page(html).text


@pytest.mark.parametrize("at_once", [True, False])
def test_thanks_lead_on_by_a_link_or_by_themselves(at_once: bool) -> None:
    redirect = RedirectView("https://maps.example/r?a=1&b=2", Phrase("Tell others", "en"), at_once)
    page = Page(render_thanks(dataclasses.replace(THANKS, redirect=redirect)))
    assert page.all("a", href=redirect.url)
    refresh = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "refresh"]
    assert refresh == (["0;url=https://maps.example/r?a=1&b=2"] if at_once else [])


def test_only_who_got_a_message_is_told_to_answer_it() -> None:
    nameless = dataclasses.replace(BRAND, contact=None)
    assert "Just answer" in render_closed(ClosedView("en", "closed", nameless))
    assert "Just answer" not in render_closed(ClosedView("en", "closed", nameless, by_message=False))
    assert "Just answer" not in render_thanks(dataclasses.replace(THANKS, brand=nameless))


def every_page(text: str) -> list[str]:
    """All pages with `text` in every place that others may fill."""
    brand = BrandView(text, CSS, text, text, text, text, text)
    phrase = Phrase(text, "en")
    questions = tuple(
        dataclasses.replace(
            question,
            text=phrase,
            value=text,
            fault=FaultView(question.id, text),
            low_label=phrase,
            high_label=phrase,
            steps=tuple(StepView(text, text, f"{text}!", step.smile) for step in question.steps),
            options=tuple(OptionView("a", phrase) for _ in question.options),
            call=CallView((DayView(text, (SlotView("a", text, text),)),), 15, text, about=text, phone=text),
        )
        for question in EVERY_KIND
    )
    mail = SandboxMailView("dlv_1", text, text, text, datetime(2026, 1, 1, tzinfo=UTC))
    message = SandboxMessageView(
        mail, text, text, ((text, text),), (SandboxStepView(text, text, ((text, text),), text),)
    )
    return [
        render_survey(
            SurveyView(
                brand,
                "en",
                questions,
                action=text,
                why=text,
                time_hint=text,
                languages=((text, text),) * 2,
                unsubscribe_url=text,
                form_error=text,
                state=((text, text),),
            )
        ),
        render_thanks(ThanksView(brand, "en", phrase, text, (text,), RedirectView(text, phrase, True), text)),
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


def test_no_style_or_script_stands_at_an_element() -> None:
    for html in every_page("text"):
        page = Page(html)
        assert not [
            name for _, attributes in page.elements for name in attributes if name == "style" or name[:2] == "on"
        ]
        assert page.all("meta", name="robots", content="noindex")


def sources_of(html: str, tag: str) -> list[str]:
    """The sources by which a policy allows what stands in the elements of a page (CSP 3, 2.3.1)."""
    contents = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return [f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" for content in contents]


def test_a_page_arrives_with_its_styles_and_script_and_a_policy_for_exactly_these() -> None:
    html, policy = render_survey(SURVEY), page_policy(BRAND)
    assert f"style-src {' '.join(sources_of(html, 'style'))};" in policy
    assert f"script-src {' '.join(sources_of(html, 'script'))};" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not Page(html).all("link", rel="stylesheet")
    assert not [script for script in Page(html).all("script") if "src" in script]


def test_every_page_of_a_brand_has_the_same_policy_and_another_brand_has_another() -> None:
    policy = page_policy(BRAND)
    for html in (render_thanks(THANKS), render_closed(ClosedView("en", "closed", BRAND)), render_unsubscribe(WAY_OUT)):
        assert all(source in policy for tag in ("style", "script") for source in sources_of(html, tag))
    other = dataclasses.replace(BRAND, css=render_brand_css("#aa0000", "#ffffff"))
    assert page_policy(other) != policy
    assert all(source in PAGE_POLICY for source in sources_of(render_closed(ClosedView("en", "unknown")), "style"))


@pytest.mark.parametrize(
    "view", [SURVEY, dataclasses.replace(SURVEY, questions=EVERY_KIND)], ids=["usual", "every kind"]
)
def test_the_first_view_fits_into_the_first_round_trip(view: SurveyView) -> None:
    assert len(gzip.compress(render_survey(view).encode())) < 0.7 * FIRST_ROUND_TRIP


TICKET = TicketView(Phrase("10 % off your next order", "en"), "A-1<b>", "Valid until 22 December 2026.")


@pytest.mark.parametrize("render", ["thanks", "finished"])
def test_a_ticket_shows_its_code_to_be_copied_by_a_tap_and_fits_into_the_first_round_trip(render: str) -> None:
    thanks = dataclasses.replace(THANKS, ticket=TICKET)
    finished = ClosedView("en", "finished", BRAND, ticket=TICKET)
    html = render_thanks(thanks) if render == "thanks" else render_closed(finished)
    page = Page(html)
    assert page.all("section", **{"class": "ticket", "aria-label": "Your thank-you"})
    assert page.all("code", dir="ltr", translate="no")
    for words in ("10 % off your next order", "A-1<b>", "Valid until 22 December 2026."):
        assert words in page.text
    assert "user-select: all" in html
    assert len(gzip.compress(html.encode())) < 0.7 * FIRST_ROUND_TRIP


def test_where_there_is_no_ticket_a_sentence_may_stand_in_its_place() -> None:
    assert "soon" in Page(render_thanks(dataclasses.replace(THANKS, ticket_note="It comes soon."))).text
    assert not Page(render_thanks(THANKS)).all("section")
    assert not Page(render_thanks(dataclasses.replace(THANKS, ticket=TicketView(TICKET.text)))).all("code")


def test_an_offer_stands_before_the_questions() -> None:
    html = render_survey(dataclasses.replace(SURVEY, offer="As a thank-you: a tree."))
    assert html.index("As a thank-you: a tree.") < html.index("<form")


def test_the_sandbox_shows_a_mail_in_a_frame_that_runs_nothing_but_lets_links_out() -> None:
    [frame] = Page(every_page("text")[4]).all("iframe")
    assert frame["src"] == "/sandbox/mail/dlv_1/html"
    assert set((frame["sandbox"] or "").split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


def test_an_empty_sandbox_says_how_to_fill_it() -> None:
    html = render_sandbox(SandboxView((), SandboxCounts(0, 0, 0, 0)))
    assert "No mail yet" in html
    assert "/v1/events" in html
