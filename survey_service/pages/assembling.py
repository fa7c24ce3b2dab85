"""A sheet comes in; its survey page goes out, put together from pieces that were rendered once.

Pages of one survey, brand, language and set of questions differ in little: why we ask, what we offer, where the form
goes, the way out, hidden fields, and the texts of the survey that name the customer. A stencil is such a page, cut at
the marks that stand for these; a visitor's page is its pieces with the escaped values between them. Stencils are
rendered for nobody, so none can hold what belongs to a visitor. A page that shows what was typed, what is wrong, what
was answered before or the times of a call is rendered in full.

Compression gives no secret away by size (BREACH, https://breachattack.com): tokens stand in the gzip member as they
are, and nothing is ever compressed together with them. What a caller can add to a compressed page, a score and a
language, are numbers of the scale and codes of the survey. Pages that are rendered in full are not compressed.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from operator import attrgetter

from aiohttp import web
from markupsafe import escape
from pydantic import BaseModel

from survey_service.answering.forms import read_number
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.invitation import Invitation, TokenRef
from survey_service.models.survey import QuestionKind, Survey
from survey_service.pages.gzip_members import GzipMember, accepts_gzip
from survey_service.pages.look import page_policy, render_survey
from survey_service.pages.responses import assembled_response, html_response
from survey_service.pages.views import Sheet, survey_view
from survey_service.texts.filling import Place, why_we_ask
from survey_service.texts.placeholders import PlaceholderInvalid, parse
from survey_service.texts.printable import printable
from survey_service.texts.thanking import offer_unless_named

_KEPT = 256  # stencils, of some 30 kB each
_MARK = f"mark{secrets.token_hex(16)}"  # nobody can guess it, so no text holds it
_MARKS = re.compile(f"{_MARK}x([0-9]+)x")
_HARMLESS = re.compile(r"[\w .,:;/?=-]*")  # nothing in it that a template would change
_SAME_FOR_ALL = ("brand.", "survey.")  # placeholders that do not tell visitors apart
_EPOCH = datetime.fromtimestamp(0, UTC)

# What a sheet holds of its visitor, or shows only where the page is rendered in full.
_VISITORS = frozenset(
    {"invitation", "place", "action", "opt_out_url", "state", "faults", "response", "circumstances", "reward", "now"}
)
_KEYED = frozenset({"survey", "brand", "page", "values"})  # part of the key in another form
_AS_THEY_ARE = attrgetter(*(item.name for item in fields(Sheet) if item.name not in _VISITORS | _KEYED))
_NOBODY = Invitation(
    id="inv_nobody",
    survey="",
    survey_version=0,
    brand="",
    customer="",
    customer_ref="",
    recipient=CustomerProfile(),
    language="en",
    channels=(),
    send_at=_EPOCH,
    expires_at=_EPOCH,
    created_at=_EPOCH,
    token=TokenRef(kid="", sha256=""),
)


def survey_response(request: web.Request, sheet: Sheet, *, status: int = 200, error: str | None = None) -> web.Response:
    """The page of a sheet, compressed where that is safe and the client reads it; `error` says above it what to do."""
    page = STENCILS.assemble(sheet) if error is None else None
    if page is None:
        view = replace(survey_view(sheet), form_error=error)
        response = html_response(render_survey(view), status=status, policy=page_policy(view.brand))
        response.headers["Vary"] = "Accept-Encoding"
        response.enable_compression()
        return response
    gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    body = page.gzipped() if gzip else page.plain()
    return assembled_response(body, gzip=gzip, status=status, policy=page.stencil.policy)


class Stencil:
    """A page that was cut at its marks; `texts` are the personal texts of the survey that stand at some of them."""

    def __init__(self, survey: Survey, brand: Brand, page: str, policy: str, texts: Mapping[int, str]) -> None:
        """`page` holds marks with numbers; `texts` are the personal texts by the number of their mark."""
        first, *rest = _MARKS.split(page)
        self.made_of = (survey, brand)  # so that no others are taken for them, see `_key`
        self.policy = policy
        self.gaps = [int(number) for number in rest[::2]]
        self.texts = {number: text for number, text in texts.items() if number in self.gaps}
        self.pieces = [piece.encode() for piece in (first, *rest[1::2])]
        self.member = GzipMember(self.pieces)


@dataclass(frozen=True, slots=True)
class AssembledPage:
    """A stencil and the values of one visitor by the number of their mark."""

    stencil: Stencil
    values: Mapping[int, str]

    def plain(self) -> bytes:
        """The page."""
        first, *rest = self.stencil.pieces
        parts = [first]
        for value, piece in zip(self._escaped(), rest, strict=True):
            parts += (value, piece)
        return b"".join(parts)

    def gzipped(self) -> bytes:
        """The page as a gzip member."""
        return self.stencil.member.filled(self._escaped())

    def _escaped(self) -> list[bytes]:
        return [_escaped(self.values[number]) for number in self.stencil.gaps]


class Stencils:
    """The stencils that were used last, at most `kept`."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._stencils: OrderedDict[Hashable, Stencil] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stencils)

    def assemble(self, sheet: Sheet) -> AssembledPage | None:
        """The page of a sheet; None if it is one to render in full."""
        if not _can_be_cut(sheet):
            return None
        own = _own_values(sheet)
        key = _key(sheet, own)
        stencil = self._stencils.get(key)
        if stencil is not None:
            self._stencils.move_to_end(key)
            return _filled(stencil, sheet, own)
        stencil = _cut(sheet, own)
        page = _filled(stencil, sheet, own)
        # Where a template does more with a value than to show it, no page of this kind can be assembled.
        if page is None or page.plain() != render_survey(survey_view(sheet)).encode():
            return None
        self._stencils[key] = stencil
        if len(self._stencils) > self._kept:
            self._stencils.popitem(last=False)
        return page


