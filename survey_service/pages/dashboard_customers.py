"""`/dashboard/customers/{id}`: what happened between us and a customer, for the person who is about to call.

A reader who is bound to touchpoints sees what happened there; a customer who was never there is unknown to them.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aiohttp import web

from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.ids import random_id
from survey_service.pages.dashboard import SIGN_IN, page_response
from survey_service.pages.dashboard_customer_views import History, customer_view
from survey_service.pages.dashboard_look import render_customer, render_not_found
from survey_service.pages.dashboard_viewers import Viewer, comes_from_elsewhere, find_viewer
from survey_service.pages.dashboard_views import reader_of
from survey_service.pages.responses import CONFIGURATION_AGE, read_form
from survey_service.parts import PARTS, Parts
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store

LONGEST_NOTE = 2_000  # characters
_LATEST = PageRequest(limit=50)  # rows of each kind


async def show_customer(request: web.Request) -> web.Response:
    """Everything, the newest first."""
    viewer = await find_viewer(request)
    if viewer is None:
        raise web.HTTPSeeOther(SIGN_IN)
    return await _page(request, viewer)


async def add_note(request: web.Request) -> web.Response:
    """Keep a note on what the customer wishes or needs."""
    viewer = await find_viewer(request)
    if viewer is None or viewer.writes_as is None or comes_from_elsewhere(request):
        raise web.HTTPForbidden
    parts, form = request.app[PARTS], await read_form(request)
    text = (form or {}).get("note", "").strip()
    if not text or len(text) > LONGEST_NOTE:
        return await _page(request, viewer, typed=text, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    history = await _history(parts.store, request.match_info["customer"], viewer)
    if history is None:
        return page_response(render_not_found(reader_of(viewer)), HTTPStatus.NOT_FOUND)
    source = f"{viewer.writes_as}#{random_id('nte')}"
    await parts.store.customers.add_note(
        history.customer.id, CustomerNote(at=parts.clock.now(), text=text, source=source)
    )
    raise web.HTTPSeeOther(request.path.removesuffix("/notes"))


async def _page(
    request: web.Request, viewer: Viewer, *, typed: str | None = None, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    parts = request.app[PARTS]
    history = await _history(parts.store, request.match_info["customer"], viewer) if viewer.sees_customers else None
    if history is None:
        return page_response(render_not_found(reader_of(viewer)), HTTPStatus.NOT_FOUND)
    view = customer_view(viewer, history, await _zone(parts, viewer), parts.clock.now())
    if typed is not None:
        view = replace(view, typed=typed[:LONGEST_NOTE], fault=True)
    return page_response(render_customer(view), status)


async def _history(store: Store, name: str, viewer: Viewer) -> History | None:
    """What is stored about a customer, by our id or the caller's; None where this reader may see nothing of it."""
    customer = await _find(store, name)
    if customer is None:
        return None
    match: dict[str, Any] = {"customer": customer.id}
    if viewer.touchpoints is not None:
        match["touchpoint"] = {"$in": sorted(viewer.touchpoints)}
    events, invitations, deliveries, responses, cases, rewards = await asyncio.gather(
        store.events.page(match, _LATEST),
        store.invitations.page(match, _LATEST),
        store.deliveries.page(match, _LATEST),
        store.responses.page(match, _LATEST),
        store.cases.page(match, _LATEST),
        store.rewards.page(match, _LATEST),
    )
    history = History(
        customer=customer,
        events=events.rows,
        invitations=invitations.rows,
        deliveries=deliveries.rows,
        responses=responses.rows,
        cases=cases.rows,
        rewards=rewards.rows,
        names={row.id: row.name for row in await store.configuration.touchpoints.all()},
    )
    return history if viewer.touchpoints is None or history.is_known else None


async def _find(store: Store, name: str) -> Customer | None:
    found = await store.customers.get_many([name]) or await store.customers.find_by_keys([f"id:{name}"])
    return next(iter(found.values()), None)


async def _zone(parts: Parts, viewer: Viewer) -> str:
    """The reader's zone, else that of a brand."""
    brands = (await parts.store.configuration.current(CONFIGURATION_AGE)).brands
    return viewer.timezone or next((brand.timezone for brand in brands.values()), "UTC")


ROUTES = (
    web.get("/dashboard/customers/{customer}", show_customer),
    web.post("/dashboard/customers/{customer}/notes", add_note),
)
