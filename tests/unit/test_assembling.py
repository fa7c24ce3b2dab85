"""Assembled pages: whoever comes, the page is the one that a full rendering would have been, and so is its gzip."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from survey_service.answering.forms import Fault
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.incentive import Offer
from survey_service.models.survey import Survey
from survey_service.pages.assembling import Stencils, survey_response
from survey_service.pages.gzip_members import GzipMember, accepts_gzip
from survey_service.pages.look import KioskView, page_policy, render_survey
from survey_service.pages.views import Sheet, survey_view
from survey_service.texts.filling import Place
from tests.support.factories import make_facts, make_invitation, make_response

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = "0123456789abcdefABCDEF"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</textarea></title></style></script><b>&amp;",
    "{{customer.name}} {% raw %} ${7*7} {name} %(name)s",
    "emoji 🛫 عربي \u202e\u0000\r\n\x1b \ud800",
    "x" * 70_000,
]
anything = st.one_of(st.sampled_from([*HOSTILE, *"<>&'\"\x00\u202e"]), st.text(max_size=40))


def survey(**changes: Any) -> Survey:
    """A survey whose texts name the customer, the place and the brand."""
    questions = [
        {
            "id": "nps",
            "kind": "nps",
            "text": {"en": "How likely, {{customer.first_name|dear guest}}?", "de": "Wie wahrscheinlich?"},
            "low_label": {"en": "Never {{event.data.word}} {{survey.name}}"},
        },
        {"id": "why", "kind": "text", "text": {"en": "What about {{touchpoint.name|us}} and {{brand.name}}?"}},
        {
            "id": "what",
            "kind": "choices",
            "text": {"en": "What was good?"},
            "required": False,
            "options": [{"id": "a", "text": {"en": "The {{event.data.word|room}}"}}, {"id": "b", "text": {"en": "B"}}],
        },
        {"id": "more", "kind": "line", "text": {"en": "More?"}, "show_if": "answers.nps > 5.0"},
    ]
    plain = {
        "id": "after-delivery:1",
        "survey": "after-delivery",
        "version": 1,
        "created_at": NOW,
        "name": "After <delivery>",
        "brand": "acme",
        "primary": "nps",
        "questions": questions,
    }
    return Survey.model_validate(plain | changes)


def brand(**changes: Any) -> Brand:
    return Brand.model_validate({"id": "acme", "name": "Acme & Söhne", "postal_address": "Street 1"} | changes)


SURVEY, BRAND = survey(), brand()
OFFER = Offer(incentive="thanks", name="Thanks", text={"en": "10 % off"})


def sheet(**changes: Any) -> Sheet:
    plain: dict[str, Any] = {
        "survey": SURVEY,
        "brand": BRAND,
        "invitation": make_invitation(data={"word": "soup"}, touchpoint_name="Mitte"),
        "language": "en",
        "page": SURVEY.questions[:3],
        "action": f"/s/{TOKEN}",
        "opt_out_url": "/u/abcdef_-",
    }
    return Sheet(**plain | changes)


def in_full(of: Sheet) -> bytes:
    return render_survey(survey_view(of)).encode()


def gunzip(member: bytes) -> bytes:
    """Read by zlib alone as well: exactly one member, closed, with the right length and checksum."""
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = reader.decompress(member) + reader.flush()
    assert reader.eof
    assert not reader.unused_data
    assert gzip.decompress(member) == text
    return text


@st.composite
def visitors(draw: st.DrawFn) -> tuple[Sheet, Sheet]:
    """Two visitors of one page: one with plain words, one with hostile ones wherever a visitor's own can stand."""
    comes_by = draw(st.sampled_from(["invitation", "link", "nothing"]))
    page = SURVEY.questions[: draw(st.integers(1, 4))]
    language = draw(st.sampled_from(["en", "de", "ar"]))
    values = draw(st.sampled_from([{}, {"nps": "9"}, {"nps": "0"}]))
    opts_out, is_thanked, has_state, has_event = (draw(st.booleans()) for _ in range(4))

    def visitor(words: st.SearchStrategy[str]) -> Sheet:
        profile = CustomerProfile(first_name=draw(words), timezone=draw(st.sampled_from([None, "Asia/Tokyo"])))
        invitation = make_invitation(
            recipient=profile,
            data={"word": draw(words)},
            touchpoint_name=draw(words),
            event=make_facts() if has_event else None,
            incentive=OFFER.model_copy(update={"text": {"en": draw(words)}}) if is_thanked else None,
        )
        return sheet(
            invitation=invitation if comes_by == "invitation" else None,
            place=Place("t-2", draw(words)) if comes_by == "link" else None,
            language=language,
            page=page,
            action=draw(words),
            opt_out_url=draw(words) if opts_out else None,
            values=values,
            state=(("_sheet", draw(words)), ("_b", draw(words))) if has_state else (),
        )

    return visitor(st.just("plain")), visitor(anything)


@given(visitors())
def test_an_assembled_page_is_the_one_that_is_rendered_in_full(both: tuple[Sheet, Sheet]) -> None:
    plain, hostile = both
    stencils = Stencils()
    assert stencils.assemble(plain) is not None
    page = stencils.assemble(hostile)
    if page is not None:
        assert page.plain() == in_full(hostile)
        assert gunzip(page.gzipped()) == in_full(hostile)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6), st.data())
