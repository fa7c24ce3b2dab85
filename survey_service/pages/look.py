"""View models of the pages for customers come in as frozen values; whole HTML pages go out.

A page is sent as one answer: its styles and its script stand in it, and `page_policy(view.brand)` is the
Content-Security-Policy that allows exactly these: `html_response(render_survey(view), policy=page_policy(view.brand))`.
The policy is the same for every page of a brand.

What differs between two visitors of one (survey, language, questions, `preview`, `kiosk`) is: `why`, `offer`, `action`,
`time_hint` and `progress`, `languages` (a public link may fix one), `unsubscribe_url`, `state`, `form_error`; of a
question `value` and `fault`; of a call `days`, `zone`, `about`, `phone` and `phone_known`; and the phrases of a
question whose survey names the customer, the event or the place in them (`{{…}}`). A `value` on a page without faults
also stands in the addresses of the other languages, and is explained below its scale. All else is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from survey_service.answering.opting_out import Choice
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import Look, QuestionKind
from survey_service.pages.assets import inlined, inlined_file
from survey_service.pages.templating import render_page
from survey_service.texts.locales import text_direction

Reason = Literal["finished", "closed", "unknown", "broken"]
ResolvedStanding = Literal["asked", "resolved", "again", "closed"]


@dataclass(frozen=True, slots=True)
class BrandView:
    """In whose name a page speaks; `css` is what `assets.render_brand_css` makes of its colours and letters."""

    name: str
    css: str
    logo_url: str | None = None
    postal_address: str = ""
    privacy_url: str | None = None
    imprint_url: str | None = None
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
class Phrase:
    """Words of a survey or a brand, and the language they are in: it may be another one than the page's."""

    text: str
    lang: str

    @property
    def dir(self) -> str:
        """How it is written."""
        return text_direction(self.lang)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a scale: the `value` of its field, what stands on it, and its `name` for those who hear the page.

    `smile` is how far the mouth of its face bends, from -1 (down) to 1 (up); None where no face is drawn.
    """

    value: str
    shown: str
    name: str
    smile: float | None = None


@dataclass(frozen=True, slots=True)
class OptionView:
    """One thing to choose; `value` is that of its field."""

    value: str
    text: Phrase


@dataclass(frozen=True, slots=True)
class SlotView:
    """A time that is offered: the `value` of its field, the time of day, and its `name` with the day."""

    value: str
    time: str
    name: str


@dataclass(frozen=True, slots=True)
class DayView:
    """A day, written out with its weekday, and the times that are offered on it."""

    day: str
    slots: tuple[SlotView, ...]


@dataclass(frozen=True, slots=True)
class CallView:
    """When we could call, in the customer's zone, and what else was typed; the number we know is never shown."""

    days: tuple[DayView, ...]
    minutes: int
    zone: str
    phone_known: bool = False
    about: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class FaultView:
    """What to do about an answer that does not hold, and the field it is about."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question as this customer sees it; `value` is what is chosen or typed, several values stand one a line.

    `steps` with `look` and the names of both ends belong to a metric, `options` to a choice, `call` to a call.
    `joined` draws it close to the question before it.
    """

    id: str
    kind: QuestionKind
    text: Phrase
    required: bool = True
    value: str = ""
    fault: FaultView | None = None
    look: Look = Look.NUMBERS
    steps: tuple[StepView, ...] = ()
    low_label: Phrase | None = None
    high_label: Phrase | None = None
    options: tuple[OptionView, ...] = ()
    call: CallView | None = None
    joined: bool = False

    @property
    def chosen(self) -> frozenset[str]:
        """The values that are chosen."""
        return frozenset(self.value.split())

    @property
    def chosen_step(self) -> StepView | None:
        """The step of the scale that is chosen."""
        return next((step for step in self.steps if step.value == self.value), None)


@dataclass(frozen=True, slots=True)
class ProgressView:
    """Where one is who answered a page already: the page shows the questions `first` to `last` of `total`."""

    first: int
    last: int
    total: int


@dataclass(frozen=True, slots=True)
class KioskView:
    """A device that many people use: it goes to `home` so many seconds after thanks, or without a touch."""

    home: str
    after_thanks: int = 8
    when_idle: int = 30


