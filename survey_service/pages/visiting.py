"""Visits: who stands at the door, or what became of a submitted page, comes in; the page to show next goes out.

An invitation, a public link and a preview differ in how one comes in; from there on they are shown alike.
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from survey_service.answering.forms import Circumstances, Form, read_number
from survey_service.answering.gate import Door, Visit
from survey_service.answering.recording import Submission
from survey_service.calendars.zones import zone
from survey_service.models.brand import Brand
from survey_service.models.survey import Survey
from survey_service.pages.assembling import survey_response
from survey_service.pages.look import (
    ClosedView,
    Reason,
    page_policy,
    render_closed,
    render_thanks,
)
from survey_service.pages.responses import CONFIGURATION_AGE, html_response
from survey_service.pages.views import Sheet, brand_view, thanks_view, ticket_note, ticket_view
from survey_service.parts import PARTS, Parts

FAULTY = 422  # the page comes again, with what to put right


def show_visit(request: web.Request, visit: Visit, sheet: Sheet) -> web.Response:
    """The page behind an open door; else a friendly word."""
    return survey_response(request, sheet) if visit.door is Door.OPEN else show_closed(visit.door, sheet)


def show_submission(request: web.Request, submission: Submission, form: Form, before: Sheet) -> web.Response:
    """What follows the submitted `form` of the sheet `before`: more questions, what to put right, thanks, or a word."""
    visit = submission.visit
    sheet = replace(before, survey=visit.survey or before.survey, page=submission.page, response=visit.response)
    if visit.door is not Door.OPEN and not submission.taken:
        return show_closed(visit.door, sheet)
    if visit.door is Door.FINISHED:
        score = visit.response.score if visit.response else None
        view = thanks_view(sheet, score, request.app[PARTS].settings.allowed_redirect_hosts)
        return html_response(render_thanks(view), policy=page_policy(view.brand))
    if submission.faults:
        return survey_response(request, replace(sheet, values=form, faults=submission.faults), status=FAULTY)
    return survey_response(request, sheet)


def show_closed(door: Door, sheet: Sheet) -> web.Response:
    """The word for who comes too late: the answer is there already (200), or none is taken any more (410)."""
    finished = door is Door.FINISHED
    reason: Reason = "finished" if finished else "closed"
    view = ClosedView(
        lang=sheet.language,
        reason=reason,
        brand=brand_view(sheet.brand),
        kiosk=sheet.kiosk,
        by_message=sheet.opt_out_url is not None,
        ticket=ticket_view(sheet) if finished else None,
        ticket_note=ticket_note(sheet) if finished else None,
    )
    return html_response(render_closed(view), status=200 if finished else 410, policy=page_policy(view.brand))


async def find_brand(parts: Parts, survey: Survey | None) -> Brand | None:
    """In whose name the survey asks; None where there is no survey, or its brand is gone."""
    if survey is None:
        return None
    snapshot = await parts.store.configuration.current(CONFIGURATION_AGE)
    return snapshot.brands.get(survey.brand)


def circumstances_of(parts: Parts, brand: Brand, visit: Visit) -> Circumstances:
    """What an offered call depends on."""
    phone_known = visit.occasion is not None and visit.occasion.phone is not None
    return Circumstances(parts.clock.now(), zone(brand.timezone), phone_known)


def chosen_language(request: web.Request, survey: Survey, default: str) -> str:
    """The language that the address names, if the survey speaks it."""
    wanted = request.query.get("lang", "")
    return wanted if wanted in survey.languages else default


def preselected(request: web.Request, survey: Survey) -> dict[str, str]:
    """The score that the address names, if it is one."""
    scale = survey.primary_question.metric
    score = read_number(request.query.get("score", ""), scale) if scale else None
    return {} if score is None else {survey.primary: str(score)}
