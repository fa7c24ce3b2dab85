"""`/dashboard/sign-in`: an address or an API key comes in by a form; a mailed link, or the cookie, goes out.

Whether an address is known can be told neither from the answer nor from how much is written for it. A link shows a
button and its POST signs in, once: mail scanners follow links. What the dashboard was asked to show is carried along.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from survey_service.models.person import Person
from survey_service.pages.callers import comes_from_elsewhere
from survey_service.pages.dashboard_filters import query_of, target_of
from survey_service.pages.dashboard_look import SignInView, render_sign_in
from survey_service.pages.dashboard_viewers import (
    LASTS,
    find_person,
    find_signed_in,
    may_sign_in,
    sign_in,
    sign_out,
)
from survey_service.pages.networks import network_of
from survey_service.pages.responses import browser_language, html_response, read_form
from survey_service.pages.sign_in_letters import sign_in_letters
from survey_service.parts import PARTS, Parts
from survey_service.store.counters import HOUR, of_hour
from survey_service.tokens import SessionSubject, token_hash

MAILS_AN_HOUR = 5  # to each person of one address
TRIES_AN_HOUR = 60  # from one network

_HOME = "/dashboard"


async def show_sign_in(request: web.Request) -> web.Response:
    """The two ways in."""
    return _page(request, SignInView(browser_language(request)))


async def ask_for_link(request: web.Request) -> web.Response:
    """Mail a link to whoever has that address; the answer is the same for every address."""
    parts, form = request.app[PARTS], await read_form(request)
    address = (form or {}).get("email", "").strip().lower()
    if comes_from_elsewhere(request) or not address or len(address) > 320:
        return _page(request, SignInView(browser_language(request), fault="email"), HTTPStatus.BAD_REQUEST)
    if await _try(request, parts) is None:
        return _too_many(request)
    counter, forget_at = of_hour(f"sign-in:{parts.keyring.subject_hash(f'sign-in:{address}')}", parts.clock.now())
    if await parts.store.counters.take(counter, 1, MAILS_AN_HOUR, forget_at):
        letters = await sign_in_letters(parts, address, f"{_HOME}/sign-in", query_of(request.query))
        if letters:
            await parts.store.deliveries.insert(letters)
            parts.bells.ring("sending")
        else:
            # As much is written for an address that nobody has, so that the answer takes as long.
            await parts.store.counters.take(f"none:{counter}", 1, 1, forget_at)
    return _page(request, SignInView(browser_language(request), is_sent=True))


async def show_link(request: web.Request) -> web.Response:
    """The button behind a mailed link; nothing happens yet."""
    person = await _person_of(request.app[PARTS], request.match_info["token"])
    lang = person.language if person else browser_language(request)
    if person is None:
        return _page(request, SignInView(lang, fault="link"), HTTPStatus.GONE)
    return _page(request, SignInView(lang, link=request.path, name=person.name))


async def follow_link(request: web.Request) -> web.Response:
    """Sign the person in; the same link does so once, and whom it let in already is led on."""
    parts, token = request.app[PARTS], request.match_info["token"]
    person = await _person_of(parts, token)
    if person is not None and not comes_from_elsewhere(request):
        now, used = parts.clock.now(), f"signed-in:{token_hash(token)}"
        if await parts.store.counters.take(used, 1, 1, now + HOUR):
            mark = parts.keyring.mark(person.email or "")
            return _signed_in(request, SessionSubject("person", person.id, mark, now + LASTS))
        if await find_signed_in(request) == person:  # a double tap sends the button twice
            return _redirect(_HOME + query_of(request.query))
    return _page(request, SignInView(browser_language(request), fault="link"), HTTPStatus.GONE)


async def use_key(request: web.Request) -> web.Response:
    """Sign in with an API key that may read figures and answers; only those that may not count as tries."""
    parts, form = request.app[PARTS], await read_form(request)
    tried = await _try(request, parts)
    if tried is None:
        return _too_many(request)
    key = await parts.store.api_keys.find((form or {}).get("key", "").strip())
    if comes_from_elsewhere(request) or key is None or not may_sign_in(key):
        return _page(request, SignInView(browser_language(request), fault="key"), HTTPStatus.FORBIDDEN)
    await parts.store.counters.give_back(tried, 1)
    return _signed_in(request, SessionSubject("key", key.id, "", parts.clock.now() + LASTS))


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    response = _redirect(f"{_HOME}/sign-in")
    if not comes_from_elsewhere(request):
        await sign_out(request, response)
    return response


async def _person_of(parts: Parts, token: str) -> Person | None:
    """Whom a link signs in; None where it is none of ours, too old, or no longer that person's, or they left."""
    subject = parts.keyring.read_sign_in_token(token)
    if subject is None or parts.clock.now() >= subject.until:
        return None
    return await find_person(parts, subject.person, subject.mark)


async def _try(request: web.Request, parts: Parts) -> str | None:
    """The counter of this network's tries, with this one; None where it has tried too often this hour."""
    name, forget_at = of_hour(f"sign-in-from:{network_of(request) or 'unknown'}", parts.clock.now())
    return name if await parts.store.counters.take(name, 1, TRIES_AN_HOUR, forget_at) else None


def _too_many(request: web.Request) -> web.Response:
    return _page(request, SignInView(browser_language(request), fault="often"), HTTPStatus.TOO_MANY_REQUESTS)


def _signed_in(request: web.Request, session: SessionSubject) -> web.Response:
    response = _redirect(target_of(request.query))
    sign_in(request.app[PARTS], response, session)
    return response


def _redirect(to: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": to, "Cache-Control": "no-store"})


def _page(request: web.Request, view: SignInView, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return html_response(render_sign_in(replace(view, query=query_of(request.query))), status=status)


ROUTES = (
    web.get("/dashboard/sign-in", show_sign_in),
    web.post("/dashboard/sign-in", ask_for_link),
    web.post("/dashboard/sign-in/key", use_key),
    web.get("/dashboard/sign-in/{token}", show_link),
    web.post("/dashboard/sign-in/{token}", follow_link),
    web.post("/dashboard/sign-out", leave),
)