@dataclass(frozen=True, slots=True)
class SurveyView:
    """The survey page; `why` says why we ask, `time_hint` how long it takes, `offer` what an answer is thanked with.

    `promise` is what an anonymous survey says of itself. `languages` are (code, own name).
    """

    brand: BrandView
    lang: str
    questions: tuple[QuestionView, ...]
    action: str
    why: str = ""
    time_hint: str = ""
    offer: str = ""
    promise: str = ""
    progress: ProgressView | None = None
    languages: tuple[tuple[str, str], ...] = ()
    unsubscribe_url: str | None = None
    form_error: str | None = None
    state: tuple[tuple[str, str], ...] = ()  # hidden fields, (name, value)
    preview: bool = False
    kiosk: KioskView | None = None

    @property
    def failed(self) -> bool:
        """Whether the page comes back because something has to be put right."""
        return self.form_error is not None or any(question.fault for question in self.questions)

    @property
    def preselected(self) -> QuestionView | None:
        """The scale that arrived with a step already chosen, by a link in a mail."""
        if self.failed:
            return None
        return next((question for question in self.questions if question.chosen_step), None)


@dataclass(frozen=True, slots=True)
class RedirectView:
    """Where to go on to; `at_once` takes people there by itself."""

    url: str
    label: Phrase
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class TicketView:
    """What the customer was given: in words, the code if it has one, and until when it is good."""

    text: Phrase
    code: str | None = None
    expiry: str | None = None


@dataclass(frozen=True, slots=True)
class ThanksView:
    """After an answer: one warm sentence, and what happens next, if something does; `summary` has a line a promise."""

    brand: BrandView
    lang: str
    message: Phrase
    next_step: str | None = None
    summary: tuple[str, ...] = ()
    redirect: RedirectView | None = None
    unsubscribe_url: str | None = None
    preview: bool = False
    kiosk: KioskView | None = None
    ticket: TicketView | None = None
    ticket_note: str | None = None  # what stands in its place


@dataclass(frozen=True, slots=True)
class ClosedView:
    """A link that takes no answer, or not now; `brand` is None where we cannot tell whose it is.

    `by_message` says whether the visitor got a message of ours, which can be answered.
    """

    lang: str
    reason: Reason
    brand: BrandView | None = None
    by_message: bool = True
    kiosk: KioskView | None = None
    ticket: TicketView | None = None
    ticket_note: str | None = None


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


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """Whether something was resolved for the customer: a page with two buttons, or a word on how it stands."""

    brand: BrandView
    lang: str
    action: str
    standing: ResolvedStanding
    we_did: str | None = None  # in words for the customer


def page_policy(brand: BrandView | None) -> str:
    """The Content-Security-Policy of every page of a brand: what stands in it, and nothing from elsewhere but a logo.

    A page without a brand has no script of its own, and may bring its styles and scripts as files of ours.
    """
    base = inlined_file("survey.css").source
    if brand is None:
        return _policy(f"'self' {base}", "'self'")
    return _policy(f"{base} {inlined(brand.css).source}", inlined_file("survey.js").source) + "; connect-src 'self'"


def _policy(styles: str, scripts: str) -> str:
    return (
        f"default-src 'none'; style-src {styles}; script-src {scripts}; img-src 'self' data: https:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


PAGE_POLICY = page_policy(None)


def render_survey(view: SurveyView) -> str:
    """The questions, each with its fields, and one button; works without script."""
    return render_page("survey.html", lang=view.lang, view=view, brand=view.brand, kiosk=view.kiosk)


def render_thanks(view: ThanksView) -> str:
    """The page after an answer."""
    return render_page("thanks.html", lang=view.lang, view=view, brand=view.brand, kiosk=view.kiosk)


def render_closed(view: ClosedView) -> str:
    """A full, friendly page for a link that is finished, closed or unknown."""
    return render_page("closed.html", lang=view.lang, view=view, brand=view.brand, kiosk=view.kiosk)


def render_unsubscribe(view: UnsubscribeView) -> str:
    """The opt-out page, before and after its buttons."""
    return render_page("unsubscribe.html", lang=view.lang, view=view, brand=view.brand, kiosk=None)


def render_resolved(view: ResolvedView) -> str:
    """The page that asks whether something is resolved, before and after its buttons."""
    return render_page("resolved.html", lang=view.lang, view=view, brand=view.brand, kiosk=None)
