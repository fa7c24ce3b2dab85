"""`/u/{token}`: a page with one button on GET, the opt-out on POST; RFC 8058 clients post without a page."""

from __future__ import annotations

from aiohttp import web

from survey_service.pages.look import UnsubscribeView, render_unsubscribe
from survey_service.pages.responses import CONFIGURATION_AGE, browser_language, html_response, unknown_page
from survey_service.pages.views import brand_view
from survey_service.parts import PARTS
from survey_service.tokens import OptOutSubject


async def show_opt_out(request: web.Request) -> web.Response:
    """Ask once more; mail scanners that follow the link change nothing."""
    subject = request.app[PARTS].opting_out.subject_of(request.match_info["token"])
    return await _page(request, subject, done=False)


async def submit_opt_out(request: web.Request) -> web.Response:
    """Stop: on all channels of the brand. The body does not matter, so that one-click clients are obeyed."""
    opting_out = request.app[PARTS].opting_out
    subject = opting_out.subject_of(request.match_info["token"])
    if subject is not None:
        await opting_out.opt_out(subject)
    return await _page(request, subject, done=True)


async def _page(request: web.Request, subject: OptOutSubject | None, *, done: bool) -> web.Response:
    snapshot = await request.app[PARTS].store.configuration.current(CONFIGURATION_AGE)
    brand = snapshot.brands.get(subject.brand) if subject else None
    if brand is None:
        return unknown_page(request)
    view = UnsubscribeView(brand=brand_view(brand), lang=browser_language(request), action=request.path, done=done)
    return html_response(render_unsubscribe(view))


ROUTES = (web.get("/u/{token}", show_opt_out), web.post("/u/{token}", submit_opt_out))
