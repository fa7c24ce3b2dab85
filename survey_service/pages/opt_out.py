"""`/u/{token}`: three choices on GET, the chosen one on POST; RFC 8058 clients post without a page and mean never."""

from __future__ import annotations

from aiohttp import web

from survey_service.answering.opting_out import Choice, Standing
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName
from survey_service.pages.look import UnsubscribeView, page_policy, render_unsubscribe
from survey_service.pages.networks import network_of
from survey_service.pages.responses import (
    CONFIGURATION_AGE,
    browser_language,
    html_response,
    read_form,
    unknown_page,
)
from survey_service.pages.views import brand_view
from survey_service.parts import PARTS
from survey_service.store.visits import Opened
from survey_service.tokens import OptOutSubject


async def show_opt_out(request: web.Request) -> web.Response:
    """Offer the choices; mail scanners that follow the link change nothing, and are noted."""
    found = await _look(request)
    if found is None:
        return unknown_page(request)
    subject, brand, standing = found
    if not standing.opted_out:  # nobody asks them any more, and who was erased is named nowhere
        request.app[PARTS].store.visits.note(subject.customer, network_of(request), Opened.OPT_OUT)
    return _page(request, brand, Choice.NEVER if standing.opted_out else None, standing.other_channel)


async def submit_opt_out(request: web.Request) -> web.Response:
    """Do what was chosen. Whatever names no choice means never, so that one-click clients are obeyed."""
    found = await _look(request)
    if found is None:
        return unknown_page(request)
    subject, brand, standing = found
    opting_out = request.app[PARTS].opting_out
    choice = _choice(await read_form(request))
    if choice is Choice.NEVER or standing.opted_out:
        # A wish for less does not bring back who was out: the stronger word stands.
        await opting_out.opt_out(subject)
        return _page(request, brand, Choice.NEVER)
    if choice is Choice.LESS:
        await opting_out.ask_less(subject)
        return _page(request, brand, Choice.LESS)
    if standing.other_channel is None:
        return _page(request, brand, None)
    await opting_out.switch_channel(subject, standing.other_channel)
    return _page(request, brand, Choice.CHANNEL, standing.other_channel)


async def _look(request: web.Request) -> tuple[OptOutSubject, Brand, Standing] | None:
    parts = request.app[PARTS]
    subject = parts.opting_out.subject_of(request.match_info["token"])
    snapshot = await parts.store.configuration.current(CONFIGURATION_AGE)
    brand = snapshot.brands.get(subject.brand) if subject else None
    if subject is None or brand is None:
        return None
    return subject, brand, await parts.opting_out.standing(subject, snapshot)


def _choice(form: dict[str, str] | None) -> Choice:
    try:
        return Choice((form or {}).get("choice", Choice.NEVER))
    except ValueError:
        return Choice.NEVER


def _page(
    request: web.Request, brand: Brand, chosen: Choice | None, channel: ChannelName | None = None
) -> web.Response:
    view = UnsubscribeView(
        brand=brand_view(brand),
        lang=browser_language(request),
        action=request.path,
        chosen=chosen,
        channel=channel,
    )
    return html_response(render_unsubscribe(view), policy=page_policy(view.brand))


ROUTES = (web.get("/u/{token}", show_opt_out), web.post("/u/{token}", submit_opt_out))
