"""Sheets: a form is handed out under a signed name of its own; whose form comes back is told by that name alone.

However often and from wherever a sheet is sent, there is one response of it. Those of public links have them, since
nobody is invited there, and those of anonymous surveys, since nothing else may lead to the response.
"""

from __future__ import annotations

import secrets

from survey_service.answering.forms import Form
from survey_service.parts import Parts
from survey_service.tokens import SheetSubject

SHEET_FIELD = "_sheet"
_NONCE_BYTES = 12


def new_sheet(parts: Parts, of: str) -> SheetSubject:
    """A form of the link or the invitation `of`; it is stored nowhere."""
    return SheetSubject(of, secrets.token_urlsafe(_NONCE_BYTES), parts.clock.now())


def sheet_of(parts: Parts, of: str, form: Form) -> SheetSubject | None:
    """What the sheet of a form says, if we signed it for this link or invitation."""
    subject = parts.keyring.read_sheet_token(form.get(SHEET_FIELD, ""))
    return subject if subject and subject.link == of else None


def sheet_field(parts: Parts, subject: SheetSubject) -> tuple[str, str]:
    """The hidden field by which a form brings its sheet back."""
    return SHEET_FIELD, parts.keyring.sheet_token(subject)
