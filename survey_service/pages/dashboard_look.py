"""View models of the dashboard come in as frozen values; whole HTML pages, and the list of answers alone, go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from survey_service.pages.charts.distribution import Band
from survey_service.pages.charts.ranking import Verdict
from survey_service.pages.templating import render_page

# Styles and the one script come as files, and the script asks for the newest answers again.
DASHBOARD_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

MomentKind = Literal["event", "invitation", "delivery", "response", "case", "reward", "note"]
SignInFault = Literal["email", "link", "key", "often"]


@dataclass(frozen=True, slots=True)
class SignInView:
    """The ways in; with a `link` its button alone. `is_sent` is said for every address.

    `query` is what the dashboard is to show then, as it stands in an address: `?period=4w`. `kept` is a note that could
    not be kept, to be copied.
    """

    lang: str
    link: str | None = None
    name: str = ""
    is_sent: bool = False
    fault: SignInFault | None = None
    query: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class ReaderView:
    """Who looks, as the head of the page says it."""

    lang: str
    name: str
    is_sandbox: bool
    is_bound: bool  # to some touchpoints
    sees_customers: bool


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One option of a filter."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class SelectView:
    """One filter; `name` is its place in the address."""

    name: str
    label: str
    choices: tuple[ChoiceView, ...]


@dataclass(frozen=True, slots=True)
class PresetView:
    """One period to choose with a tap."""

    label: str
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FiltersView:
    """Every filter; `summary` names what is chosen, `first` and `last` are dates or empty."""

    summary: str
    presets: tuple[PresetView, ...]
    selects: tuple[SelectView, ...]
    period: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class HeadlineView:
    """The figure itself, and how it changed."""

    label: str
    period: str
    score: str
    interval: str
    answers: str
    change: str
    direction: Literal["up", "down", "same"]
    trend: Markup


@dataclass(frozen=True, slots=True)
class WithheldView:
    """Why the figure is not shown, although somebody answered."""

    label: str
    period: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TableView:
    """What stands behind a chart; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class CodeView:
    """A name as the API uses it, with words to it."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class ChartView:
    """A sentence that says what is to be seen, the drawing, and its table; `codes` stand behind `codes_note`."""

    id: str
    heading: str
    sentence: str
    drawing: Markup | None = None
    table: TableView | None = None
    note: str = ""
    legend: tuple[tuple[Band, str], ...] = ()
    codes_note: str = ""
    codes: tuple[CodeView, ...] = ()


@dataclass(frozen=True, slots=True)
class RankView:
    """One touchpoint of the ranking; `href` is the page of it alone."""

    name: str
    href: str
    score: str
    answers: str
    verdict: Verdict
    verdict_text: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class RankingView:
    """The best first; `asides` say what is in the table only, and how sure a difference has to be.

    Without rows the sentence says what is missing.
    """

    sentence: str
    rows: tuple[RankView, ...] = ()
    axis: Markup = field(default_factory=Markup)
    table: TableView | None = None
    asides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicView:
    """One topic of the comments; `share` is that of all answers."""

    rank: RankView
    share: str


@dataclass(frozen=True, slots=True)
class PhraseView:
    """What several people wrote; `drawing` is how many, beside the most frequent one."""

    text: str
    lang: str
    people: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class TalkView:
    """What comments are about, and what those who were least happy say."""

    sentence: str
    topics: tuple[TopicView, ...]
    axis: Markup
    table: TableView | None
    phrases_heading: str
    phrases_sentence: str
    phrases: tuple[PhraseView, ...]
    asides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer; no address of the person stands in it."""

    id: str
    score: str
    band: Band
    comment: str
    place: str
    at: str
    iso: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One open case."""

    title: str
    about: str
    due: str
    is_overdue: bool
    href: str | None = None


@dataclass(frozen=True, slots=True)
class CasesView:
    """Open cases, what is due first on top; `heading` says how many there are, `all_text` leads to all of them.

    `note` says which filter they do not know; `is_new`: no rule opens any yet.
    """

    heading: str
    sentence: str
    rows: tuple[CaseView, ...]
    note: str = ""
    all_text: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class DashboardView:
    """The whole page; without a `headline` it says what to do. `fault` says why nothing could be counted."""

    reader: ReaderView
    query: str
    filters: FiltersView
    headline: HeadlineView | None
    over_time: ChartView | None
    distribution: ChartView | None
    ranking: RankingView | None
    talk: TalkView | None
    answers: tuple[AnswerView, ...]
    cases: CasesView | None
    has_funnel: bool
    withheld: WithheldView | None = None
    curl: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LineView:
    """A few words about a moment; `code` is a reason by its documented name."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class SaidView:
    """An answer under its question; `is_quote` where it is in the customer's own words."""

    question: str
    answer: str
    is_quote: bool = False


@dataclass(frozen=True, slots=True)
class MomentView:
    """One thing that happened to a customer; `kind` chooses its mark."""

    kind: MomentKind
    name: str
    title: str
    at: str
    iso: str
    lines: tuple[LineView, ...] = ()
    said: tuple[SaidView, ...] = ()
    quote: str = ""
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer for the person who is about to call; the newest moment first.

    `older` and `newest` are where the rest of them is; empty where there is none.
    """

    reader: ReaderView
    id: str
    name: str
    facts: tuple[tuple[str, str], ...]
    wishes: tuple[MomentView, ...]
    moments: tuple[MomentView, ...]
    older: str = ""
    newest: str = ""
    may_write: bool = False
    typed: str = ""
    fault: bool = False


def render_sign_in(view: SignInView) -> str:
    """The ways in."""
    return render_page("dashboard_sign_in.html", lang=view.lang, view=view)


def render_dashboard(view: DashboardView) -> str:
    """The whole page."""
    return render_page("dashboard.html", lang=view.reader.lang, view=view, reader=view.reader)


def render_answers(answers: Sequence[AnswerView], lang: str) -> str:
    """The newest answers alone, as they stand in the page."""
    return render_page("dashboard_answers.html", lang=lang, answers=answers)


def render_funnel(chart: ChartView, reader: ReaderView, query: str) -> str:
    """The page of the funnel; the dashboard takes its section from it."""
    return render_page("dashboard_funnel.html", lang=reader.lang, chart=chart, reader=reader, query=query)


def render_cases(view: CasesView, reader: ReaderView, query: str, following: str) -> str:
    """The page of open cases; `following` is the query of the next page, empty on the last one."""
    return render_page(
        "dashboard_cases.html", lang=reader.lang, view=view, reader=reader, query=query, following=following
    )


def render_customer(view: CustomerView) -> str:
    """The page of one customer."""
    return render_page("dashboard_customer.html", lang=view.reader.lang, view=view, reader=view.reader)


def render_not_found(reader: ReaderView, sought: str = "") -> str:
    """What is said where there is nothing that this reader may see; `sought` is whom they looked for."""
    return render_page("dashboard_not_found.html", lang=reader.lang, reader=reader, sought=sought)
