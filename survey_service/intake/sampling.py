"""Sampling: (trigger, event) or (trigger, customer) go in; the same share or variant comes out every time. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import log
from typing import Protocol, TypeVar


class Weighted(Protocol):
    """Something with a name that is chosen in proportion to its weight, which is positive."""

    @property
    def name(self) -> str: ...  # noqa: D102 -- the name says it

    @property
    def weight(self) -> float: ...  # noqa: D102 -- the name says it


WeightedT = TypeVar("WeightedT", bound=Weighted)


def share(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone: 53 bits of their SHA-256."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def in_sample(sample: float, trigger: str, event: str) -> bool:
    """Whether this event is among the share `sample` that a trigger asks about."""
    return share("sample", trigger, event) < sample


def choose_variant(variants: Sequence[WeightedT], trigger: str, customer: str) -> WeightedT | None:
    """The variant of a customer, whatever the order of the variants; None without variants.

    Each variant draws a lot of its own for each customer, and the smallest one wins (weighted rendezvous hashing,
    https://en.wikipedia.org/wiki/Rendezvous_hashing). So a changed, new or removed variant moves customers to it or
    away from it, and none between the others.
    """
    return min(variants, key=lambda variant: _lot(variant, trigger, customer), default=None)


def _lot(variant: Weighted, trigger: str, customer: str) -> float:
    """Exponentially distributed with the weight as its rate, so that the smallest is drawn in proportion to weight."""
    return -log(1.0 - share("variant", trigger, variant.name, customer)) / variant.weight
