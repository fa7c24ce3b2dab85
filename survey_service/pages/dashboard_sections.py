"""Figures come in; the sections of the dashboard go out, each a sentence, a drawing and the table behind it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from survey_service.pages.charts.axes import Axis, axis_for
from survey_service.pages.charts.distribution import Band, Bar, distribution
from survey_service.pages.charts.over_time import Point, over_time
from survey_service.pages.charts.ranking import Dot, Verdict, scale_line, whisker
from survey_service.pages.charts.sparkline import sparkline
from survey_service.pages.dashboard_figures import Period
from survey_service.pages.dashboard_filters import Filters
from survey_service.pages.dashboard_look import ChartView, HeadlineView, RankingView, RankView, TableView, WithheldView
from survey_service.reporting.comparing import Figure, compare
from survey_service.reporting.figure_texts import (
    answers_text,
    change_sentence,
    direction_of,
    few_number,
    few_text,
    interval_text,
    level_of_ranks,
    period_text,
)
from survey_service.reporting.scores import Metric, Score
from survey_service.texts.numbers import decimal, percentage, score_text
from survey_service.texts.sentences import BANDS
from survey_service.texts.words import Words

RANKED = 15  # touchpoints that are drawn; the table has more
TABLED = 200  # rows of a table
_NAMED = 3  # touchpoints that a sentence names
_SOLID = 5  # answers from which on an interval stretches the axis
_BOUNDS: dict[str, tuple[float, float]] = {"nps": (-100, 100), "csat": (0, 100), "ces": (1, 7)}

Href = Callable[[str], str]


def headline_of(
    figure: Figure, label: str, period: str, periods: Sequence[Period], least: int, words: Words
) -> HeadlineView:
    """The number first, with its interval and how many answers are behind it; each figure has `least` or more."""
    score = known_score(figure)
    return HeadlineView(
        label=label,
        period=period,
        score=score_text(score.metric, score.score or 0.0, words.lang),
        interval=interval_text(score.metric, score.interval, words) if score.interval else "",
        answers=answers_text(score.n, words),
        change=change_sentence(score.metric, figure.against, words, least if figure.other_is_withheld else None),
        direction=direction_of(figure.against),
        trend=sparkline([None if each.is_withheld else each.score.n if each.score else 0 for each in periods]),
    )


def withheld_of(label: str, period: str, least: int, words: Words) -> WithheldView:
    """What stands in place of the number where somebody answered, but too few to show it."""
    sentence = words(
        "There are {few} here, and some may be anonymous: too few to show. Choose a longer period, or fewer filters.",
        few=few_text(least, words),
    )
    return WithheldView(label, period, sentence)


def over_time_of(filters: Filters, periods: Sequence[Period], words: Words) -> ChartView:
    """The score of each period with its interval."""
    metric = _metric(filters)
    points = [_point(period, metric, granularity_text(filters, period, words), words) for period in periods]
    sentence = _course(filters, periods, words)
    axis = axis_of(metric, [period.score for period in periods if period.score])
    drawing = over_time("over-time", words("Score over time"), sentence, points, axis, shower_of(metric, words))
    rows = tuple(
        (point.label, *score_cells(period.score, metric, words, filters.least if period.is_withheld else None))
        for point, period in zip(points, periods, strict=True)
    )
    note = words("The band shows where the true score lies in 95 of 100 cases; an open dot is a period that goes on.")
    if any(period.is_withheld for period in periods):
        note += " " + words("Periods with {few} are not shown.", few=few_text(filters.least, words))
    head = (words("Period"), *score_head(words))
    return ChartView("over-time", words("Score over time"), sentence, drawing, TableView(head, rows), note)


def distribution_of(score: Score, words: Words) -> ChartView:
    """How often each value was given."""
    lang, bands = words.lang, _by_band(score)
    bars = [
        Bar(value_text(score.scale, value, words), count, band_of(score.scale, value))
        for value, count in score.distribution.items()
    ]
    shares = {band: percentage(100 * count / score.n if score.n else 0.0, lang) for band, count in bands.items()}
    match score.metric:
        case "nps":
            sentence = words(
                "{promoters} of the answers are 9 or 10, {detractors} are 6 or less.",
                promoters=shares["good"],
                detractors=shares["bad"],
            )
            names: dict[Band, str] = {
                "good": words("Promoters"),
                "middling": words("Passives"),
                "bad": words("Detractors"),
            }
        case "csat":
            sentence = words("{share} of the answers are satisfied ones.", share=shares["good"])
            names = {"good": words("Satisfied"), "middling": words("Neutral"), "bad": words("Dissatisfied")}
        case "ces":
            sentence = words("{share} agree that it was easy.", share=shares["good"])
            names = {"good": words("Easy"), "middling": words("Neutral"), "bad": words("Hard")}
    shown: list[Band] = [band for band in ("bad", "middling", "good") if band in {bar.band for bar in bars}]
    legend = tuple((band, f"{names[band]} {shares[band]}") for band in shown)
    drawing = distribution("distribution", words("Distribution"), sentence, bars, lambda share: decimal(share, lang))
    rows = tuple(
        (
            bar.label,
            decimal(bar.count, lang),
            percentage(100 * bar.count / score.n if score.n else 0.0, lang, 1),
            names[bar.band],
        )
        for bar in bars
    )
    head = (words("Value"), words("Answers"), words("Share"), words("Counts as"))
    note = words("Each number is a share of all answers, in percent.")
    return ChartView("distribution", words("Distribution"), sentence, drawing, TableView(head, rows), note, legend)


def ranking_of(
    figures: Sequence[Figure], total: Score | None, names: Mapping[str, str], href: Href, least: int, words: Words
) -> RankingView:
    """Touchpoints on one common scale, each against the rest, if there are two.

    Those of fewer than `least` answers are named in the table.
    """
    scored = [figure for figure in figures if figure.score is not None]
    if len(scored) < 2:
        return _no_ranking(len(figures) > len(scored), least, words)
    metric = known_score(scored[0]).metric
    named = [(_place(figure, names, words), figure) for figure in scored]
    hidden = [(_place(figure, names, words), figure) for figure in figures if figure.score is None]
    shown = named if len(named) <= RANKED else [*named[:8], *named[-7:]]
    axis = axis_of(metric, [known_score(figure) for _, figure in shown])
    reference = total.score if total else None
    verdicts = verdict_texts(words)
    rows = [rank_view(name, href(figure.group.keys[0] or ""), figure, axis, reference, words) for name, figure in shown]
    table = tuple(
        (name, *score_cells(figure.score, metric, words), verdicts[verdict_of(figure)]) for name, figure in named
    )
    table += tuple((name, *score_cells(None, metric, words, least), "–") for name, _ in hidden)
    head = (words("Touchpoint"), *score_head(words), words("Against the rest"))
    left_out = len(named) - len(shown)
    between = words("Between them, in the table only: {n}", n=decimal(left_out, words.lang)) if left_out else ""
    asides = (between, in_the_table_alone(len(hidden), least, words), level_of_ranks(len(named), words))
    return RankingView(
        sentence=_standings(named, words),
        rows=tuple(rows),
        axis=scale_line(axis, shower_of(metric, words)),
        table=TableView(head, table[:TABLED]),
        asides=tuple(aside for aside in asides if aside),
    )


def _no_ranking(is_withheld: bool, least: int, words: Words) -> RankingView:
    if is_withheld:
        return RankingView(words("Touchpoints with {few} are not compared.", few=few_text(least, words)))
    return RankingView(
        words(
            "Two touchpoints with answers stand here side by side. Events and invitations name theirs, a link has one."
        )
    )


def in_the_table_alone(hidden: int, least: int, words: Words) -> str:
    """How many rows have too few answers to be drawn; empty of none."""
    if not hidden:
        return ""
    few = few_text(least, words)
    return words("With {few}, named in the table only: {n}", few=few, n=decimal(hidden, words.lang))


def rank_view(name: str, href: str, figure: Figure, axis: Axis, reference: float | None, words: Words) -> RankView:
    """One row of a ranking; `reference` is the score of all."""
    score, verdict = known_score(figure), verdict_of(figure)
    interval = score.interval
    dot = Dot(score.score or 0.0, interval.low if interval else None, interval.high if interval else None, verdict)
    return RankView(
        name=name,
        href=href,
        score=score_text(score.metric, score.score or 0.0, words.lang),
        answers=answers_text(score.n, words),
        verdict=verdict,
        verdict_text=verdict_texts(words)[verdict],
        drawing=whisker(dot, axis, reference),
    )


def verdict_texts(words: Words) -> dict[Verdict, str]:
    """Each verdict in words."""
    return {
        "better": words("above the rest"),
        "worse": words("below the rest"),
        "noise": words("no clear difference"),
    }


def verdict_of(figure: Figure) -> Verdict:
    """Whether a touchpoint really differs from the rest."""
    against = figure.against
    if against is None or not against.is_significant or not against.change:
        return "noise"
    return "better" if against.change > 0 else "worse"


def band_of(scale: str, value: int) -> Band:
    """What a value of a scale counts as."""
    good, middling = BANDS[scale]
    return "good" if value >= good else "middling" if value >= middling else "bad"


def value_text(scale: str, value: int, words: Words) -> str:
    """A value as people read it."""
    if scale == "yes-no":
        return words("Yes") if value else words("No")
    return str(value)


def granularity_text(filters: Filters, period: Period, words: Words) -> str:
    """The name of a period."""
    return period_text(period.label, filters.span.granularity, filters.span.zone, words.lang)


def _course(filters: Filters, periods: Sequence[Period], words: Words) -> str:
    """From the first period to the last one that is over."""
    answered = [(period, period.score) for period in periods if period.score and period.score.score is not None]
    over = [pair for pair in answered if pair[0].is_complete] or answered
    if len(over) < 2:
        if any(period.is_withheld for period in periods):
            return words("One period at most has enough answers to show.")
        return words("One period has answers so far.")
    (first, one), (last, other) = over[0], over[-1]
    metric = _metric(filters)
    values = {
        "before": score_text(metric, one.score or 0.0, words.lang),
        "start": granularity_text(filters, first, words),
        "now": score_text(metric, other.score or 0.0, words.lang),
        "end": granularity_text(filters, last, words),
    }
    change = compare(other, one)
    if not change.is_significant:
        return words("From {before} ({start}) to {now} ({end}): no more than chance would do.", **values)
    if (change.change or 0.0) > 0:
        return words("Up from {before} ({start}) to {now} ({end}), by more than chance.", **values)
    return words("Down from {before} ({start}) to {now} ({end}), by more than chance.", **values)


def _standings(named: Sequence[tuple[str, Figure]], words: Words) -> str:
    better = [name for name, figure in named if verdict_of(figure) == "better"]
    worse = [name for name, figure in reversed(named) if verdict_of(figure) == "worse"]
    if not better and not worse:
        return words("No touchpoint differs from the rest by more than chance.")
    parts = []
    if better:
        parts.append(words("Clearly above the rest: {names}.", names=listed(better)))
    if worse:
        parts.append(words("Clearly below the rest: {names}.", names=listed(worse)))
    if len(better) + len(worse) < len(named):
        parts.append(words("All other differences may be chance."))
    return " ".join(parts)


def listed(names: Sequence[str]) -> str:
    """The first names of a list, in a sentence."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _place(figure: Figure, names: Mapping[str, str], words: Words) -> str:
    place = figure.group.keys[0]
    return names.get(place, place) if place else words("without a touchpoint")


