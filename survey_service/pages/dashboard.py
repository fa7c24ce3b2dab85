"""`/dashboard`: figures for people, without a script; whoever is not signed in is led to where one does."""

from __future__ import annotations

from http import HTTPStatus
from shlex import quote
from urllib.parse import urlencode

import orjson
from aiohttp import web

from survey_service.errors import InvalidInput
from survey_service.pages.dashboard_case_views import cases_view
from survey_service.pages.dashboard_figures import (
    Overview,
    newest_answers,
    read_funnel,
    read_open_cases,
    read_overview,
)
from survey_service.pages.dashboard_filters import Filters, Promised, query_of, read_filters
from survey_service.pages.dashboard_funnel import funnel_of
from survey_service.pages.dashboard_look import (
    DASHBOARD_POLICY,
    render_answers,
    render_cases,
    render_dashboard,
    render_funnel,
    render_not_found,
)
from survey_service.pages.dashboard_viewers import Viewer, find_viewer
from survey_service.pages.dashboard_views import Known, answer_views, case_names, dashboard_view, reader_of
from survey_service.pages.responses import CONFIGURATION_AGE, html_response
from survey_service.parts import PARTS, Parts
from survey_service.store.paging import Cursor, PageRequest
from survey_service.texts.words import words_in

SIGN_IN = "/dashboard/sign-in"
CASES_A_PAGE = 50


async def show_dashboard(request: web.Request) -> web.Response:
    """The whole page."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN + query_of(request.query))
    parts = request.app[PARTS]
    known = await _known(parts, viewer)
    filters, now = _filters(request, viewer, known), parts.clock.now()
    overview, fault, status = Overview(), "", HTTPStatus.OK
    try:
        overview = await read_overview(parts.store, filters, now, sees_cases=viewer.sees_cases)
    except InvalidInput:
        words = words_in(viewer.language)
        fault = words("That is more than can be counted at once. Choose a shorter period, or fewer filters.")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    view = dashboard_view(viewer, filters, known, overview, now, curl=_curl_line(parts, known), fault=fault)
    return page_response(render_dashboard(view), status)


async def show_answers(request: web.Request) -> web.Response:
    """The newest answers alone, for the script that asks again."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPForbidden
    parts = request.app[PARTS]
    known = await _known(parts, viewer)
    filters = _filters(request, viewer, known)
    names = {name: row.name for name, row in known.touchpoints.items()}
    answers = answer_views(await newest_answers(parts.store, filters), filters, names, viewer)
    return page_response(render_answers(answers, viewer.language))


async def show_funnel(request: web.Request) -> web.Response:
    """How far invitations came: a page of its own, since it takes longer."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN)
    parts = request.app[PARTS]
    filters = _filters(request, viewer, await _known(parts, viewer))
    chart = funnel_of(await read_funnel(parts.store, filters), filters, words_in(viewer.language))
    return page_response(render_funnel(chart, reader_of(viewer), filters.query))


async def show_cases(request: web.Request) -> web.Response:
    """All open cases in the same filters, a page at a time; `after` is where the page before it ended."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN + query_of(request.query))
    if not viewer.sees_cases:
        return page_response(render_not_found(reader_of(viewer)), HTTPStatus.NOT_FOUND)
    parts, words = request.app[PARTS], words_in(viewer.language)
    known = await _known(parts, viewer)
    filters = _filters(request, viewer, known)
    found, count = await read_open_cases(parts.store, filters, PageRequest(CASES_A_PAGE, _after(request)))
    view = cases_view(found.rows, count, case_names(known, viewer), filters, parts.clock.now(), words)
    following = urlencode({**filters.asked, "after": found.next.encode()}) if found.next else ""
    return page_response(render_cases(view, reader_of(viewer), filters.query, following))


def page_response(page: str, status: int = HTTPStatus.OK) -> web.Response:
    """A page of the dashboard, compressed where the browser takes that."""
    response = html_response(page, status=status, policy=DASHBOARD_POLICY)
    response.enable_compression()
    return response


def _after(request: web.Request) -> Cursor | None:
    """What is no cursor of ours is taken for unsaid, as a wrong filter is."""
    try:
        return Cursor.decode(request.query["after"])
    except (KeyError, InvalidInput):
        return None


def _filters(request: web.Request, viewer: Viewer, known: Known) -> Filters:
    parts = request.app[PARTS]
    promised = Promised(known.promised, parts.settings.metrics_min_n)
    return read_filters(request.query, known.surveys, viewer.touchpoints, known.zones[0], parts.clock.now(), promised)


async def _known(parts: Parts, viewer: Viewer) -> Known:
    """Names, and the zones to choose from: the reader's own first, else the brands'."""
    snapshot = await parts.store.configuration.current(CONFIGURATION_AGE)
    touchpoints = {row.id: row for row in await parts.store.configuration.touchpoints.all()}
    zones = [viewer.timezone, *(brand.timezone for brand in snapshot.brands.values())]
    zones += [row.timezone for row in touchpoints.values()]
    listed = list(dict.fromkeys(zone for zone in zones if zone))[:40] or ["UTC"]
    return Known(
        surveys=snapshot.surveys,
        touchpoints=touchpoints,
        zones=listed,
        brands=snapshot.brands,
        topics=snapshot.topics,
        promised=snapshot.promised,
        opens_cases=any(rule.case for rule in snapshot.follow_ups.values()),
    )


def _curl_line(parts: Parts, known: Known) -> str:
    """One pasteable line that invites somebody to answer, so that there is something to show."""
    survey = next(iter(known.surveys), "SURVEY")
    body = {"survey": survey, "customer": {"id": "ada"}, "channels": ["web"]}
    return (
        f'curl -X POST {parts.base_url}/v1/invitations -H "Authorization: Bearer $SURVEY_API_KEY" '
        f"-H 'Content-Type: application/json' -d {quote(orjson.dumps(body).decode())}"
    )


ROUTES = (
    web.get("/dashboard", show_dashboard),
    web.get("/dashboard/answers", show_answers),
    web.get("/dashboard/cases", show_cases),
    web.get("/dashboard/funnel", show_funnel),
)
