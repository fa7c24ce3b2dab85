"""Scores: a histogram of answers comes in; NPS, CSAT or CES with n, counts, distribution and interval goes out. Pure.

DESIGN "Scores": scales are never pooled, and every figure carries its n and interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from survey_service.reporting.intervals import (
    LEVEL,
    Interval,
    Sample,
    mean_interval,
    newcombe,
    normal_quantile,
    welch,
    wilson,
)

Metric = Literal["nps", "csat", "ces"]
Histogram = Mapping[int, int]  # how often each value was given

# By scale, the lowest value that counts as satisfied.
_SATISFIED_FROM = {"1-5": 4, "1-10": 9, "yes-no": 1, "1-7": 5}
_PROMOTERS_FROM, _DETRACTORS_TO = 9, 6


@dataclass(frozen=True, slots=True)
class Score:
    """One figure.

    `score` is -100 to 100 for NPS, 0 to 100 for CSAT and the mean for CES; `interval` is on the same scale. Both are
    None where there are too few answers. `share` is CES's share of 5 to 7 in %, with its own interval.
    """

    metric: Metric
    scale: str
    n: int
    score: float | None
    interval: Interval | None
    counts: dict[str, int]
    distribution: dict[int, int] = field(default_factory=dict)
    share: float | None = None
    share_interval: Interval | None = None
    level: float = LEVEL


def score_of(metric: Metric, scale: str, histogram: Histogram, level: float = LEVEL) -> Score:
    """The figure of a histogram; `scale` is as answers are stored with it (`0-10`, `yes-no`)."""
    distribution = {value: histogram.get(value, 0) for value in _values(scale)}
    n = sum(distribution.values())
    match metric:
        case "nps":
            counts = nps_counts(distribution)
            score, interval = _nps(counts, n, level)
            return Score(metric, scale, n, score, interval, counts, distribution, level=level)
        case "csat":
            satisfied = _satisfied(scale, distribution)
            counts = {"satisfied": satisfied, "others": n - satisfied}
            share, interval = _share(satisfied, n, level)
            return Score(metric, scale, n, share, interval, counts, distribution, level=level)
        case "ces":
            agreeing = _satisfied(scale, distribution)
            counts = {"easy": agreeing, "others": n - agreeing}
            sample = sample_of(distribution)
            share, share_interval = _share(agreeing, n, level)
            low, high = min(distribution), max(distribution)
            interval = mean_interval(sample, level)
            clipped = interval.clipped(low, high) if interval else None
            mean = sample.mean if n else None
            return Score(metric, scale, n, mean, clipped, counts, distribution, share, share_interval, level)


def difference_of(one: Score, other: Score, level: float = LEVEL) -> Interval | None:
    """The interval of the first score minus the second, of one metric and scale; None where one has too few answers.

    Raises:
        ValueError: they are of two metrics or scales.
    """
    if (one.metric, one.scale) != (other.metric, other.scale):
        raise ValueError("scores of two metrics or scales have no difference")
    if not one.n or not other.n:
        return None
    match one.metric:
        case "nps":
            (a, variance_a), (b, variance_b) = _adjusted(one.counts, one.n), _adjusted(other.counts, other.n)
            reach = normal_quantile(level) * math.sqrt(variance_a / (one.n + 3) + variance_b / (other.n + 3))
            return Interval(100 * (a - b - reach), 100 * (a - b + reach)).clipped(-200.0, 200.0)
        case "csat":
            shares = newcombe(one.counts["satisfied"], one.n, other.counts["satisfied"], other.n, level)
            return Interval(100 * shares.low, 100 * shares.high)
        case "ces":
            return welch(sample_of(one.distribution), sample_of(other.distribution), level)


def corrected_level(comparisons: int, level: float = LEVEL) -> float:
    """The level of each of several comparisons that together hold with `level` (Bonferroni)."""
    return 1.0 - (1.0 - level) / max(1, comparisons)


def nps_counts(histogram: Histogram) -> dict[str, int]:
    """Promoters (9 and 10), passives and detractors (0 to 6)."""
    promoters = sum(count for value, count in histogram.items() if value >= _PROMOTERS_FROM)
    detractors = sum(count for value, count in histogram.items() if value <= _DETRACTORS_TO)
    passives = sum(histogram.values()) - promoters - detractors
    return {"promoters": promoters, "passives": passives, "detractors": detractors}


def sample_of(histogram: Histogram) -> Sample:
    """n, mean and variance of the values; zeros where there are none."""
    n = sum(histogram.values())
    if n == 0:
        return Sample(0, 0.0, 0.0)
    mean = math.fsum(value * count for value, count in histogram.items()) / n
    squares = math.fsum((value - mean) ** 2 * count for value, count in histogram.items())
    return Sample(n, mean, squares / (n - 1) if n > 1 else 0.0)


def _values(scale: str) -> range:
    if scale == "yes-no":
        return range(2)
    low, _, high = scale.partition("-")
    return range(int(low), int(high) + 1)


def _satisfied(scale: str, distribution: Histogram) -> int:
    return sum(count for value, count in distribution.items() if value >= _SATISFIED_FROM[scale])


def _share(count: int, n: int, level: float) -> tuple[float | None, Interval | None]:
    if n == 0:
        return None, None
    interval = wilson(count, n, level)
    return 100 * count / n, Interval(100 * interval.low, 100 * interval.high)


def _nps(counts: Mapping[str, int], n: int, level: float) -> tuple[float | None, Interval | None]:
    """Adjusted Wald: 3/4 added to promoters and detractors, both divided by n + 3 (Sauro and Lewis)."""
    if n == 0:
        return None, None
    middle, variance = _adjusted(counts, n)
    reach = normal_quantile(level) * math.sqrt(variance / (n + 3))
    interval = Interval(100 * (middle - reach), 100 * (middle + reach)).clipped(-100.0, 100.0)
    return 100 * (counts["promoters"] - counts["detractors"]) / n, interval


def _adjusted(counts: Mapping[str, int], n: int) -> tuple[float, float]:
    """The adjusted difference of the two shares, and its variance."""
    promoters = (counts["promoters"] + 0.75) / (n + 3)
    detractors = (counts["detractors"] + 0.75) / (n + 3)
    difference = promoters - detractors
    return difference, promoters + detractors - difference**2
