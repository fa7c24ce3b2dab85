"""What the sandbox caught comes in as frozen values; its page goes out, as a mail client would show it.

The page is for the person who sets the service up, so it speaks English only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from survey_service.pages.look import PAGE_POLICY
from survey_service.pages.templating import render_page

# Besides what every page may do: show the mail in its frame, and ask for the list again.
SANDBOX_POLICY = f"{PAGE_POLICY}; frame-src 'self'; connect-src 'self'"
# A mail brings its own styles, runs nothing, and may only be framed by us; its links open outside the frame.
SANDBOX_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

MailPart = Literal["html", "text", "headers"]


@dataclass(frozen=True, slots=True)
class SandboxMailView:
    """One caught mail in the list; `id` is safe in a URL, `kind` its delivery's, `received_at` aware UTC."""

    id: str
    kind: str
    recipient: str
    subject: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SandboxStepView:
    """One step of the way to this mail: event, decision, invitation or delivery."""

    name: str  # "Event"
    title: str  # "flight.landed"
    facts: tuple[tuple[str, str], ...] = ()  # (label, value)
    document: str = ""  # the whole of it, as indented JSON


@dataclass(frozen=True, slots=True)
class SandboxMessageView:
    """The opened mail: its parts, and the steps it came from, the first one first."""

    mail: SandboxMailView
    sender: str
    text: str
    headers: tuple[tuple[str, str], ...]
    steps: tuple[SandboxStepView, ...]

    @property
    def html_url(self) -> str:
        """Where the HTML part is served alone, under `SANDBOX_MAIL_POLICY`."""
        return f"/sandbox/mail/{self.mail.id}/html"


@dataclass(frozen=True, slots=True)
class SandboxCounts:
    """How far things have come, in the order of the way of the data."""

    events: int
    invitations: int
    mails: int
    responses: int


@dataclass(frozen=True, slots=True)
class SandboxView:
    """The inbox: newest mail first, the opened one, and which of its parts is shown."""

    mails: tuple[SandboxMailView, ...]
    counts: SandboxCounts
    selected: SandboxMessageView | None = None
    part: MailPart = "html"


def render_sandbox(view: SandboxView) -> str:
    """The inbox page; addresses are `/sandbox?mail={id}&view={part}`."""
    return render_page("sandbox.html", lang="en", view=view)


@dataclass(frozen=True, slots=True)
class SandboxTextView:
    """One text message as a bubble; `status` is the provider's last word on one of ours."""

    id: str
    text: str
    ours: bool
    at: datetime
    status: str = ""


@dataclass(frozen=True, slots=True)
class SandboxTalkView:
    """A conversation with one number; `latest` is the id of its newest text, by which it is opened."""

    number: str
    latest: str
    last_words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SandboxSmsView:
    """Conversations, newest first, and the opened one, oldest text first; `chosen` is the text whose origin is shown.

    `typed` and `error` bring back what could not be sent.
    """

    talks: tuple[SandboxTalkView, ...]
    counts: SandboxCounts
    selected: SandboxTalkView | None = None
    texts: tuple[SandboxTextView, ...] = ()
    chosen: str | None = None
    steps: tuple[SandboxStepView, ...] = ()
    typed: str = ""
    error: str | None = None


def render_sandbox_sms(view: SandboxSmsView) -> str:
    """The conversations as a phone shows them; addresses are `/sandbox/sms?text={id}`."""
    return render_page("sandbox_sms.html", lang="en", view=view)
