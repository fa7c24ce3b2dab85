"""`/dashboard/customers/{id}`: what happened between us and a customer, for the person who is about to call.

A reader who is bound to touchpoints sees what happened there; a customer who was never there is unknown to them.
Customers are found by a POST, so that no address of theirs stands in a URL or a log.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from survey_service.errors import InvalidInput
from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.ids import random_id
from survey_service.pages.callers import comes_from_elsewhere
from survey_service.pages.dashboard import SIGN_IN, page_response
from survey_service.pages.dashboard_customer_views import OLDER, customer_view
from survey_service.pages.dashboard_filters import CUSTOMER, query_of
from survey_service.pages.dashboard_history import History, is_seen, read_history
from survey_service.pages.dashboard_look import SignInView, render_customer, render_not_found, render_sign_in
from survey_service.pages.dashboard_viewers import Viewer, find_viewer
from survey_service.pages.dashboard_views import reader_of
from survey_service.pages.responses import CONFIGURATION_AGE, browser_language, read_form
from survey_service.parts import PARTS, Parts
from survey_service.store.paging import Cursor
from survey_service.store.store import Store
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone
from survey_service.texts.printable import one_line, printable

LONGEST_NOTE = 2_000  # characters
_PAGES = "/dashboard/customers"
_LONGEST_SOUGHT = 320  # characters, as long as an address may be


async def show_customer(request: web.Request) -> web.Response:
    """What happened, the newest first, a page at a time."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN + _way_back(request))
    return await _page(request, viewer)


async def find_customer(request: web.Request) -> web.Response:
    """Lead on to the customer who is known by an id, an address or a number."""
    viewer, form = await find_viewer(request), await read_form(request)
    if comes_from_elsewhere(request):
        raise web.HTTPForbidden
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN)
    store, sought = request.app[PARTS].store, one_line((form or {}).get("who", ""))[:_LONGEST_SOUGHT]
    found = await _find(store, sought, *_address_keys(sought)) if viewer.sees_customers and sought else None
    if found is None or not await is_seen(store, found, viewer.touchpoints):
        return page_response(render_not_found(reader_of(viewer), sought), HTTPStatus.NOT_FOUND)
    raise web.HTTPSeeOther(f"{_PAGES}/{found.id}")


async def add_note(request: web.Request) -> web.Response:
    """Keep a note on what the customer wishes or needs."""
    viewer = await find_viewer(request)
    if comes_from_elsewhere(request) or (viewer is not None and viewer.writes_as is None):
        raise web.HTTPForbidden
    # Browsers send two characters for a line's end, and count one.
    parts, text = request.app[PARTS], printable((await read_form(request) or {}).get("note", "")).strip()
    if viewer is None:
        view = SignInView(browser_language(request), query=_way_back(request), kept=text)
        return page_response(render_sign_in(view), HTTPStatus.FORBIDDEN)
    if not text or len(text) > LONGEST_NOTE:
        return await _page(request, viewer, typed=text, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    customer = await _find(parts.store, request.match_info["customer"])
    if customer is None or not await is_seen(parts.store, customer, viewer.touchpoints):
        return page_response(render_not_found(reader_of(viewer)), HTTPStatus.NOT_FOUND)
    source = f"{viewer.writes_as}#{random_id('nte')}"
    await parts.store.customers.add_note(customer.id, CustomerNote(at=parts.clock.now(), text=text, source=source))
    raise web.HTTPSeeOther(f"{_PAGES}/{customer.id}")


async def _page(
    request: web.Request, viewer: Viewer, *, typed: str | None = None, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    parts, after = request.app[PARTS], _cursor(request)
    customer = await _find(parts.store, request.match_info["customer"]) if viewer.sees_customers else None
    history = await _history(parts.store, customer, viewer, after) if customer else None
    if history is None:
        return page_response(render_not_found(reader_of(viewer)), HTTPStatus.NOT_FOUND)
    now, zone_name = parts.clock.now(), await _zone(parts, viewer)
    view = customer_view(viewer, history, zone_name, now, is_newest=after is None)
    if typed is not None:
        view = replace(view, typed=typed, fault=True)
    return page_response(render_customer(view), status)


async def _history(store: Store, customer: Customer, viewer: Viewer, after: Cursor | None) -> History | None:
    try:
        return await read_history(store, customer, viewer.touchpoints, after)
    except InvalidInput:
        # A cursor of another list: what an address says wrongly is taken for unsaid.
        return await read_history(store, customer, viewer.touchpoints)


def _cursor(request: web.Request) -> Cursor | None:
    try:
        return Cursor.decode(request.query[OLDER]) if request.query.get(OLDER) else None
    except InvalidInput:
        return None


def _way_back(request: web.Request) -> str:
    """What a sign-in carries along, so that it leads on to the customer."""
    return query_of({CUSTOMER: request.match_info["customer"]})


async def _find(store: Store, name: str, *keys: str) -> Customer | None:
    """The customer of our id, or the caller's, else the one who is known by the first of the keys that anybody is."""
    if found := (await store.customers.get_many([name])).get(name):
        return found
    wanted = [f"id:{name}", *keys]
    known = await store.customers.find_by_keys(wanted)
    return next((known[key] for key in wanted if key in known), None)


def _address_keys(text: str) -> list[str]:
    """What somebody with this email address, or phone number, is known by; none where it is neither."""
    try:
        return [f"email:{email_key(normalise_email(text))}" if "@" in text else f"phone:{normalise_phone(text)}"]
    except AddressInvalid:
        return []


async def _zone(parts: Parts, viewer: Viewer) -> str:
    """The reader's zone, else that of a brand."""
    brands = (await parts.store.configuration.current(CONFIGURATION_AGE)).brands
    return viewer.timezone or next((brand.timezone for brand in brands.values()), "UTC")


ROUTES = (
    web.post("/dashboard/customers", find_customer),
    web.get("/dashboard/customers/{customer}", show_customer),
    web.post("/dashboard/customers/{customer}/notes", add_note),
)
