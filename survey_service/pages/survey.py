"""`/s/{token}`: an invitation's page; a GET shows, only a POST records.

The forms of an anonymous survey are sheets, as those of public links are (see `pages/sheets.py`): whoever comes back
without theirs cannot be told from others, and finds that the invitation was answered.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from aiohttp import web

from survey_service.answering.gate import Door, Visit
from survey_service.models.invitation import Invitation
from survey_service.pages.assembling import survey_response
from survey_service.pages.networks import network_of
from survey_service.pages.responses import read_form, unknown_page
from survey_service.pages.rewards import find_reward, grant_reward
from survey_service.pages.sheets import new_sheet, sheet_field, sheet_of
from survey_service.pages.views import Sheet
from survey_service.pages.visiting import (
    FAULTY,
    chosen_language,
    circumstances_of,
    find_brand,
    preselected,
    show_submission,
    show_visit,
)
from survey_service.parts import PARTS, Parts
from survey_service.store.visits import Opened
from survey_service.texts.words import words_in
from survey_service.tokens import OptOutSubject, SheetSubject


async def show_survey(request: web.Request) -> web.Response:
    """The survey behind a token; `score` preselects, `lang` switches the language. That it was opened is noted."""
    parts = request.app[PARTS]
    visit = await parts.recording.look(request.match_info["token"])
    sheet = await _sheet(request, parts, visit)
    if sheet is None or sheet.invitation is None:
        return unknown_page(request)
    values = preselected(request, sheet.survey)
    if not sheet.survey.anonymous:
        _note(request, parts, sheet.invitation, values.get(sheet.survey.primary))
    if visit.response is not None:
        sheet = replace(sheet, reward=await find_reward(parts, visit.response), now=parts.clock.now())
    return show_visit(request, visit, replace(sheet, values=values) if values else sheet)


async def submit_survey(request: web.Request) -> web.Response:
    """Take what a person confirmed, and show what comes next: more questions, what to put right, or thanks."""
    parts = request.app[PARTS]
    form = await read_form(request)
    if form is None:
        return unknown_page(request, status=400)
    token = request.match_info["token"]
    visit = await parts.recording.look(token)
    subject = sheet_of(parts, visit.invitation.id, form) if visit.invitation else None
    look = partial(parts.recording.look, token, subject)
    if subject is not None:
        visit = await look()
    sheet = await _sheet(request, parts, visit, subject)
    if sheet is None:
        return unknown_page(request)
    if sheet.survey.anonymous and subject is None and visit.door is Door.OPEN:
        words = words_in(sheet.language)
        error = words("This page was open for a long time. Nothing is lost: please tap “Send” once more.")
        return survey_response(request, replace(sheet, values=form), status=FAULTY, error=error)
    submission = await parts.recording.submit(look, form, sheet.language, network_of(request))
    reward = await grant_reward(parts, submission.visit.response)
    return show_submission(request, submission, form, replace(sheet, reward=reward, now=parts.clock.now()))


async def _sheet(request: web.Request, parts: Parts, visit: Visit, subject: SheetSubject | None = None) -> Sheet | None:
    brand = await find_brand(parts, visit.survey)
    if visit.survey is None or visit.invitation is None or brand is None:
        return None
    invitation = visit.invitation
    opt_out = parts.keyring.opt_out_token(OptOutSubject(invitation.brand, invitation.customer))
    return Sheet(
        survey=visit.survey,
        brand=brand,
        invitation=invitation,
        language=chosen_language(request, visit.survey, invitation.language),
        page=parts.recording.page_of(visit),
        action=f"/s/{request.match_info['token']}",
        opt_out_url=f"/u/{opt_out}",
        response=visit.response,
        circumstances=circumstances_of(parts, brand, visit),
        state=(sheet_field(parts, subject or new_sheet(parts, invitation.id)),) if visit.survey.anonymous else (),
    )


def _note(request: web.Request, parts: Parts, invitation: Invitation, score: str | None) -> None:
    """What a mail's scanner opens tells it from a person; see `answering.suspicion`."""
    opened = Opened.SCORE if score else Opened.LANGUAGE if "lang" in request.query else Opened.PAGE
    parts.store.visits.note(invitation.id, network_of(request), opened, int(score) if score else None)


ROUTES = (web.get("/s/{token}", show_survey), web.post("/s/{token}", submit_survey))
