"""Confidence intervals: counts, means and variances come in; intervals go out. Pure.

Shares lie between 0 and 1 throughout; `level` is the confidence, 0.95 unless told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def clipped(self, low: float, high: float) -> Interval:
        """The part of it that lies between `low` and `high`."""
        return Interval(min(max(self.low, low), high), min(max(self.high, low), high))

    @property
    def holds_zero(self) -> bool:
        """Whether a difference of nothing is among what is plausible: the two may well be the same."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a group of numbers: how many, their mean, and their variance (n - 1 in the denominator)."""

    n: int
    mean: float
    variance: float


@lru_cache(maxsize=64)
def normal_quantile(level: float = LEVEL) -> float:
    """z of a two-sided interval: 1.96 at 0.95."""
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


@lru_cache(maxsize=4096)
def student_quantile(degrees: float, level: float = LEVEL) -> float:
    """t of a two-sided interval with `degrees` of freedom (at least 1), by inverting the distribution itself.

    The distribution is the regularised incomplete beta function (Abramowitz and Stegun 26.7.1), which is bisected.
    """
    tail = 1.0 - level
    low, high = 0.0, 1.0
    while _student_tail(high, degrees) > tail:
        high *= 2.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2.0
        if _student_tail(middle, degrees) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """The interval of a share (Wilson 1927), n at least 1."""
    z = normal_quantile(level)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the exact value is 0 or 1; the sum above misses it by rounding.
    low = 0.0 if successes == 0 else centre - reach
    high = 1.0 if successes == n else centre + reach
    return Interval(low, high)


def newcombe(one: int, of_one: int, other: int, of_other: int, level: float = LEVEL) -> Interval:
    """The interval of the first share minus the second, from Wilson's of both (Newcombe 1998, method 10)."""
    first, second = one / of_one, other / of_other
    a, b = wilson(one, of_one, level), wilson(other, of_other, level)
    difference = first - second
    low = difference - math.hypot(first - a.low, b.high - second)
    high = difference + math.hypot(a.high - first, second - b.low)
    return Interval(low, high)


def mean_interval(sample: Sample, level: float = LEVEL) -> Interval | None:
    """The t interval of a mean; None for fewer than two numbers."""
    if sample.n < 2:
        return None
    reach = student_quantile(sample.n - 1, level) * math.sqrt(sample.variance / sample.n)
    return Interval(sample.mean - reach, sample.mean + reach)


def welch(one: Sample, other: Sample, level: float = LEVEL) -> Interval | None:
    """The interval of the first mean minus the second (Welch 1947); None where one has fewer than two numbers."""
    if one.n < 2 or other.n < 2:
        return None
    a, b = one.variance / one.n, other.variance / other.n
    difference = one.mean - other.mean
    if a + b == 0.0:
        return Interval(difference, difference)
    degrees = (a + b) ** 2 / (a * a / (one.n - 1) + b * b / (other.n - 1))
    reach = student_quantile(degrees, level) * math.sqrt(a + b)
    return Interval(difference - reach, difference + reach)


def _student_tail(t: float, degrees: float) -> float:
    """The probability of more than `t` from zero on either side."""
    return _incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) by its continued fraction (DLMF 8.17.22), on the side where that converges fast."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of DLMF 8.17.22, by the method of Lentz."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or tiny)
    value = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or tiny)
            c = 1.0 + term / c or tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value
