"""`/dashboard/sign-in`: an address or an API key comes in by a form; a mailed link, or the cookie, goes out.

Whether an address is known can be told neither from the answer nor from how much is written for it. A link shows a
button and its POST signs in, once: mail scanners follow links. What the dashboard was asked to show is carried along.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from aiohttp import web

from survey_service.followup.letters import Wording, letter_to_person
from survey_service.models.delivery import Button, ChannelName, Delivery
from survey_service.models.ids import random_id
from survey_service.models.person import Person
from survey_service.pages.dashboard_filters import query_of, target_of
from survey_service.pages.dashboard_look import SignInView, render_sign_in
from survey_service.pages.dashboard_viewers import LASTS, comes_from_elsewhere, may_sign_in, sign_in, sign_out
from survey_service.pages.networks import network_of
from survey_service.pages.responses import CONFIGURATION_AGE, browser_language, html_response, read_form
from survey_service.parts import PARTS, Parts
from survey_service.store.counters import HOUR
from survey_service.texts.words import words_in
from survey_service.tokens import SessionSubject, SignInSubject, token_hash

LINK_LASTS = timedelta(minutes=15)
MAILS_AN_HOUR = 5  # to one address
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
    if await _is_too_much(request, parts):
        return _too_many(request)
    now = parts.clock.now()
    hashed = parts.keyring.subject_hash(f"sign-in:{address}")
    if await parts.store.counters.take(f"sign-in:{hashed}", 1, MAILS_AN_HOUR, now + HOUR):
        letter = await _letter(parts, address, query_of(request.query))
        if letter is not None:
            await parts.store.deliveries.insert([letter])
            parts.bells.ring("sending")
        else:
            # As much is written for an address that nobody has, so that the answer takes as long.
            await parts.store.counters.take(f"sign-in:none:{hashed}", 1, 1, now + HOUR)
    return _page(request, SignInView(browser_language(request), is_sent=True))


async def show_link(request: web.Request) -> web.Response:
    """The button behind a mailed link; nothing happens yet."""
    person = await _person_of(request.app[PARTS], request.match_info["token"])
    lang = person.language if person else browser_language(request)
    if person is None:
        return _page(request, SignInView(lang, fault="link"), HTTPStatus.GONE)
    return _page(request, SignInView(lang, link=request.path, name=person.name))


async def follow_link(request: web.Request) -> web.Response:
    """Sign the person in; the same link does so once."""
    parts, token = request.app[PARTS], request.match_info["token"]
    person = await _person_of(parts, token)
    now = parts.clock.now()
    used = f"signed-in:{token_hash(token)}"
    if comes_from_elsewhere(request) or person is None or not await parts.store.counters.take(used, 1, 1, now + HOUR):
        return _page(request, SignInView(browser_language(request), fault="link"), HTTPStatus.GONE)
    return _signed_in(request, SessionSubject("person", person.id, now + LASTS))


async def use_key(request: web.Request) -> web.Response:
    """Sign in with an API key that may read figures and answers."""
    parts, form = request.app[PARTS], await read_form(request)
    if await _is_too_much(request, parts):
        return _too_many(request)
    key = await parts.store.api_keys.find((form or {}).get("key", "").strip())
    if comes_from_elsewhere(request) or key is None or not may_sign_in(key):
        return _page(request, SignInView(browser_language(request), fault="key"), HTTPStatus.FORBIDDEN)
    return _signed_in(request, SessionSubject("key", key.id, parts.clock.now() + LASTS))


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    response = _redirect(f"{_HOME}/sign-in")
    if not comes_from_elsewhere(request):
        sign_out(response)
    return response


async def _letter(parts: Parts, address: str, query: str) -> Delivery | None:
    """The mail with the link; None where nobody who works here has the address, or no brand could send it."""
    snapshot = await parts.store.configuration.current()
    brand = min(snapshot.brands, default=None)
    found = [each for each in snapshot.people.values() if each.active and (each.email or "").lower() == address]
    if not found or brand is None:
        return None
    # They are waiting for it: it names no person, since the quiet hours of one would hold it back.
    person = found[0].model_copy(update={"quiet_hours": None, "alerts_by": ChannelName.EMAIL, "phone": None})
    now, words = parts.clock.now(), words_in(person.language)
    token = parts.keyring.sign_in_token(SignInSubject(person.id, now + LINK_LASTS))
    url = f"{parts.base_url}{_HOME}/sign-in/{token}{query}"
    text = "\n\n".join(
        (
            words("Here is the link to your dashboard. It works once, within 15 minutes."),
            words("If you did not ask for it, you need not do anything."),
        )
    )
    wording = Wording(text, words("Your way into the dashboard"), Button(label=words("Sign in"), url=url))
    letter = letter_to_person(person, wording, brand, now, letter=random_id("dlv"))
    return letter.model_copy(update={"person": None, "expires_at": now + LINK_LASTS}) if letter else None


async def _person_of(parts: Parts, token: str) -> Person | None:
    """Whom a link signs in; None where it is none of ours, too old, or that person's who works here no more."""
    subject = parts.keyring.read_sign_in_token(token)
    if subject is None or parts.clock.now() >= subject.until:
        return None
    person = (await parts.store.configuration.current(CONFIGURATION_AGE)).people.get(subject.person)
    return person if person is not None and person.active else None


async def _is_too_much(request: web.Request, parts: Parts) -> bool:
    """Whether this network has tried too often."""
    name = f"sign-in-from:{network_of(request) or 'unknown'}"
    return not await parts.store.counters.take(name, 1, TRIES_AN_HOUR, parts.clock.now() + HOUR)


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
