"""Filters and figures come in; the view of the whole dashboard goes out, in the reader's language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from survey_service.models.brand import Brand
from survey_service.models.response import Response
from survey_service.models.survey import Survey
from survey_service.models.topic import Topic
from survey_service.models.touchpoint import Touchpoint
from survey_service.pages.dashboard_case_views import CaseNames, cases_view
from survey_service.pages.dashboard_figures import Overview
from survey_service.pages.dashboard_filters import Ask, Filters, Preset, asks_of, surveys_of
from survey_service.pages.dashboard_look import (
    AnswerView,
    CasesView,
    ChoiceView,
    DashboardView,
    FiltersView,
    PresetView,
    RankingView,
    ReaderView,
    SelectView,
)
from survey_service.pages.dashboard_sections import (
    band_of,
    distribution_of,
    headline_of,
    over_time_of,
    ranking_of,
    value_text,
    withheld_of,
)
from survey_service.pages.dashboard_talk import talk_of
from survey_service.pages.dashboard_viewers import Viewer
from survey_service.pages.dashboard_words import channel_texts
from survey_service.reporting.figure_texts import metric_text
from survey_service.reporting.scores import Score
from survey_service.texts.locales import spoken_text
from survey_service.texts.numbers import day_text, moment_text
from survey_service.texts.words import Words, words_in

_LISTED = 200  # touchpoints in a menu
_LONGEST = 60  # characters of a choice


@dataclass(frozen=True, slots=True)
class Known:
    """What is configured: the names of things."""

    surveys: Mapping[str, Survey]
    touchpoints: Mapping[str, Touchpoint]
    zones: Sequence[str]
    brands: Mapping[str, Brand]
    topics: Mapping[str, Topic] = field(default_factory=dict)
    promised: frozenset[str] = frozenset()  # surveys that are anonymous or ever were
    opens_cases: bool = False  # whether a rule would


def reader_of(viewer: Viewer) -> ReaderView:
    """Who looks."""
    is_bound = viewer.touchpoints is not None
    return ReaderView(viewer.language, viewer.name, viewer.is_sandbox, is_bound, viewer.sees_customers)


def dashboard_view(
    viewer: Viewer, filters: Filters, known: Known, overview: Overview, now: datetime, *, curl: str, fault: str = ""
) -> DashboardView:
    """Everything on one page."""
    words = words_in(viewer.language)
    names = {name: row.name for name, row in known.touchpoints.items()}
    topic_names = {name: spoken_text(topic.name, words.lang)[0] for name, topic in known.topics.items()}
    figure = overview.headline if overview.headline and overview.headline.score else None
    score = figure.score if figure else None
    label = ask_text(filters.ask, known.surveys.get(filters.survey), words) if filters.ask else ""
    period = _period_text(filters, words)
    found = [key for each in overview.ranked if (key := each.group.keys[0])]
    return DashboardView(
        reader=reader_of(viewer),
        query=filters.query,
        filters=_filters_view(filters, known, found, viewer, words),
        headline=headline_of(figure, label, period, overview.periods, filters.least, words) if figure else None,
        over_time=over_time_of(filters, overview.periods, words) if figure else None,
        distribution=distribution_of(score, words) if score else None,
        ranking=_ranking_view(overview, score, names, filters, words),
        talk=talk_of(overview, topic_names, lambda topic: _href(filters, topic=topic), filters.least, words)
        if score
        else None,
        answers=answer_views(overview.answers, filters, names, viewer),
        cases=_cases_view(overview, filters, known, viewer, now, words),
        has_funnel=filters.ask is not None,
        withheld=withheld_of(label, period, filters.least, words) if overview.headline and not figure else None,
        curl="" if overview.any_response else curl,
        fault=fault,
    )


def case_names(known: Known, viewer: Viewer) -> CaseNames:
    """What the lists of cases call things."""
    names = {name: row.name for name, row in known.touchpoints.items()}
    return CaseNames(names, lambda customer: customer_href(customer, viewer))


def _ranking_view(
    overview: Overview, total: Score | None, names: Mapping[str, str], filters: Filters, words: Words
) -> RankingView | None:
    """None where a single touchpoint is looked at: there is nothing to compare it with."""
    if filters.touchpoints is not None and len(filters.touchpoints) < 2:
        return None
    return ranking_of(
        overview.ranked, total, names, lambda place: _href(filters, touchpoint=place), filters.least, words
    )


def _cases_view(
    overview: Overview, filters: Filters, known: Known, viewer: Viewer, now: datetime, words: Words
) -> CasesView | None:
    if not viewer.sees_cases:
        return None
    view = cases_view(overview.cases, overview.open_cases, case_names(known, viewer), filters, now, words)
    return replace(view, is_new=not known.opens_cases and not overview.open_cases)


def answer_views(
    answers: Iterable[Response], filters: Filters, names: Mapping[str, str], viewer: Viewer
) -> tuple[AnswerView, ...]:
    """The newest answers, without anything that says who gave them."""
    words = words_in(viewer.language)
    return tuple(_answer_view(row, filters, names, viewer, words) for row in answers)


def ask_text(ask: Ask, survey: Survey | None, words: Words) -> str:
    """What is measured, in words: `NPS`, or with the question where a survey is chosen."""
    name = metric_text(ask.metric, ask.scale, words)
    several = survey is not None and sum(question.metric is not None for question in survey.questions) > 1
    if survey is not None and several and ask.question:
        question = next(each for each in survey.questions if each.id == ask.question)
        name += f": {_short(spoken_text(question.text, words.lang)[0])}"
    return name


def _answer_view(row: Response, filters: Filters, names: Mapping[str, str], viewer: Viewer, words: Words) -> AnswerView:
    score, scale = _shown_score(row, filters.ask)
    place = names.get(row.touchpoint or "", row.touchpoint or "")
    return AnswerView(
        id=row.id,
        score="" if score is None else value_text(scale, score, words),
        band="middling" if score is None else band_of(scale, score),
        comment=row.comment or "",
        place=place or words("without a touchpoint"),
        at=moment_text(row.started_at, filters.span.zone, words.lang),
        iso=row.started_at.isoformat(),
        href=customer_href(row.customer, viewer),
    )


def _shown_score(row: Response, ask: Ask | None) -> tuple[int | None, str]:
    """What this answer adds to the figure above, and its scale; of several questions that of the primary one."""
    if ask is None:
        return row.score, row.scale
    if ask.question:
        return row.scores.get(ask.question), ask.scale
    if (row.metric, row.scale) == (ask.metric, ask.scale) and row.score is not None:
        return row.score, ask.scale
    found = (row.scores.get(question) for question, measure in row.measures.items() if measure == ask.measure)
    return next(found, None), ask.scale


def customer_href(customer: str | None, viewer: Viewer) -> str | None:
    """The page of a customer, for those who may read it; its address holds our own id alone."""
    return f"/dashboard/customers/{customer}" if customer and viewer.sees_customers else None


def _period_text(filters: Filters, words: Words) -> str:
    if filters.span.preset is Preset.OWN:
        first, last = (day_text(day, words.lang) for day in (filters.span.first, filters.span.last))
        return words("{low} to {high}", low=first, high=last)
    return _preset_texts(words)[filters.span.preset]


def _preset_texts(words: Words) -> dict[Preset, str]:
    return {
        Preset.WEEK: words("Last 7 days"),
        Preset.MONTH: words("Last 4 weeks"),
        Preset.QUARTER: words("Last 13 weeks"),
        Preset.YEAR: words("Last 12 months"),
    }


def _filters_view(filters: Filters, known: Known, found: Sequence[str], viewer: Viewer, words: Words) -> FiltersView:
    span = filters.span
    topics = {name: spoken_text(topic.name, words.lang)[0] for name, topic in known.topics.items()}
    presets = tuple(
        PresetView(label, _href(filters, period=preset.value, **{"from": "", "to": ""}), span.preset is preset)
        for preset, label in _preset_texts(words).items()
    )
    surveys = surveys_of(filters.brand, known.surveys)
    selects = (
        *_brand_select(filters, known, words),
        _select("survey", words("Survey"), words("All surveys"), _survey_choices(surveys), filters.survey),
        SelectView("question", words("Question"), _ask_choices(filters, known, words)),
        _select(
            "touchpoint",
            words("Touchpoint"),
            words("All of yours") if viewer.touchpoints is not None else words("All touchpoints"),
            _place_choices(filters, known, found),
            filters.touchpoint,
        ),
        _select("region", words("Region"), words("All regions"), _region_choices(filters, known), filters.region),
        *([_select("topic", words("Topic"), words("All topics"), topics, filters.topic)] if topics else []),
        _select("channel", words("Channel"), words("All channels"), channel_texts(words), filters.channel),
        _zone_select(filters, known, words),
    )
    own = span.preset is Preset.OWN
    chosen = [choice.label for select in selects for choice in select.choices if choice.is_chosen and choice.value]
    return FiltersView(
        summary=" · ".join(chosen),
        presets=presets,
        selects=selects,
        period="" if own else span.preset.value,
        first=span.first.isoformat() if own else "",
        last=span.last.isoformat() if own else "",
    )


def _select(name: str, label: str, everything: str, options: Mapping[str, str], chosen: str) -> SelectView:
    choices = {"": everything, **options}
    if chosen not in choices:
        choices[chosen] = chosen
    return SelectView(
        name, label, tuple(ChoiceView(value, _short(text), value == chosen) for value, text in choices.items())
    )


def _brand_select(filters: Filters, known: Known, words: Words) -> tuple[SelectView, ...]:
    """The choice of a brand, where there are several, or one is chosen: links of mails name it."""
    asking = sorted({survey.brand for survey in known.surveys.values()})
    brands = {name: known.brands[name].name if name in known.brands else name for name in asking}
    if len(brands) < 2 and not filters.brand:
        return ()
    return (_select("brand", words("Brand"), words("All brands"), brands, filters.brand),)


def _survey_choices(surveys: Mapping[str, Survey]) -> dict[str, str]:
    return {name: survey.name for name, survey in sorted(surveys.items())}


def _ask_choices(filters: Filters, known: Known, words: Words) -> tuple[ChoiceView, ...]:
    survey = known.surveys.get(filters.survey)
    asks = asks_of(surveys_of(filters.brand, known.surveys), filters.survey)
    return tuple(ChoiceView(ask.value, ask_text(ask, survey, words), ask == filters.ask) for ask in asks)


def _place_choices(filters: Filters, known: Known, found: Sequence[str]) -> dict[str, str]:
    """The registered touchpoints, and those that answers came from, as far as this reader may see them."""
    names = dict.fromkeys([*known.touchpoints, *found])
    allowed = [name for name in names if filters.allowed is None or name in filters.allowed]
    labelled = {name: known.touchpoints[name].name if name in known.touchpoints else name for name in allowed}
    return dict(sorted(labelled.items(), key=lambda pair: pair[1].casefold())[:_LISTED])


def _region_choices(filters: Filters, known: Known) -> dict[str, str]:
    rows = [row for name, row in known.touchpoints.items() if filters.allowed is None or name in filters.allowed]
    return {region: region for region in sorted({row.region for row in rows if row.region})}


def _zone_select(filters: Filters, known: Known, words: Words) -> SelectView:
    present = filters.span.zone.key
    names = dict.fromkeys([*known.zones, present, "UTC"])
    choices = tuple(ChoiceView(name, name.replace("_", " "), name == present) for name in names)
    return SelectView("zone", words("Time zone"), choices)


def _href(filters: Filters, **changes: str) -> str:
    query = {name: value for name, value in {**filters.given, **changes}.items() if value}
    return f"/dashboard?{urlencode(query)}" if query else "/dashboard"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
