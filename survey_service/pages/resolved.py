"""`/r/{token}`: whether a case is resolved for its customer. A GET asks, only the POST of a button records."""

from __future__ import annotations

from aiohttp import web

from survey_service.followup.resolving import is_asked
from survey_service.models.case import Case
from survey_service.pages.look import ResolvedStanding, ResolvedView, page_policy, render_resolved
from survey_service.pages.responses import (
    CONFIGURATION_AGE,
    accepted_languages,
    html_response,
    read_form,
    unknown_page,
)
from survey_service.pages.views import brand_view
from survey_service.parts import PARTS
from survey_service.texts.locales import choose_language
from survey_service.texts.words import LANGUAGES

_CHOICES = {"yes": True, "no": False}


async def show_resolved(request: web.Request) -> web.Response:
    """Ask; mail scanners that follow the link change nothing."""
    case = await request.app[PARTS].resolving.look(request.match_info["token"])
    return await _page(request, case)


async def submit_resolved(request: web.Request) -> web.Response:
    """Note what was chosen; whatever names no choice is asked again."""
    parts = request.app[PARTS]
    case = await parts.resolving.look(request.match_info["token"])
    form = await read_form(request)
    if form is None:
        return unknown_page(request, status=400)
    resolved = _CHOICES.get(form.get("resolved", ""))
    if case is not None and resolved is not None:
        case = await parts.resolving.answer(case, resolved=resolved)
    return await _page(request, case)


async def _page(request: web.Request, case: Case | None) -> web.Response:
    snapshot = await request.app[PARTS].store.configuration.current(CONFIGURATION_AGE)
    brand = snapshot.brands.get(case.brand) if case else None
    if case is None or brand is None:
        return unknown_page(request)
    view = ResolvedView(
        brand=brand_view(brand),
        lang=choose_language([case.language, *accepted_languages(request)], LANGUAGES, "en"),
        action=request.path,
        standing=_standing(case),
        we_did=case.public_note,
    )
    return html_response(render_resolved(view), policy=page_policy(view.brand))


def _standing(case: Case) -> ResolvedStanding:
    if is_asked(case):
        return "asked"
    if case.is_active:
        return "again"
    return "resolved" if case.resolved_for_customer else "closed"


ROUTES = (web.get("/r/{token}", show_resolved), web.post("/r/{token}", submit_resolved))
