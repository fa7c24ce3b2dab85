"""Sums of rows come in; what they are together, by period and group, goes out: rates, quartiles, costs. Pure.

Region and journey stage are those that a touchpoint has now, where the rows do not keep their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import quantiles
from typing import Any

from survey_service.models.rollup import text_of
from survey_service.models.touchpoint import Touchpoint
from survey_service.reporting.intervals import wilson
from survey_service.reporting.scores import Metric, score_of
from survey_service.store.histograms import Group, Wanted
from survey_service.store.journeys import Sums

OF_PLACES = frozenset({"region", "journey_stage"})
_METRICS: Mapping[str, Metric] = {"nps": "nps", "csat": "csat", "ces": "ces"}


@dataclass(slots=True)
class Folded:
    """What the rows of one period and group are together; `by_extra` holds them by a dimension beside the group."""

    numbers: Counter[str] = field(default_factory=Counter)
    by_extra: defaultdict[tuple[Any, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: list[float] = field(default_factory=list)


def with_places(wanted: Wanted, places: Mapping[str, Touchpoint]) -> Wanted:
    """The same question to rows that keep a touchpoint and not its region: they are asked for the touchpoint."""
    if not OF_PLACES & wanted.dimensions:
        return wanted
    by = tuple(dict.fromkeys("touchpoint" if name in OF_PLACES else name for name in wanted.by))
    only = {name: values for name, values in wanted.only.items() if name not in OF_PLACES}
    chosen = {name: values for name, values in wanted.only.items() if name in OF_PLACES}
    if chosen and not any(None in values for values in chosen.values()):
        there = {name for name, row in places.items() if all(getattr(row, one) in chosen[one] for one in chosen)}
        only["touchpoint"] = frozenset(there & only["touchpoint"] if "touchpoint" in only else there)
    asked = by if "touchpoint" in {*by, *only} else (*by, "touchpoint")
    return replace(wanted, by=asked, only=only)


def fold(
    rows: Iterable[Sums], wanted: Wanted, places: Mapping[str, Touchpoint], extra: Sequence[str] = ()
) -> dict[Group, Folded]:
    """Rows by period and group, those that match; `extra` are more dimensions that they are told apart by."""
    found: defaultdict[Group, Folded] = defaultdict(Folded)
    for row in rows:
        values = {name: text_of(value) for name, value in row.dimensions.items()}
        if OF_PLACES & wanted.dimensions and not values.keys() >= OF_PLACES:
            place = places.get(values.get("touchpoint") or "")
            values = {"region": place.region if place else None} | values
            values = {"journey_stage": place.journey_stage if place else None} | values
        if not all(values.get(name) in allowed for name, allowed in wanted.only.items()):
            continue
        group = found[Group("", row.label, tuple(values.get(name) for name in wanted.by))]
        for name, number in row.numbers.items():
            if name != "seconds":
                group.numbers[name] += number
                group.by_extra[tuple(row.dimensions.get(one) for one in extra)][name] += number
            elif number is not None:
                group.seconds.append(number)
    return dict(found)


def running_totals(changes: Mapping[Group, Folded], labels: Sequence[datetime | None]) -> dict[Group, Counter[str]]:
    """How many there are at the end of each period, of changes in it; groups of which there are none are left out."""
    found: dict[Group, Counter[str]] = {}
    for keys in {group.keys for group in changes}:
        total = Counter[str]()
        for label in labels:
            group = Group("", label, keys)
            if group in changes:
                total.update(changes[group].numbers)
            if any(total.values()):
                found[group] = Counter(total)
    return found


def can_tell(wanted: Wanted, known: Collection[str]) -> bool:
    """Whether rows with these dimensions can answer; a touchpoint tells its region and stage."""
    more = OF_PLACES if "touchpoint" in known else frozenset[str]()
    return {*wanted.by, *wanted.only} <= {*known, *more}


def quartiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """Median and quartiles, of the values themselves (linear interpolation between neighbours)."""
    names = ("p25_seconds", "median_seconds", "p75_seconds")
    if not seconds:
        return dict.fromkeys(names)
    values = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 3
    return dict(zip(names, values, strict=True))


def band_of(metric: str, scale: str, score: int) -> str | None:
    """The band that a score lies in, as its metric counts it: `promoters`, `others`; None for an unknown metric."""
    known = _METRICS.get(metric)
    if known is None:
        return None
    return next(name for name, count in score_of(known, scale, {score: 1}).counts.items() if count)


def return_rate(returned: int, answers: int) -> dict[str, float | None]:
    """The share that came back, in %, with Wilson's interval."""
    if answers == 0:
        return {"return_rate": None, "ci_low": None, "ci_high": None}
    interval = wilson(returned, answers)
    return {
        "return_rate": 100 * returned / answers,
        "ci_low": 100 * interval.low,
        "ci_high": 100 * interval.high,
    }
