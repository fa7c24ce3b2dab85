"""View models of the pages for customers come in as frozen values; whole HTML pages go out.

What differs between two invitations of one (survey, language) is: `why`, `action`, `unsubscribe_url`, `state`,
`form_error`, and `value` and `error` of the questions. All else is the same for every customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from survey_service.answering.opting_out import Choice
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import SCALES, QuestionKind
from survey_service.pages.templating import render_page

Reason = Literal["finished", "closed", "unknown"]

# Nothing inline, nothing from elsewhere but a brand's logo.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class BrandView:
    """In whose name a page speaks; colours arrive through the style sheet at `css_url` (see `assets`)."""

    name: str
    css_url: str
    logo_url: str | None = None
    postal_address: str = ""
    privacy_url: str | None = None
    contact: str | None = None  # how to reach a person: an e-mail address, an https address, or words such as a number

    @property
    def contact_url(self) -> str | None:
        """`contact` as something to follow; None where it is words."""
        if self.contact is None or any(sign.isspace() for sign in self.contact):
            return None
        if self.contact.startswith(("https://", "http://")):
            return self.contact
        return f"mailto:{self.contact}" if "@" in self.contact else None


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question as this customer sees it; `value` is what is chosen or typed, `error` what to do about it."""

    id: str
    kind: QuestionKind
    text: str
    lang: str
    required: bool = True
    low_label: str | None = None
    high_label: str | None = None
    value: str | None = None
    error: str | None = None

    @property
    def numbers(self) -> range:
        """The numbers to choose from; empty for a text question."""
        scale = SCALES.get(self.kind)
        return scale.values if scale else range(0)


@dataclass(frozen=True, slots=True)
class SurveyView:
    """The survey page; `why` says why we ask, `time_hint` how long it takes, `languages` are (code, own name)."""

    brand: BrandView
    lang: str
    questions: tuple[QuestionView, ...]
    action: str
    why: str = ""
    time_hint: str = ""
    languages: tuple[tuple[str, str], ...] = ()
    unsubscribe_url: str | None = None
    form_error: str | None = None
    state: tuple[tuple[str, str], ...] = ()  # hidden fields, (name, value)
    preview: bool = False

    @property
    def failed(self) -> bool:
        """Whether the page comes back because something has to be put right."""
        return self.form_error is not None or any(question.error for question in self.questions)

    @property
    def preselected(self) -> QuestionView | None:
        """The scale that arrived with a number already chosen, by a link in a mail."""
        if self.failed:
            return None
        return next((question for question in self.questions if question.numbers and question.value), None)


@dataclass(frozen=True, slots=True)
class ThanksView:
    """After an answer: one warm sentence, and what happens next, if something does."""

    brand: BrandView
    lang: str
    message: str
    next_step: str | None = None
    unsubscribe_url: str | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True)
class ClosedView:
    """A link that takes no answer; `brand` is None where we cannot tell whose it is."""

    lang: str
    reason: Reason
    brand: BrandView | None = None


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """The way out: a page with a button a choice, or, once one is `chosen`, the confirmation.

    `channel` is the other channel that is offered or was chosen; None where there is none to offer.
    """

    brand: BrandView
    lang: str
    action: str
    chosen: Choice | None = None
    channel: ChannelName | None = None


def render_survey(view: SurveyView) -> str:
    """The questions with their scale, comment field and one button; works without script."""
    return render_page("survey.html", lang=view.lang, view=view, brand=view.brand)


def render_thanks(view: ThanksView) -> str:
    """The page after an answer."""
    return render_page("thanks.html", lang=view.lang, view=view, brand=view.brand)


def render_closed(view: ClosedView) -> str:
    """A full, friendly page for a link that is finished, closed or unknown."""
    return render_page("closed.html", lang=view.lang, view=view, brand=view.brand)


def render_unsubscribe(view: UnsubscribeView) -> str:
    """The opt-out page, before and after its buttons."""
    return render_page("unsubscribe.html", lang=view.lang, view=view, brand=view.brand)
