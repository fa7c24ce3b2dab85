"""The parts of one mail come in as a frozen value; its HTML and its plain text go out.

The MJML layout is compiled once a process, with its Jinja placeholders in place; a message only fills them in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from mjml import mjml2html

from survey_service.delivery.plain_tables import plain_table
from survey_service.models.brand import Brand
from survey_service.models.colors import DARK_SURFACE, LIGHT_SURFACE, palette
from survey_service.models.fonts import FONT_STACKS, Font
from survey_service.models.report import Report
from survey_service.texts.locales import text_direction
from survey_service.texts.printable import one_line, printable
from survey_service.texts.words import words_in

_TEMPLATES = Path(__file__).parent / "templates"
# As they can stand in an attribute.
_FONTS = {font: stack.replace('"', "'") for font, stack in FONT_STACKS.items()}


@dataclass(frozen=True, slots=True)
class EmailBrand:
    """In whose name a mail speaks; colours are `#rrggbb`."""

    name: str
    accent: str
    on_accent: str
    postal_address: str = ""
    logo_url: str | None = None
    privacy_url: str | None = None
    imprint_url: str | None = None
    font: Font = Font.SYSTEM

    @classmethod
    def of(cls, brand: Brand) -> EmailBrand:
        """What mails show of a brand."""
        return cls(
            name=brand.name,
            accent=brand.colors.accent,
            on_accent=brand.colors.on_accent,
            postal_address=brand.postal_address,
            logo_url=brand.logo_url,
            privacy_url=brand.privacy_url,
            imprint_url=brand.imprint_url,
            font=brand.font,
        )


@dataclass(frozen=True, slots=True)
class EmailView:
    """One mail that asks or tells one thing.

    `intro` and `letter` may hold paragraphs, with an empty line between them; those of a letter keep their lines.
    """

    brand: EmailBrand
    lang: str
    preheader: str
    headline: str  # the question, or what is told; empty for a letter
    why: str  # why this person gets it
    unsubscribe_url: str | None  # None: to our own people
    greeting: str | None = None
    intro: str = ""
    letter: str = ""  # what somebody wrote
    report: Report | None = None  # figures
    scale: tuple[tuple[str, str], ...] = ()  # (label, address that preselects it); empty where nothing is asked
    low_label: str | None = None
    high_label: str | None = None
    tap_hint: str = ""
    details: tuple[str, ...] = ()  # a paragraph each, below the headline
    button: tuple[str, str] | None = None  # label, address of the survey page
    signed_by: str | None = None


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """The two bodies of one mail."""

    html: str
    text: str


def render_email(view: EmailView) -> RenderedEmail:
    """Both bodies of the mail; a text is only ever a value in them.

    Raises:
        ValueError: a colour of the brand is not `#rrggbb`.
    """
    values = _values(view)
    return RenderedEmail(html=_html_layout().render(values), text=_text_layout().render(values))


def _values(view: EmailView) -> dict[str, object]:
    brand = view.brand
    writing = text_direction(view.lang)
    return {
        "_": words_in(view.lang),
        "lang": view.lang,
        "dir": writing,
        "start": "right" if writing == "rtl" else "left",
        "end": "left" if writing == "rtl" else "right",
        "light": palette(brand.accent, brand.on_accent, LIGHT_SURFACE),
        "dark": palette(brand.accent, brand.on_accent, DARK_SURFACE),
        "brand": one_line(brand.name),
        "postal_address": one_line(brand.postal_address),
        "logo_url": one_line(brand.logo_url or ""),
        "privacy_url": one_line(brand.privacy_url or ""),
        "imprint_url": one_line(brand.imprint_url or ""),
        "font": Markup(_FONTS[brand.font]),  # noqa: S704  words of our own, none of a brand's
        "preheader": one_line(view.preheader),
        "greeting": one_line(view.greeting or ""),
        "intro": [one_line(paragraph) for paragraph in _paragraphs(view.intro)],
        "letter": [[one_line(line) for line in part.strip("\n").split("\n")] for part in _paragraphs(view.letter)],
        "report": view.report,
        "plain_tables": [plain_table(table, words_in(view.lang)) for table in view.report.tables]
        if view.report
        else [],
        "headline": one_line(view.headline),
        "scale": view.scale,
        "choice": len(view.scale) == 2,  # such as yes or no: wide cells, and in the plain text an address each
        "ends": _ends(view),
        "tap_hint": one_line(view.tap_hint),
        "details": [one_line(detail) for detail in view.details],
        "button_label": one_line(view.button[0]) if view.button else "",
        "button_url": view.button[1] if view.button else "",
        "signed_by": one_line(view.signed_by or ""),
        "why": one_line(view.why),
        "unsubscribe_url": view.unsubscribe_url or "",
    }


def _paragraphs(text: str) -> list[str]:
    return [paragraph for paragraph in printable(text).split("\n\n") if paragraph.strip()]


def _ends(view: EmailView) -> str:
    """The two ends of the scale in one line, such as "0 = Not at all likely, 10 = Extremely likely"."""
    if not (view.scale and view.low_label and view.high_label):
        return ""
    low, high = view.scale[0][0], view.scale[-1][0]
    words = words_in(view.lang)
    labels = {"low": low, "low_label": view.low_label, "high": high, "high_label": view.high_label}
    return one_line(words("{low} = {low_label}, {high} = {high_label}", **labels))


@cache
def _html_layout() -> Template:
    source = (_TEMPLATES / "mail.mjml").read_text("utf-8")
    # No fonts: the mail fetches nothing from elsewhere but a brand's logo.
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters["one_line"] = one_line
    return environment.from_string(mjml2html(source, fonts={}))


@cache
def _text_layout() -> Template:
    source = (_TEMPLATES / "mail.txt").read_text("utf-8")
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True)  # noqa: S701  plain text has no markup to escape
    environment.filters["one_line"] = one_line
    return environment.from_string(source)
