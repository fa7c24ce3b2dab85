"""Sampling: shares are even, fixed, and know nothing of one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from survey_service.intake.sampling import choose_variant, in_sample, share
from survey_service.models.trigger import Variant

EVENTS = [f"evt_{number}" for number in range(6_000)]
CUSTOMERS = [f"cus_{number}" for number in range(6_000)]


def variants(**weights: float) -> list[Variant]:
    return [Variant(name=name, weight=weight) for name, weight in weights.items()]


def chosen(of: Sequence[Variant], trigger: str = "after-delivery") -> list[str]:
    """The name of each customer's variant."""
    return [variant.name for customer in CUSTOMERS if (variant := choose_variant(of, trigger, customer))]


def chi_square(counts: Sequence[int], expected: Sequence[float]) -> float:
    return sum((count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True))


def test_shares_spread_evenly() -> None:
    counts = Counter(int(share("sample", "after-delivery", event) * 100) for event in EVENTS)
    # 99 degrees of freedom: one even spread in a thousand lies above 148.2.
    assert chi_square([counts[slot] for slot in range(100)], [len(EVENTS) / 100] * 100) < 148.2


def test_a_share_depends_on_its_parts_and_on_where_they_end() -> None:
    assert share("a", "b") == share("a", "b")
    assert len({share("a", "b"), share("ab"), share("a", "b", ""), share("b", "a")}) == 4


def test_a_share_is_the_same_in_every_process() -> None:
    # printf 'sample\\0after-delivery\\0evt_1' | sha256sum, its first 53 bits as a fraction
    assert share("sample", "after-delivery", "evt_1") == int("ef5ecf92fc54e", 16) / 2**52


@pytest.mark.parametrize(("sample", "expected"), [(0.0, 0), (1.0, len(EVENTS))])
def test_nobody_and_everybody_are_exact(sample: float, expected: int) -> None:
    assert sum(in_sample(sample, "after-delivery", event) for event in EVENTS) == expected


@pytest.mark.parametrize("sample", [0.01, 0.1, 0.5, 0.9])
def test_a_sample_holds_its_share_of_events(sample: float) -> None:
    inside = sum(in_sample(sample, "after-delivery", event) for event in EVENTS)
    # Four standard deviations.
    assert abs(inside - sample * len(EVENTS)) < 4 * (len(EVENTS) * sample * (1 - sample)) ** 0.5


def test_a_larger_sample_keeps_everybody_of_a_smaller_one() -> None:
    small, large = ({event for event in EVENTS if in_sample(size, "t", event)} for size in (0.1, 0.2))
    assert small < large


def test_two_triggers_draw_apart() -> None:
    counts = Counter((in_sample(0.5, "one", event), in_sample(0.5, "other", event)) for event in EVENTS)
    # 3 degrees of freedom: one in a thousand lies above 16.3.
    assert chi_square(list(counts.values()), [len(EVENTS) / 4] * 4) < 16.3


def test_a_sample_and_a_variant_draw_apart() -> None:
    of = variants(a=1, b=1)
    counts = Counter((in_sample(0.5, "t", name), choose_variant(of, "t", name) == of[0]) for name in CUSTOMERS)
    assert chi_square(list(counts.values()), [len(CUSTOMERS) / 4] * 4) < 16.3


def test_without_variants_there_is_none() -> None:
    assert choose_variant([], "after-delivery", "cus_1") is None


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (0.2, 0.3, 0.5), (1000, 10), (5, 4, 3, 2, 1)])
def test_variants_are_chosen_in_proportion_to_their_weights(weights: tuple[float, ...]) -> None:
    names = "abcde"[: len(weights)]
    counts = Counter(chosen(variants(**dict(zip(names, weights, strict=True)))))
    expected = [weight / sum(weights) * len(CUSTOMERS) for weight in weights]
    # Up to 4 degrees of freedom: one in a thousand lies above 18.5.
    assert chi_square([counts[name] for name in names], expected) < 18.5


def test_a_customer_keeps_a_variant_whatever_their_order() -> None:
    assert chosen(variants(a=1, b=2, c=3)) == chosen(variants(c=3, a=1, b=2))


def test_variants_of_two_triggers_are_drawn_apart() -> None:
    of = variants(a=1, b=1)
    counts = Counter(zip(chosen(of, "one"), chosen(of, "other"), strict=True))
    assert chi_square(list(counts.values()), [len(CUSTOMERS) / 4] * 4) < 16.3


@pytest.mark.parametrize(
    ("after", "moves"),
    [
        ({"a": 1, "b": 1, "c": 2}, {("a", "c"), ("b", "c")}),  # a heavier one only gains
        ({"a": 1, "b": 1, "c": 0.5}, {("c", "a"), ("c", "b")}),  # a lighter one only loses
        ({"a": 1, "b": 1, "c": 1, "d": 1}, {("a", "d"), ("b", "d"), ("c", "d")}),  # a new one takes from each
        ({"b": 1, "c": 1}, {("a", "b"), ("a", "c")}),  # one that is gone gives to each
        ({"a": 10, "b": 10, "c": 10}, set()),  # only proportions count
    ],
)
def test_a_change_of_weights_moves_nobody_between_the_other_variants(
    after: dict[str, float], moves: set[tuple[str, str]]
) -> None:
    pairs = zip(chosen(variants(a=1, b=1, c=1)), chosen(variants(**after)), strict=True)
    assert {(old, new) for old, new in pairs if old != new} == moves