def test_a_filled_member_holds_its_pieces_and_values(pieces: list[bytes], data: st.DataObject) -> None:
    gaps = len(pieces) - 1
    values = data.draw(st.lists(st.binary(max_size=100) | st.just(b"v" * 150_000), min_size=gaps, max_size=gaps))
    whole = pieces[0] + b"".join(value + piece for value, piece in zip(values, pieces[1:], strict=True))
    assert gunzip(GzipMember(pieces).filled(values)) == whole


def test_visitors_share_a_stencil_and_get_their_own_page() -> None:
    stencils = Stencils()
    for word in ("soup", "</b>", "bread"):
        for offer in (OFFER, OFFER.model_copy(update={"text": {"en": f"Free {word}"}})):
            invitation = make_invitation(word, data={"word": word}, touchpoint_name=word, incentive=offer)
            of = sheet(invitation=invitation, action=f"/s/{word}", state=(("_sheet", word),))
            page = stencils.assemble(of)
            assert page is not None
            assert page.plain() == in_full(of)
    assert len(stencils) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"language": "de"},
        {"page": SURVEY.questions[:1]},
        {"values": {"nps": "9"}},
        {"opt_out_url": None},
        {"invitation": None},
        {"invitation": make_invitation(data={"word": "soup"}, touchpoint_name="Mitte", incentive=OFFER)},
        {"invitation": None, "place": Place("t-1", "Mitte")},
        {"kiosk": KioskView("/l/desk")},
        {"can_switch": False},
        {"state": (("_sheet", "signed"),)},
        {"survey": survey(name="Another")},
        {"brand": brand(name="Another")},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_pages_that_differ_in_more_have_stencils_of_their_own(changes: dict[str, Any]) -> None:
    stencils = Stencils()
    assert stencils.assemble(sheet()) is not None
    of = sheet(**changes)
    page = stencils.assemble(of)
    assert page is not None
    assert page.plain() == in_full(of)
    assert len(stencils) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"values": {"why": "typed"}},
        {"values": {"nps": "11"}},
        {"values": {"nps": "<b>"}},
        {"values": {"unknown": "9"}},
        {"faults": {"why": Fault.MISSING}},
        {"response": make_response()},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_a_page_with_what_was_typed_or_is_wrong_is_rendered_in_full(changes: dict[str, Any]) -> None:
    stencils = Stencils()
    assert stencils.assemble(sheet()) is not None
    assert stencils.assemble(sheet(**changes)) is None
    assert len(stencils) == 1


def test_who_has_no_words_for_a_text_gets_a_page_rendered_in_full() -> None:
    nameless = survey(questions=[{"id": "nps", "kind": "nps", "text": {"en": "{{event.data.word}}"}}])
    stencils, wordless = Stencils(), make_invitation(data={})
    for invitation, is_assembled in ((wordless, False), (sheet().invitation, True), (wordless, False)):
        page = stencils.assemble(sheet(survey=nameless, page=nameless.questions, invitation=invitation))
        assert (page is not None) is is_assembled


def test_the_stencils_used_longest_ago_are_let_go() -> None:
    stencils = Stencils(kept=3)
    for score in range(11):
        of = sheet(values={"nps": str(score)})
        assert stencils.assemble(of) is not None
        assert stencils.assemble(of) is not None
    assert len(stencils) == 3


def test_no_secret_is_compressed() -> None:
    # What stands in the member as it is was not compressed with anything: its size says nothing about it.
    page = Stencils().assemble(sheet(state=(("_sheet", "a-signed-secret"),)))
    assert page is not None
    for secret in (TOKEN, "/u/abcdef_-", "a-signed-secret", "soup"):
        assert secret.encode() in page.gzipped()


@pytest.mark.parametrize(
    ("accept", "encoding", "changes", "error"),
    [
        ("gzip, deflate, br", "gzip", {}, None),
        ("identity", None, {}, None),
        ("", None, {}, None),
        ("gzip", None, {"values": {"why": "typed"}}, None),
        ("gzip", None, {}, "Please tap once more."),
    ],
)
def test_a_page_comes_as_the_client_reads_it(
    accept: str, encoding: str | None, changes: dict[str, Any], error: str | None
) -> None:
    request = make_mocked_request("GET", "/", headers={"Accept-Encoding": accept})
    of = sheet(**changes)
    response = survey_response(request, of, status=422, error=error)
    assert response.status == 422
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Content-Security-Policy"] == page_policy(survey_view(of).brand)
    body = response.body
    assert isinstance(body, bytes)
    page = gunzip(body) if encoding else body
    assert page == render_survey(replace(survey_view(of), form_error=error)).encode()


@pytest.mark.parametrize(
    ("header", "reads"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("br, x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("br", False),
        ("*", False),
        ("notgzip", False),
        ("", False),
    ],
)
def test_gzip_goes_to_whom_reads_it(header: str, reads: bool) -> None:
    assert accepts_gzip(header) is reads