def _point(period: Period, metric: Metric, label: str, words: Words) -> Point:
    score = period.score
    if score is None or score.score is None:
        return Point(label, None, is_complete=period.is_complete)
    interval = score.interval
    shown = score_text(metric, score.score, words.lang)
    hint = [shown, answers_text(score.n, words)]
    if interval:
        hint.insert(1, interval_text(metric, interval, words))
    return Point(
        label,
        score.score,
        interval.low if interval else None,
        interval.high if interval else None,
        period.is_complete,
        f"{label}: {', '.join(hint)}",
    )


def axis_of(metric: Metric, scores: Sequence[Score]) -> Axis:
    """All scores fit, and the intervals of those with enough answers: one answer alone would stretch it to its ends."""
    low, high = _BOUNDS[metric]
    values = [score.score for score in scores if score.score is not None]
    solid = [score.interval for score in scores if score.interval and score.n >= _SOLID]
    return axis_for([*values, *(end for each in solid for end in (each.low, each.high))], low, high)


def score_head(words: Words) -> tuple[str, ...]:
    """What stands above the cells of a score."""
    return (words("Score"), words("95 % interval"), words("Answers"))


def score_cells(score: Score | None, metric: Metric, words: Words, withheld: int | None = None) -> tuple[str, ...]:
    """A score in a table: itself, its interval, how many answers; `withheld`: fewer than so many."""
    if score is None or score.score is None:
        return ("–", "–", "0" if withheld is None else few_number(withheld, words))
    between = interval_text(metric, score.interval, words) if score.interval else "–"
    return (score_text(metric, score.score, words.lang), between, decimal(score.n, words.lang))


def _by_band(score: Score) -> dict[Band, int]:
    counts: dict[Band, int] = {"good": 0, "middling": 0, "bad": 0}
    for value, count in score.distribution.items():
        counts[band_of(score.scale, value)] += count
    return counts


def shower_of(metric: Metric, words: Words) -> Callable[[float, int], str]:
    """How the ticks of an axis are written."""
    return partial(_show, metric, words.lang)


def _show(metric: str, lang: str, value: float, places: int) -> str:
    return score_text(metric, value, lang, places)


def _metric(filters: Filters) -> Metric:
    return filters.ask.metric if filters.ask else "nps"


def known_score(figure: Figure) -> Score:
    """The score of a figure that is shown; raises ValueError for one that is withheld."""
    if figure.score is None:
        raise ValueError("a figure that is withheld is not shown")
    return figure.score
