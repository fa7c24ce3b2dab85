"""`/s/{token}` and `/preview/{token}`: a person's page; a GET shows, only a POST records."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from survey_service.answering.flow import next_page
from survey_service.answering.flow import read_form as read_answers
from survey_service.answering.gate import Door, Visit
from survey_service.models.brand import Brand
from survey_service.models.survey import Survey
from survey_service.pages.look import ClosedView, Reason, render_closed, render_survey, render_thanks
from survey_service.pages.responses import CONFIGURATION_AGE, html_response, read_form, unknown_page
from survey_service.pages.views import Sheet, brand_view, survey_view, thanks_view
from survey_service.parts import PARTS, Parts
from survey_service.tokens import OptOutSubject


async def show_survey(request: web.Request) -> web.Response:
    """The survey behind a token; `score` preselects, `lang` switches the language."""
    parts = request.app[PARTS]
    token = request.match_info["token"]
    visit = await parts.recording.look(token)
    brand = await _brand(parts, visit.survey)
    if visit.survey is None or brand is None:
        return unknown_page(request)
    if visit.door is not Door.OPEN:
        return _closed(request, visit, brand)
    sheet = _sheet(request, parts, visit, visit.survey, brand, token)
    return html_response(render_survey(survey_view(sheet)))


async def submit_survey(request: web.Request) -> web.Response:
    """Take what a person confirmed, and show what comes next: more questions, what to put right, or thanks."""
    parts = request.app[PARTS]
    token = request.match_info["token"]
    form = await read_form(request)
    if form is None:
        return unknown_page(request, status=400)
    before = await parts.recording.look(token)
    brand = await _brand(parts, before.survey)
    if before.survey is None or before.invitation is None or brand is None:
        return unknown_page(request)
    language = _language(request, before.survey, before.invitation.language)
    submission = await parts.recording.submit(token, form, language)
    visit = submission.visit
    if visit.survey is None or (visit.door is not Door.OPEN and not submission.taken):
        return _closed(request, visit, brand)
    sheet = _sheet(request, parts, visit, visit.survey, brand, token)
    if visit.door is Door.FINISHED:
        score = visit.response.score if visit.response else None
        return html_response(render_thanks(thanks_view(sheet, score)))
    if submission.faults:
        sheet = replace(sheet, page=submission.page, values=form, faults=submission.faults)
        return html_response(render_survey(survey_view(sheet)), status=422)
    return html_response(render_survey(survey_view(sheet)))


async def show_preview(request: web.Request) -> web.Response:
    """A survey as its customers would see it; nothing is stored."""
    sheet = await _preview(request)
    return html_response(render_survey(survey_view(sheet))) if sheet else unknown_page(request)


async def submit_preview(request: web.Request) -> web.Response:
    """The thanks, or what to put right; nothing is stored."""
    sheet = await _preview(request)
    form = await read_form(request)
    if sheet is None or form is None:
        return unknown_page(request)
    read = read_answers(sheet.page, form)
    if read.faults:
        return html_response(render_survey(survey_view(replace(sheet, values=form, faults=read.faults))), status=422)
    score = read.answers.get(sheet.survey.primary)
    return html_response(render_thanks(thanks_view(sheet, score if isinstance(score, int) else None)))


async def _preview(request: web.Request) -> Sheet | None:
    parts = request.app[PARTS]
    token = request.match_info["token"]
    subject = parts.keyring.read_preview_token(token)
    survey = await parts.store.configuration.survey(subject.survey, subject.version) if subject else None
    brand = await _brand(parts, survey)
    if subject is None or survey is None or brand is None:
        return None
    language = _language(request, survey, subject.language)
    page = next_page(survey, {}, (), {})
    return Sheet(survey, brand, None, language, page, f"/preview/{token}", None, _preselected(request, survey))


def _sheet(request: web.Request, parts: Parts, visit: Visit, survey: Survey, brand: Brand, token: str) -> Sheet:
    invitation = visit.invitation
    assert invitation is not None  # noqa: S101 -- a visit with a survey has one
    opt_out = parts.keyring.opt_out_token(OptOutSubject(invitation.brand, invitation.customer))
    return Sheet(
        survey=survey,
        brand=brand,
        invitation=invitation,
        language=_language(request, survey, invitation.language),
        page=parts.recording.page_of(visit),
        action=f"/s/{token}",
        opt_out_url=f"/u/{opt_out}",
        values=_preselected(request, survey),
    )


def _preselected(request: web.Request, survey: Survey) -> dict[str, str]:
    """The score that a link in a mail carries, if it is one."""
    read = read_answers([survey.primary_question], {survey.primary: request.query.get("score", "")[:3]})
    return {name: str(value) for name, value in read.answers.items()}


def _language(request: web.Request, survey: Survey, default: str) -> str:
    wanted = request.query.get("lang", "")
    return wanted if wanted in survey.languages else default


async def _brand(parts: Parts, survey: Survey | None) -> Brand | None:
    if survey is None:
        return None
    snapshot = await parts.store.configuration.current(CONFIGURATION_AGE)
    return snapshot.brands.get(survey.brand)


def _closed(request: web.Request, visit: Visit, brand: Brand) -> web.Response:
    if visit.survey is None or visit.invitation is None:
        return unknown_page(request)
    language = _language(request, visit.survey, visit.invitation.language)
    reason: Reason = "finished" if visit.door is Door.FINISHED else "closed"
    view = ClosedView(lang=language, reason=reason, brand=brand_view(brand))
    return html_response(render_closed(view), status=200 if visit.door is Door.FINISHED else 410)


ROUTES = (
    web.get("/s/{token}", show_survey),
    web.post("/s/{token}", submit_survey),
    web.get("/preview/{token}", show_preview),
    web.post("/preview/{token}", submit_preview),
)
