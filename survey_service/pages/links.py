"""`/l/{link}`: the page of a public link. A GET hands out a form and writes nothing; a POST records it, exactly once.

Each form carries a signed sheet, which makes the id of its response: however often and from wherever it is sent, there
is one response of it. A sheet begins a response for a day; one that was begun goes on for as long as it is open. Sheets
need no minimal age: a machine would wait that second, a person who taps “Send” once more would not, and what comes too
fast is judged where it can be taken back (see `answering.suspicion`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from aiohttp import web

from survey_service.answering.gate import Door, Visit
from survey_service.models.link import Link
from survey_service.pages.assembling import survey_response
from survey_service.pages.look import KioskView
from survey_service.pages.networks import network_of
from survey_service.pages.responses import CONFIGURATION_AGE, accepted_languages, read_form, unknown_page
from survey_service.pages.sheets import new_sheet, sheet_field, sheet_of
from survey_service.pages.views import Sheet
from survey_service.pages.visiting import (
    FAULTY,
    circumstances_of,
    find_brand,
    preselected,
    show_submission,
    show_visit,
)
from survey_service.parts import PARTS, Parts
from survey_service.store.counters import HOUR, hour_of, of_hour
from survey_service.texts.filling import Place
from survey_service.texts.locales import choose_language
from survey_service.texts.words import words_in
from survey_service.tokens import SheetSubject

SHEET_AGE = timedelta(days=1)
CROWD = 10  # times as many answers where many people share a network: at a kiosk, or where none can be told apart

_TOO_MANY = 429


async def show_link(request: web.Request) -> web.Response:
    """The survey of a link on a new sheet; `score` preselects, `lang` switches the language."""
    parts, name = request.app[PARTS], request.match_info["link"]
    visit = await parts.recording.look_at_link(name, None, "")
    sheet = await _sheet(request, parts, visit, new_sheet(parts, name))
    if sheet is None:
        return unknown_page(request, by_message=False)
    return show_visit(request, visit, replace(sheet, values=preselected(request, sheet.survey)))


async def submit_link(request: web.Request) -> web.Response:
    """Take what a person confirmed on a sheet; without a sheet that holds, the same form comes again on a new one."""
    parts, name = request.app[PARTS], request.match_info["link"]
    form = await read_form(request)
    if form is None:
        return unknown_page(request, status=400, by_message=False)
    subject = sheet_of(parts, name, form)
    look = partial(parts.recording.look_at_link, name, subject.nonce if subject else None, "")
    visit = await look()
    begins = visit.door is Door.OPEN and visit.response is None
    renew = subject is None or (begins and parts.clock.now() - subject.issued_at > SHEET_AGE)
    sheet = await _sheet(request, parts, visit, new_sheet(parts, name) if subject is None or renew else subject)
    if sheet is None or visit.link is None:
        return unknown_page(request, by_message=False)
    words = words_in(sheet.language)
    if begins and renew:
        error = words("This page was open for a long time. Nothing is lost: please tap “Send” once more.")
        return survey_response(request, replace(sheet, values=form), status=FAULTY, error=error)
    network = network_of(request)
    counter, forget_at = of_hour(f"link:{visit.link.id}:{network or 'unknown'}", parts.clock.now())
    if begins and not await parts.store.counters.take_all(counter, 1, _most(parts, visit.link, network), forget_at):
        return _too_many(request, replace(sheet, values=form))
    submission = await parts.recording.submit(look, form, sheet.language, network)
    if begins and not submission.taken:
        await parts.store.counters.give_back(counter, 1)
    return show_submission(request, submission, form, sheet)


async def _sheet(request: web.Request, parts: Parts, visit: Visit, subject: SheetSubject) -> Sheet | None:
    brand = await find_brand(parts, visit.survey)
    if visit.survey is None or visit.link is None or brand is None:
        return None
    link, address = visit.link, f"/l/{visit.link.id}"
    touchpoint = (await parts.store.configuration.current(CONFIGURATION_AGE)).places.get(link.touchpoint)
    wanted = [link.language] if link.language else [request.query.get("lang"), *accepted_languages(request)]
    return Sheet(
        survey=visit.survey,
        brand=brand,
        invitation=None,
        language=choose_language(wanted, visit.survey.languages, visit.survey.default_language),
        page=parts.recording.page_of(visit),
        action=address,
        place=Place(link.touchpoint, touchpoint.name if touchpoint else None),
        response=visit.response,
        circumstances=circumstances_of(parts, brand, visit),
        state=(sheet_field(parts, subject),),
        kiosk=KioskView(address) if link.kiosk else None,
        can_switch=link.language is None,
    )


def _most(parts: Parts, link: Link, network: str | None) -> int:
    """How many answers the network may begin in an hour, over all processes."""
    return parts.settings.link_answers_per_hour * (CROWD if link.kiosk or network is None else 1)


def _too_many(request: web.Request, sheet: Sheet) -> web.Response:
    """The form as it was typed, on the same sheet, so that it can be sent when the hour is over."""
    now = request.app[PARTS].clock.now()
    seconds = int((hour_of(now) + HOUR - now).total_seconds()) + 1
    error = words_in(sheet.language).count(
        "Many answers came from here just now. Nothing is lost: please tap “Send” again in {n} minute.",
        "Many answers came from here just now. Nothing is lost: please tap “Send” again in {n} minutes.",
        -(-seconds // 60),
    )
    response = survey_response(request, sheet, status=_TOO_MANY, error=error)
    response.headers["Retry-After"] = str(seconds)
    return response


ROUTES = (web.get("/l/{link}", show_link), web.post("/l/{link}", submit_link))
