"""Scores and their intervals: against published examples, each named where it is used."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.reporting.intervals import (
    Interval,
    Sample,
    mean_interval,
    newcombe,
    normal_quantile,
    student_quantile,
    welch,
    wilson,
)
from survey_service.reporting.metric_rows import rate_columns
from survey_service.reporting.scores import Metric, Score, corrected_level, difference_of, sample_of, score_of

SCALES: list[tuple[Metric, str]] = [
    ("nps", "0-10"),
    ("csat", "1-5"),
    ("csat", "1-10"),
    ("csat", "yes-no"),
    ("ces", "1-7"),
]
histograms = st.dictionaries(st.integers(0, 10), st.integers(0, 500))


def rounded(interval: Interval | None, digits: int) -> tuple[float, float] | None:
    return None if interval is None else (round(interval.low, digits), round(interval.high, digits))


@pytest.mark.parametrize(
    ("degrees", "level", "quantile"),
    [  # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2
        (1, 0.95, 12.706),
        (2, 0.95, 4.303),
        (10, 0.95, 2.228),
        (30, 0.95, 2.042),
        (100, 0.95, 1.984),
        (5, 0.99, 4.032),
        (20, 0.90, 1.725),
    ],
)
def test_quantiles_of_students_distribution_are_those_of_the_tables(
    degrees: int, level: float, quantile: float
) -> None:
    assert student_quantile(degrees, level) == pytest.approx(quantile, abs=0.0005)


def test_with_many_degrees_student_becomes_normal() -> None:
    assert student_quantile(1e7) == pytest.approx(normal_quantile(), abs=1e-6)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_shares_have_wilsons_interval(successes: int, n: int, low: float, high: float) -> None:
    assert rounded(wilson(successes, n), 4) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_of_shares_have_newcombes_interval(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    assert rounded(newcombe(*one, *other), 4) == (low, high)


def test_means_have_students_interval() -> None:
    # NIST/SEMATECH e-Handbook, 1.3.5.2, ZARR13.DAT: n 195, mean 9.261460, s 0.022789, limits 9.258242 and 9.264679
    interval = mean_interval(Sample(195, 9.261460, 0.022789**2))
    assert rounded(interval, 5) == (9.25824, 9.26468)


# Student's ten patients, as R documents them: `datasets::sleep`; hours of sleep gained with two drugs
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def sample(values: list[float]) -> Sample:
    return Sample(len(values), statistics.fmean(values), statistics.variance(values))


def test_a_few_numbers_have_the_intervals_that_r_prints() -> None:
    # The examples of R's `t.test`: by default Welch's (df = 17.776), and paired, which is that of the differences
    one, other = SLEEP
    gained = [first - second for first, second in zip(one, other, strict=True)]
    assert rounded(welch(sample(one), sample(other)), 7) == (-3.3654832, 0.2054832)
    assert rounded(mean_interval(sample(gained)), 7) == (-2.4598858, -0.7001142)


def test_differences_of_means_have_welchs_interval() -> None:
    # NIST/SEMATECH e-Handbook, 1.3.5.3, AUTO83B.DAT: 20.14458 (s 6.41470, n 249) and 30.48101 (s 6.10771, n 79),
    # unequal variances: T = -12.94627 with 136.8750 degrees of freedom
    interval = welch(Sample(249, 20.14458, 6.41470**2), Sample(79, 30.48101, 6.10771**2))
    assert interval is not None
    difference, reach = 20.14458 - 30.48101, (interval.high - interval.low) / 2
    assert (interval.high + interval.low) / 2 == pytest.approx(difference)
    assert reach == pytest.approx(student_quantile(136.8750) * difference / -12.94627, rel=1e-4)


def test_an_nps_has_the_adjusted_wald_interval() -> None:
    # The design's own example: 60 promoters, 38 passives, 22 detractors
    score = score_of("nps", "0-10", {10: 60, 8: 38, 3: 22})
    assert score.counts == {"promoters": 60, "passives": 38, "detractors": 22}
    assert score.score == pytest.approx(31.667, abs=0.001)
    assert rounded(score.interval, 1) == (17.4, 44.4)


def made_up(promoters: int, passives: int, detractors: int) -> tuple[float, float]:
    """Mean and squared standard error of these answers and of three more: 3/4, 1 1/2 and 3/4 of them.

    Rocks 2016, "Interval estimation for the 'Net Promoter Score'", and his R package NPS (`adjusted.wald`); Lewis and
    Sauro 2021, "Confidence intervals for Net Promoter Scores". All counts are taken four times, so that they are whole.
    """
    values = [1] * (4 * promoters + 3) + [0] * (4 * passives + 6) + [-1] * (4 * detractors + 3)
    return statistics.fmean(values), statistics.pvariance(values) / (promoters + passives + detractors + 3)


NPS_COUNTS = [(60, 38, 22), (1, 0, 0), (0, 5, 0), (3, 2, 9), (16, 8, 12), (0, 1, 20)]


def nps_of(promoters: int, passives: int, detractors: int) -> Score:
    return score_of("nps", "0-10", {9: promoters, 7: passives, 2: detractors})


@pytest.mark.parametrize("counts", NPS_COUNTS)
def test_an_nps_has_walds_interval_of_its_answers_and_three_made_up_ones(counts: tuple[int, int, int]) -> None:
    mean, square = made_up(*counts)
    reach = normal_quantile() * math.sqrt(square)
    interval = nps_of(*counts).interval
    assert interval is not None
    assert interval.low == pytest.approx(max(-100, 100 * (mean - reach)))
    assert interval.high == pytest.approx(min(100, 100 * (mean + reach)))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(NPS_COUNTS, 2)))
def test_two_nps_differ_by_what_their_adjusted_answers_do(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    # Lewis and Sauro 2021, "How to statistically compare two Net Promoter Scores"
    (mean, square), (other_mean, other_square) = made_up(*one), made_up(*other)
    reach = normal_quantile() * math.sqrt(square + other_square)
    interval = difference_of(nps_of(*one), nps_of(*other))
    assert interval is not None
    assert interval.low == pytest.approx(max(-200, 100 * (mean - other_mean - reach)))
    assert interval.high == pytest.approx(min(200, 100 * (mean - other_mean + reach)))


def test_satisfied_shares_differ_by_newcombes_interval_in_percent() -> None:
    # The first example of Newcombe's table II, 56 of 70 and 48 of 80
    one, other = score_of("csat", "1-5", {5: 50, 4: 6, 1: 14}), score_of("csat", "1-5", {4: 48, 3: 32})
    assert rounded(difference_of(one, other), 2) == (5.24, 33.39)


@pytest.mark.parametrize(
    ("metric", "scale", "histogram", "score"),
    [
        ("nps", "0-10", {10: 1}, 100.0),
        ("nps", "0-10", {6: 1}, -100.0),
        ("nps", "0-10", {7: 3, 8: 4}, 0.0),
        ("csat", "1-5", {5: 1, 4: 1, 3: 1, 1: 1}, 50.0),
        ("csat", "1-10", {10: 1, 9: 1, 8: 2}, 50.0),
        ("csat", "yes-no", {1: 3, 0: 1}, 75.0),
        ("ces", "1-7", {7: 1, 6: 1, 2: 1}, 5.0),
    ],
)
def test_scores_are_what_the_design_says(metric: Metric, scale: str, histogram: dict[int, int], score: float) -> None:
    assert score_of(metric, scale, histogram).score == pytest.approx(score)


@pytest.mark.parametrize(("metric", "scale"), SCALES)
def test_without_answers_there_is_no_figure(metric: Metric, scale: str) -> None:
    empty = score_of(metric, scale, {})
    assert (empty.n, empty.score, empty.interval) == (0, None, None)
    assert set(empty.distribution.values()) == {0}
    assert difference_of(empty, score_of(metric, scale, {1: 5})) is None


def test_one_answer_makes_a_mean_without_an_interval() -> None:
    one = score_of("ces", "1-7", {5: 1})
    assert (one.score, one.interval, one.share) == (5.0, None, 100.0)
    assert one.share_interval is not None


@pytest.mark.parametrize(("metric", "scale"), SCALES)
@given(histogram=histograms)
def test_every_interval_holds_its_score_and_stays_on_the_scale(
    metric: Metric, scale: str, histogram: dict[int, int]
) -> None:
    figure = score_of(metric, scale, histogram)
    if figure.score is None or figure.interval is None or (metric == "nps" and figure.n == 1):
        return  # one answer weighs less than the three made-up ones: its NPS of 100 has an interval up to 98.5
    low, high = (-100.0, 100.0) if metric == "nps" else (1.0, 7.0) if metric == "ces" else (0.0, 100.0)
    assert low <= figure.interval.low <= figure.score + 1e-9
    assert figure.score - 1e-9 <= figure.interval.high <= high
    assert figure.n == sum(figure.distribution.values()) == sum(figure.counts.values())


@given(histogram=histograms)
def test_a_histogram_has_the_mean_and_variance_of_its_values(histogram: dict[int, int]) -> None:
    values = [value for value, count in histogram.items() for _ in range(count)]
    sample = sample_of(histogram)
    assert sample.n == len(values)
    if values:
        assert sample.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    if len(values) > 1:
        assert sample.variance == pytest.approx(statistics.variance(values), abs=1e-9)


@pytest.mark.parametrize(("metric", "scale"), SCALES)
@given(one=histograms, other=histograms)
def test_a_difference_turned_round_is_the_same_with_the_other_sign(
    metric: Metric, scale: str, one: dict[int, int], other: dict[int, int]
) -> None:
    first, second = score_of(metric, scale, one), score_of(metric, scale, other)
    there, back = difference_of(first, second), difference_of(second, first)
    if there is None or back is None:
        assert there == back
        return
    assert (there.low, there.high) == (pytest.approx(-back.high, abs=1e-9), pytest.approx(-back.low, abs=1e-9))


def test_scores_of_two_scales_have_no_difference() -> None:
    with pytest.raises(ValueError, match="two metrics or scales"):
        difference_of(score_of("csat", "1-5", {5: 1}), score_of("csat", "1-10", {9: 1}))


def test_many_comparisons_ask_for_more_certainty_each() -> None:
    assert corrected_level(1) == pytest.approx(0.95)
    assert corrected_level(10) == pytest.approx(0.995)
    assert math.isclose(corrected_level(0), 0.95)


@pytest.mark.parametrize(
    ("part", "of", "rate", "has_interval"),
    [(1, 4, 25.0, True), (0, 4, 0.0, True), (5, 4, 125.0, False), (None, 4, None, False), (0, 0, None, False)],
)
def test_a_rate_has_an_interval_where_it_is_a_share(
    part: int | None, of: int, rate: float | None, has_interval: bool
) -> None:
    columns = rate_columns("rate", part, of)
    assert columns["rate"] == rate
    assert (columns["rate_ci_low"] is not None, columns["rate_ci_high"] is not None) == (has_interval, has_interval)
