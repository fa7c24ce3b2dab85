"""`/v1/links/{id}/qr.svg`, `/qr.png` and `/sheet.pdf`: a public link goes in; what is shown, or printed, goes out."""

from __future__ import annotations

import asyncio
import io
from hashlib import sha256
from typing import Annotated

import segno
from aiohttp import web
from pydantic import BaseModel, Field

from survey_service.api.endpoint import Call, endpoint
from survey_service.api.links import link_url, read_link
from survey_service.errors import Conflict, InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.brand import Brand
from survey_service.models.link import Link
from survey_service.models.survey import LanguageCode, Survey
from survey_service.texts.filling import Links, Place, filler
from survey_service.texts.locales import choose_language
from survey_service.texts.printable import one_line
from survey_service.texts.words import words_in

_QUIET_ZONE = 4  # modules of light around the code, ISO/IEC 18004


class CodeQuery(BaseModel):
    """How large a code is drawn; always dark on light with its quiet zone, which every camera reads."""

    scale: Annotated[int, Field(ge=1, le=40, description="Pixels a module; a code has 33 to 60 of them a side")] = 8


class SheetQuery(BaseModel):
    """In which language the sheet calls."""

    language: Annotated[
        LanguageCode | None, Field(description="Unset: the link's own, else the survey's default language")
    ] = None


@endpoint("GET", "/v1/links/{id}/qr.svg", tag="links", scope=Scope.CONFIG_READ, answers={200: None})
async def get_link_svg(call: Call, query: CodeQuery) -> web.Response:
    """Draw the QR code of a public link as SVG."""
    return await _code(call, "svg", "image/svg+xml", query.scale)


@endpoint("GET", "/v1/links/{id}/qr.png", tag="links", scope=Scope.CONFIG_READ, answers={200: None})
async def get_link_png(call: Call, query: CodeQuery) -> web.Response:
    """Draw the QR code of a public link as PNG."""
    return await _code(call, "png", "image/png", query.scale)


@endpoint("GET", "/v1/links/{id}/sheet.pdf", tag="links", scope=Scope.CONFIG_READ, answers={200: None})
async def get_link_sheet(call: Call, query: SheetQuery) -> web.Response:
    """Print a public link on a sheet of A6: the brand, a call to action, the QR code, the address."""
    # fpdf and numpy take a quarter of a second to load: whoever prints waits for them, and no start of a process does.
    from survey_service.api.printed_sheets import CannotBePrinted, PrintedSheet, render_pdf

    link = await read_link(call)
    snapshot = await call.parts.store.configuration.current()
    survey = snapshot.surveys.get(link.survey)
    brand = snapshot.brands.get(survey.brand) if survey else None
    if survey is None or brand is None:
        raise Conflict(f"link {link.id} leads nowhere: its survey or that survey's brand was deleted")
    touchpoint = snapshot.places.get(link.touchpoint)
    place = Place(link.touchpoint, touchpoint.name if touchpoint else None)
    wanted = query.language or link.language or survey.default_language
    text, lang = _call_to_action(link, survey, brand, place, wanted)
    sheet = PrintedSheet(
        brand=one_line(brand.name),
        call_to_action=text,
        lang=lang,
        address=link_url(call, link),
        accent=brand.colors.accent,
        on_accent=brand.colors.on_accent,
        made_at=link.updated_at or call.parts.clock.now(),
    )
    try:
        body = await asyncio.to_thread(render_pdf, sheet, _code_of(sheet.address))
    except CannotBePrinted as error:
        message = f"{error}. Print a sheet of your own around the code of qr.svg"
        raise InvalidInput.at("/language", "printable", message) from None
    return _kept(call, body, "application/pdf")


def _call_to_action(link: Link, survey: Survey, brand: Brand, place: Place, wanted: str) -> tuple[str, str]:
    """The text above the code and its language: the link's own words, else the service's."""
    if link.call_to_action is None:
        words = words_in(wanted)
        return words("How was it? Scan the code and tell us."), words.lang
    own = link.call_to_action
    lang = choose_language([wanted, survey.default_language], own, next(iter(own)))
    return one_line(filler(brand, survey, None, Links(), place)(own[lang])), lang


def _code_of(address: str) -> segno.QRCode:
    """Level M (15 % may be damaged), higher where it costs no size."""
    return segno.make_qr(address, error="m")


async def _code(call: Call, kind: str, content_type: str, scale: int) -> web.Response:
    code = _code_of(link_url(call, await read_link(call)))
    out = io.BytesIO()
    code.save(out, kind=kind, scale=scale, border=_QUIET_ZONE, dark="#000000", light="#ffffff")
    return _kept(call, out.getvalue(), content_type)


def _kept(call: Call, body: bytes, content_type: str) -> web.Response:
    """Asked for again each time, and sent again only when it changed."""
    headers = {
        "ETag": f'"{sha256(body).hexdigest()[:16]}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if headers["ETag"] in call.request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=content_type, headers=headers)


ENDPOINTS = (get_link_svg, get_link_png, get_link_sheet)
