"""Comparing: histograms by period and group come in; figures with what they are compared with go out. Pure.

A change is called significant where the interval of the difference leaves out zero. In a league table each group is
compared with the rest of it, at a level that holds for all of these comparisons together (Bonferroni).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from survey_service.calendars.buckets import Granularity, shifted
from survey_service.reporting.intervals import LEVEL, Interval
from survey_service.reporting.scores import Metric, Score, corrected_level, difference_of, score_of
from survey_service.store.histograms import Group, Histograms


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a figure is compared with; `interval` is that of the difference, None where one has too few answers."""

    other: Score
    change: float | None
    interval: Interval | None
    level: float

    @property
    def is_significant(self) -> bool | None:
        """Whether the two really differ; None: that cannot be told."""
        return None if self.interval is None else not self.interval.holds_zero


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a score, or None where too few people answered to show it.

    `other_is_withheld`: what it would be compared with is not shown either.
    """

    group: Group
    score: Score | None
    against: Comparison | None = None
    rank: int | None = None
    other_is_withheld: bool = False


def figures_of(metric: Metric, histograms: Histograms, least: int) -> list[Figure]:
    """The figure of each group; those of fewer than `least` answers are withheld."""
    found = []
    for group, histogram in histograms.items():
        score = score_of(metric, group.scale, histogram)
        found.append(Figure(group, score if score.n >= least else None))
    return found


def compare(one: Score, other: Score, level: float = LEVEL) -> Comparison:
    """One score against another of the same metric and scale."""
    if one.score is None or other.score is None:
        return Comparison(other, None, None, level)
    return Comparison(other, one.score - other.score, difference_of(one, other, level), level)


def against_the_period_before(
    figures: Iterable[Figure], earlier: Iterable[Figure], granularity: Granularity | None
) -> list[Figure]:
    """Each figure against that of the same group one period earlier, which stands in `earlier` if it has answers."""
    before = {figure.group: figure for figure in earlier}
    found = []
    for figure in figures:
        other = before.get(_one_earlier(figure.group, granularity))
        score = other.score if other else None
        is_withheld = other is not None and score is None
        found.append(replace(_against(figure, score), other_is_withheld=is_withheld))
    return found


def against_a_group(figures: Iterable[Figure], baseline: tuple[str | None, ...]) -> list[Figure]:
    """Each figure against that of the group `baseline` on the same scale and in the same period."""
    figures = list(figures)
    of = {(figure.group.scale, figure.group.label): figure.score for figure in figures if figure.group.keys == baseline}
    return [
        figure if figure.group.keys == baseline else _against(figure, of.get((figure.group.scale, figure.group.label)))
        for figure in figures
    ]


def ranked(figures: Iterable[Figure], least: int, wholes: Histograms | None = None) -> list[Figure]:
    """Figures with their place in the table of their scale and period, each against the rest of that table.

    Withheld ones have no place, and are in nobody's rest. Where groups overlap, `wholes` has all answers of each
    table: without them, those in two groups would count twice.
    """
    tables: defaultdict[tuple[str, datetime | None], list[Figure]] = defaultdict(list)
    for figure in figures:
        tables[figure.group.scale, figure.group.label].append(figure)
    return [
        figure
        for (scale, label), table in tables.items()
        for figure in _ranked_table(table, least, (wholes or {}).get(Group(scale, label, ())))
    ]


def _ranked_table(table: list[Figure], least: int, whole: Counter[int] | None) -> list[Figure]:
    shown = [(figure, figure.score) for figure in table if figure.score is not None and figure.score.n]
    total = Counter(whole or {})
    if whole is None:
        for _, score in shown:
            total.update(score.distribution)
    level = corrected_level(len(shown))
    scores = [score.score or 0.0 for _, score in shown]
    placed = []
    for figure, score in shown:
        rest = score_of(score.metric, score.scale, total - Counter(score.distribution))
        rank = 1 + sum(other > (score.score or 0.0) for other in scores)
        against = compare(score, rest, level) if rest.n >= max(1, least) else None
        placed.append(replace(figure, against=against, rank=rank))
    return placed + [figure for figure in table if figure.score is None]


def _against(figure: Figure, other: Score | None) -> Figure:
    if figure.score is None or other is None:
        return figure
    return replace(figure, against=compare(figure.score, other))


def _one_earlier(group: Group, granularity: Granularity | None) -> Group:
    if granularity is None or group.label is None:
        return group
    return group._replace(label=shifted(group.label, granularity, -1))
