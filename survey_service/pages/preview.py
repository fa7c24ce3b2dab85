"""`/preview/{token}`: a survey as its customers would see it, page by page; nothing is stored.

What was answered on earlier pages travels in hidden fields, so that conditions hold as they will.
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from survey_service.answering.forms import Form
from survey_service.answering.forms import read_form as read_answers
from survey_service.answering.gate import Door, Visit
from survey_service.answering.occasions import Occasion
from survey_service.answering.recording import Submission
from survey_service.answering.revisions import next_revision
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName
from survey_service.models.response import ResponseStatus
from survey_service.pages.responses import read_form, unknown_page
from survey_service.pages.views import Sheet
from survey_service.pages.visiting import (
    chosen_language,
    circumstances_of,
    find_brand,
    preselected,
    show_submission,
    show_visit,
)
from survey_service.parts import PARTS, Parts

_PAGES_FIELD = "_pages"  # how many pages of the form were confirmed before this one
_MOST_PAGES = 50  # a survey has at most so many questions


async def show_preview(request: web.Request) -> web.Response:
    """The first page; `score` preselects, `lang` switches the language."""
    found = await _look(request)
    if found is None:
        return unknown_page(request)
    visit, sheet = found
    return show_visit(request, visit, replace(sheet, values=preselected(request, sheet.survey)))


async def submit_preview(request: web.Request) -> web.Response:
    """More questions, what to put right, or the thanks."""
    found = await _look(request)
    form = await read_form(request)
    if found is None or form is None:
        return unknown_page(request)
    visit, sheet = found
    submission, pages = _rehearse(request.app[PARTS], visit, sheet.brand, form)
    return show_submission(request, submission, form, replace(sheet, state=_state(submission, form, pages)))


async def _look(request: web.Request) -> tuple[Visit, Sheet] | None:
    parts, token = request.app[PARTS], request.match_info["token"]
    subject = parts.keyring.read_preview_token(token)
    survey = await parts.store.configuration.survey(subject.survey, subject.version) if subject else None
    brand = await find_brand(parts, survey)
    if subject is None or survey is None or brand is None:
        return None
    language = chosen_language(request, survey, subject.language)
    visit = Visit(Door.OPEN, survey=survey, occasion=_occasion(language))
    page = parts.recording.page_of(visit)
    circumstances = circumstances_of(parts, brand, visit)
    return visit, Sheet(survey, brand, None, language, page, f"/preview/{token}", circumstances=circumstances)


def _rehearse(parts: Parts, visit: Visit, brand: Brand, form: Form) -> tuple[Submission, int]:
    """What would become of the pages that the form has answered so far, and how many of them hold."""
    circumstances = circumstances_of(parts, brand, visit)
    pages = _pages_before(form) + 1
    for number in range(pages):
        page = parts.recording.page_of(visit)
        if not page:
            break
        read = read_answers(page, form, circumstances)
        if read.faults:
            return Submission(visit, taken=False, page=page, faults=read.faults), number
        response = next_revision(visit, page, read.answers, circumstances.now)
        door = Door.FINISHED if response.status is ResponseStatus.FINISHED else Door.OPEN
        visit = replace(visit, door=door, response=response)
    return Submission(visit, taken=True, page=parts.recording.page_of(visit)), pages


def _pages_before(form: Form) -> int:
    raw = form.get(_PAGES_FIELD, "")
    return min(int(raw), _MOST_PAGES) if raw.isascii() and raw.isdigit() and len(raw) <= 2 else 0


def _state(submission: Submission, form: Form, pages: int) -> tuple[tuple[str, str], ...]:
    """The hidden fields that repeat what earlier pages answered."""
    asked = submission.visit.response.asked if submission.visit.response else ()
    answered = [(name, value) for name, value in form.items() if name.partition(".")[0] in asked]
    return (*answered, (_PAGES_FIELD, str(pages)))


def _occasion(language: str) -> Occasion:
    """Nobody's: conditions see neither an event nor a customer."""
    variables: dict[str, object] = {"event": {}, "customer": {}}
    return Occasion("preview", language, ChannelName.WEB, {}, variables, phone="")


ROUTES = (web.get("/preview/{token}", show_preview), web.post("/preview/{token}", submit_preview))
