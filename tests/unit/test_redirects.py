"""Where one may go on to after the thanks, and in which letters a brand writes."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.models.fonts import FONT_STACKS, Font
from survey_service.models.redirects import Redirect, leads_to, redirect_for
from survey_service.models.survey import Question


def a_redirect(**changes: Any) -> Redirect:
    return Redirect.model_validate({"url": "https://acme.example/", "label": {"en": "Tell others"}} | changes)


def a_question(kind: str = "nps", **changes: Any) -> Question:
    return Question.model_validate({"id": "score", "kind": kind, "text": {"en": "?"}} | changes)


@pytest.mark.parametrize(
    ("redirect", "question", "score", "fits"),
    [
        ({}, a_question(), 0, True),
        ({}, a_question("csat"), None, True),
        ({"metric": "nps"}, a_question(), 0, True),
        ({"metric": "nps"}, a_question(), None, False),
        ({"metric": "nps"}, a_question("ces"), 5, False),
        ({"metric": "nps", "low": 9}, a_question(), 9, True),
        ({"metric": "nps", "low": 9}, a_question(), 8, False),
        ({"metric": "nps", "low": 7, "high": 8}, a_question(), 9, False),
        ({"metric": "csat", "low": 4}, a_question("csat"), 4, True),
        ({"metric": "csat", "low": 4}, a_question("csat", scale="1-5"), 4, True),
        ({"metric": "csat", "low": 4}, a_question("csat", scale="1-10"), 4, False),
        ({"metric": "csat", "scale": "1-10", "low": 9}, a_question("csat", scale="1-10"), 9, True),
        ({"metric": "csat", "scale": "yes-no", "low": 1}, a_question("csat", scale="yes-no"), 0, False),
    ],
)
def test_a_redirect_is_for_scores_of_its_own_scale(
    redirect: dict[str, Any], question: Question, score: int | None, fits: bool
) -> None:
    assert a_redirect(**redirect).fits(question, score) is fits


def test_the_first_redirect_that_fits_and_is_still_allowed_is_taken() -> None:
    elsewhere, happy, anybody = (
        a_redirect(url="https://gone.example/"),
        a_redirect(metric="nps", low=9),
        a_redirect(url="https://acme.example/all"),
    )
    rows, allowed = (elsewhere, happy, anybody), {"acme.example"}
    assert redirect_for(rows, a_question(), 9, allowed) is happy
    assert redirect_for(rows, a_question(), 3, allowed) is anybody
    assert redirect_for(rows, a_question(), 3, {"gone.example"}) is elsewhere
    assert redirect_for(rows, a_question(), 9, ()) is None


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://acme.example", True),
        ("https://acme.example/a?b=c#d", True),
        ("https://www.acme.example/", False),
        ("https://shop.other.example/", True),
        ("https://a.shop.other.example/", True),
        ("https://other.example/", False),
        ("https://another.example/", False),
        ("http://acme.example/", False),
        ("https://acme.example:443/", False),
        ("https://acme.example@evil.test/", False),
        ("https://evil.test/@acme.example", False),
        ("https://evil.test\\@acme.example/", False),
        ("https://evil.test%2f.other.example/", False),
        ("https://evil.test/.other.example", False),
        ("https://ａcme.example/", False),
        ('https://acme.example/"><script>', False),
        ("https://acme.example/\nx", False),
        ("javascript:alert(1)//acme.example", False),
    ],
)
def test_an_address_leads_to_an_allowed_host_or_nowhere(url: str, allowed: bool) -> None:
    assert leads_to(url, {"acme.example", "*.other.example"}) is allowed


def test_every_font_ends_in_a_family_that_all_devices_have() -> None:
    assert set(FONT_STACKS) == set(Font)
    for stack in FONT_STACKS.values():
        families = stack.split(",")
        assert {"serif", "sans-serif", "monospace"} & set(families)
        assert not set(";{}<>\\") & set(stack)
