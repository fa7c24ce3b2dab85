"""A brand's or a touchpoint's content comes in; every rule that it breaks is raised."""

from __future__ import annotations

import math
from collections.abc import Collection, Container

from survey_service.answering.numbers_in_words import NUMBERS
from survey_service.answering.replies import Words, keyword_key, read_keyword, read_reply
from survey_service.api.checks.fields import (
    Problems,
    address_problems,
    line_problems,
    refuse,
    sender_problems,
    text_problems,
    url_problems,
    zone_problems,
)
from survey_service.api.checks.texts import translation_problems
from survey_service.errors import FieldProblem
from survey_service.models.brand import BrandContent, Colors
from survey_service.models.colors import TEXT_CONTRAST, contrast
from survey_service.models.redirects import Redirect, host_of, leads_to
from survey_service.models.survey import Scale
from survey_service.models.touchpoint import TouchpointContent

# RFC 5321 section 4.5.3.1.1 allows 64 octets; `+dlv_` and 22 digits are added to tell which mail came back.
_MAX_EXTENDED_LOCAL = 64 - len("+dlv_") - 22


def check_brand(content: BrandContent, redirect_hosts: Collection[str] = frozenset()) -> None:
    """Refuse a brand in whose name nothing readable could be sent.

    `redirect_hosts` are those that the operator allows people to be sent to.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_brand_problems(content, redirect_hosts))


def check_touchpoint(content: TouchpointContent, surveys: Container[str]) -> None:
    """Refuse a touchpoint in no known time zone, or with a keyword that could not be heard as one.

    `surveys` are the names that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_touchpoint_problems(content, surveys))


def _brand_problems(content: BrandContent, redirect_hosts: Collection[str]) -> Problems:
    yield from line_problems("/name", content.name)
    yield from sender_problems("/email_from", content.email_from)
    yield from sender_problems("/reply_to", content.reply_to)
    yield from _extended_address_problems("/return_path", content.return_path)
    yield from _extended_address_problems("/answers_to", content.answers_to)
    yield from text_problems("/postal_address", content.postal_address)
    yield from line_problems("/contact", content.contact)
    yield from line_problems("/signed_by", content.signed_by)
    yield from zone_problems("/timezone", content.timezone)
    yield from url_problems("/privacy_url", content.privacy_url)
    yield from url_problems("/imprint_url", content.imprint_url)
    yield from url_problems("/logo_url", content.logo_url)
    yield from _color_problems(content.colors)
    if content.thanks is not None:
        yield from translation_problems("/thanks", content.thanks, single_line=False)
    for number, redirect in enumerate(content.redirects):
        yield from _redirect_problems(f"/redirects/{number}", redirect, redirect_hosts)
    for number, address in enumerate(content.test_addresses):
        yield from address_problems(f"/test_addresses/{number}", address)


def _redirect_problems(pointer: str, redirect: Redirect, allowed: Collection[str]) -> Problems:
    yield from _score_problems(pointer, redirect)
    host = host_of(redirect.url)
    if host is None:
        message = "is not a plain https address, with a host in small ASCII letters, without a user or port"
        yield FieldProblem(f"{pointer}/url", "url", message)
    elif not leads_to(redirect.url, allowed):
        names = ", ".join(sorted(allowed)) or "none"
        message = f"leads to {host}; the hosts that SURVEY_REDIRECT_HOSTS allows: {names}"
        yield FieldProblem(f"{pointer}/url", "redirect_host", message)
    yield from translation_problems(f"{pointer}/label", redirect.label, single_line=True)


def _score_problems(pointer: str, redirect: Redirect) -> Problems:
    if redirect.metric != "csat" and redirect.scale is not None:
        yield FieldProblem(f"{pointer}/scale", "csat", "only csat has a choice of scales")
    scale, fits = redirect.measured_on, True
    for name in ("low", "high"):
        score: int | None = getattr(redirect, name)
        if score is not None and scale is None:
            yield FieldProblem(f"{pointer}/{name}", "metric", "is a score on no scale: say on which metric")
        elif score is not None and scale is not None and score not in scale.values:
            fits = False
            message = f"{score} is not on the scale of {redirect.metric}, {scale.low} to {scale.high}"
            yield FieldProblem(f"{pointer}/{name}", "scale", message)
    if fits and redirect.low is not None and redirect.high is not None and redirect.high < redirect.low:
        message = f"{redirect.high} is less than low, {redirect.low}: no score lies between"
        yield FieldProblem(f"{pointer}/high", "order", message)


def _extended_address_problems(pointer: str, address: str | None) -> Problems:
    yield from address_problems(pointer, address)
    if address is not None and len(address.rpartition("@")[0]) > _MAX_EXTENDED_LOCAL:
        message = (
            f"has more than {_MAX_EXTENDED_LOCAL} characters before the @, where `+` and the delivery's id are added"
        )
        yield FieldProblem(pointer, "length", message)


def _touchpoint_problems(content: TouchpointContent, surveys: Container[str]) -> Problems:
    yield from line_problems("/name", content.name)
    yield from zone_problems("/timezone", content.timezone)
    yield from line_problems("/journey_stage", content.journey_stage)
    yield from line_problems("/region", content.region)
    if content.keyword is not None:
        yield from _keyword_problems(content.keyword)
    if (content.keyword is None) != (content.keyword_survey is None):
        missing = "/keyword_survey" if content.keyword_survey is None else "/keyword"
        yield FieldProblem(missing, "together", "keyword and keyword_survey belong together")
    if content.keyword_survey is not None and content.keyword_survey not in surveys:
        yield FieldProblem("/keyword_survey", "exists", "there is no survey of that id")


def _keyword_problems(keyword: str) -> Problems:
    """A keyword is told apart from every command and number, in the one spelling in which it is compared."""
    compared = keyword_key(keyword)
    if read_keyword(compared) != (compared, ""):
        yield FieldProblem("/keyword", "keyword", "is one word of 2 to 20 letters and digits, a letter first")
    elif compared != keyword:
        yield FieldProblem("/keyword", "spelling", f"is compared without case and accents: write {compared}")
    elif not isinstance(read_reply(keyword, Scale(0, 10, "0-10"), tuple(NUMBERS)), Words):
        yield FieldProblem("/keyword", "taken", "means something else in a reply: a number, or a word such as STOP")


def _color_problems(colors: Colors) -> Problems:
    measured = contrast(colors.accent, colors.on_accent)
    if measured < TEXT_CONTRAST:
        shown = math.floor(measured * 100) / 100  # never rounded up to the limit itself
        message = (
            f"has a contrast of {shown:.2f} to accent; text needs {TEXT_CONTRAST} to be readable (WCAG 2.2, 1.4.3)"
        )
        yield FieldProblem("/colors/on_accent", "contrast", message)