STENCILS = Stencils()


def _can_be_cut(sheet: Sheet) -> bool:
    """Whether nothing is on the page but what the survey asks for, and a score that a link brought."""
    if sheet.faults or sheet.response is not None or sheet.reward is not None:
        return False
    if any(question.kind is QuestionKind.CALL for question in sheet.page):
        return False
    scales = {question.id: question.metric for question in sheet.page} if sheet.values else {}
    return all(
        (scale := scales.get(name)) is not None and read_number(value, scale) is not None
        for name, value in sheet.values.items()
    )


def _own_values(sheet: Sheet) -> list[str]:
    """What stands on every page and is the visitor's; the numbers of the marks are the places in this list."""
    why = why_we_ask(sheet.invitation, sheet.brand, sheet.language, sheet.place)
    offer = offer_unless_named(sheet.invitation, [question.text for question in sheet.page], sheet.language)
    return [why, offer, sheet.opt_out_url or "", sheet.action, *(value for _, value in sheet.state)]


def _key(sheet: Sheet, own: list[str]) -> Hashable:
    """What a page depends on beside a visitor's values. A field that sheets may get one day is part of it."""
    return (
        id(sheet.survey),
        id(sheet.brand),
        tuple([question.id for question in sheet.page]),
        tuple(sheet.values.items()),
        tuple([name for name, _ in sheet.state]),
        tuple(map(bool, own)),  # templates leave out what has no words
        sheet.invitation is None,
        sheet.place is None,
        *_AS_THEY_ARE(sheet),
    )


def _filled(stencil: Stencil, sheet: Sheet, own: list[str]) -> AssembledPage | None:
    """The visitor's page; None if a personal text has no words for this visitor."""
    values = dict(enumerate(own))
    for number, text in stencil.texts.items():
        values[number] = sheet.fill(text)
        if not values[number]:
            return None
    return AssembledPage(stencil, values)


def _escaped(value: str) -> bytes:
    """A value as templates show it."""
    return value.encode() if _HARMLESS.fullmatch(value) else escape(printable(value)).encode()


@dataclass(frozen=True, slots=True)
class _MarkedSheet(Sheet):
    """A sheet of nobody, whose personal texts show a mark."""

    marks: Mapping[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        return self.marks.get(text) or Sheet.fill(self, text)


def _cut(sheet: Sheet, own: list[str]) -> Stencil:
    personal = dict.fromkeys([*_personal_texts(sheet.survey), *_personal_texts(sheet.brand)])
    texts = dict(enumerate(personal, start=len(own)))
    why, offer, opt_out, action, *state = (_mark(number) if value else "" for number, value in enumerate(own))
    kept = {item.name: getattr(sheet, item.name) for item in fields(sheet) if item.name not in _VISITORS}
    marked = _MarkedSheet(
        **kept,
        invitation=_NOBODY if sheet.invitation else None,
        place=Place() if sheet.place else None,
        action=action,
        opt_out_url=opt_out or None,
        state=tuple((name, mark) for (name, _), mark in zip(sheet.state, state, strict=True)),
        marks={text: _mark(number) for number, text in texts.items()},
    )
    view = replace(survey_view(marked), why=why, offer=offer)
    return Stencil(sheet.survey, sheet.brand, render_survey(view), page_policy(view.brand), texts)


def _mark(number: int) -> str:
    return f"{_MARK}x{number}x"


def _personal_texts(node: object) -> Iterator[str]:
    """Every text below `node` that names something of the visitor."""
    match node:
        case str():
            if "{{" in node and _is_personal(node):
                yield node
        case BaseModel():
            for _, value in node:
                yield from _personal_texts(value)
        case Mapping():
            for value in node.values():
                yield from _personal_texts(value)
        case tuple():
            for value in node:
                yield from _personal_texts(value)


def _is_personal(text: str) -> bool:
    try:
        names = parse(text, lambda _: True).names
    except PlaceholderInvalid:
        return False  # a condition: nothing that could be shown
    return not all(name.startswith(_SAME_FOR_ALL) for name in names)
