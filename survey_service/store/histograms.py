"""Histograms are read: what is wanted comes in; how often each value was given goes out, by scale, period and group.

Two sources say the same: the cells of the rollups, and the responses themselves, of which only so many are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from survey_service.calendars.buckets import Granularity, Stretch
from survey_service.errors import InvalidInput
from survey_service.models.rollup import LISTED, SINGLE_DIMENSIONS, TOPIC, TOPICS, Cube, Span
from survey_service.store.database import Database
from survey_service.store.rollups import DAY, HOUR

MOST_ANSWERS = 200_000  # responses that one question may read
MOST_GROUPS = 50_000  # rows of one answer, before they are put on pages
_VALUES = range(11)  # of all scales
_COLUMNS = ("survey", "question")  # stand in every cell


class Group(NamedTuple):
    """What a figure is of; `label` is None without a granularity, `keys` are in the order that was asked for."""

    scale: str
    label: datetime | None
    keys: tuple[str | None, ...]


Histograms = dict[Group, Counter[int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric in [start, end), grouped `by` dimensions, of those answers alone that match `only`.

    Dimensions are called as in the rollups; `survey` and `question` may stand beside them.
    """

    metric: str
    start: datetime
    end: datetime
    by: tuple[str, ...] = ()
    only: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    granularity: Granularity | None = None
    clock: Sequence[Stretch] = ()

    @property
    def dimensions(self) -> frozenset[str]:
        """Everything that is grouped or filtered by, but survey and question."""
        return (frozenset(self.by) | self.only.keys()) - set(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Cover:
    """Which cells add up to a time: whole days, but the hours of `edges`, days in which something begins or ends.

    `edges` is None where days are of no use.
    """

    edges: Collection[datetime] | None


async def read_rollups(database: Database, wanted: Wanted, cube: Cube, cover: Cover) -> Histograms:
    """What the cells of a cube say; its dimensions are those that are wanted.

    Raises:
        InvalidInput: more groups than one answer may have.
    """
    names = {name: f"$cells.{'ab'[place]}" for place, name in enumerate(cube)} | {name: f"${name}" for name in _COLUMNS}
    match = {"cube": "+".join(cube), "metric": wanted.metric, **_cells_of(wanted, cover)}
    match |= {name: {"$in": list(wanted.only[name])} for name in _COLUMNS if name in wanted.only}
    which = [
        {"$in": [f"$$this.{'ab'[place]}", {"$literal": list(wanted.only[name])}]}
        for place, name in enumerate(cube)
        if name in wanted.only
    ]
    cells: Any = {"$filter": {"input": "$cells", "cond": {"$and": which}}} if which else 1
    shown = {"_id": 0, "scale": 1, **dict.fromkeys(_COLUMNS, 1), "cells": cells}
    keys = {f"k{place}": names[name] for place, name in enumerate(wanted.by)}
    sums = {f"v{value}": {"$sum": {"$arrayElemAt": ["$cells.v", value]}} for value in _VALUES}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": match},
        {"$project": {**shown, "label": label_expression("$start", wanted)}},
        {"$unwind": "$cells"},
        {"$group": {"_id": {"scale": "$scale", "label": "$label", **keys}, **sums}},
        {"$limit": MOST_GROUPS + 1},
    ]
    found: Histograms = {}
    async for document in database["rollups"].aggregate(pipeline, batchSize=5_000):
        of = document["_id"]
        group = Group(of["scale"], of["label"], tuple(of.get(f"k{place}") for place in range(len(wanted.by))))
        found[group] = Counter({value: document[f"v{value}"] for value in _VALUES if document[f"v{value}"]})
    _check_groups(found)
    return found


async def read_facts(database: Database, wanted: Wanted) -> AsyncIterator[tuple[datetime | None, dict[str, Any], int]]:
    """What responses that may match say, by combination: the label, the facts, and how many responses share both.

    Filters by fixed dimensions have been applied, those by dimensions that surveys list have not.

    Raises:
        InvalidInput: more responses than one answer may read.
    """
    match: dict[str, Any] = {"started_at": {"$gte": wanted.start, "$lt": wanted.end}}
    fixed = {"survey", *SINGLE_DIMENSIONS} & wanted.only.keys()
    match |= {name: {"$in": list(wanted.only[name])} for name in fixed}
    if TOPIC in wanted.only:
        match[TOPICS] = topics_among(wanted.only[TOPIC])
    if await database["responses"].count_documents(match, limit=MOST_ANSWERS + 1) > MOST_ANSWERS:
        raise too_many_answers(MOST_ANSWERS)
    needed = {name.removeprefix(LISTED): name for name in wanted.dimensions if name.startswith(LISTED)}
    facts: dict[str, Any] = {name: f"${name}" for name in ("survey", "suspect", "status", "scores", "measures")}
    facts |= {name: f"${name}" for name in wanted.dimensions if name in SINGLE_DIMENSIONS}
    facts |= {TOPICS: f"${TOPICS}"} if TOPIC in wanted.dimensions else {}
    facts |= {"dimensions": {name: f"${path}" for name, path in needed.items()}}
    grouped = {"_id": {"label": label_expression("$started_at", wanted), "facts": facts}, "n": {"$sum": 1}}
    async for document in database["responses"].aggregate([{"$match": match}, {"$group": grouped}], batchSize=5_000):
        yield document["_id"]["label"], document["_id"]["facts"], document["n"]


def topics_among(wanted: Collection[str | None]) -> dict[str, Any]:
    """The condition on a response's list of topics: it holds one of these, None: it is empty."""
    none: list[Any] = [None, []] if None in wanted else []
    return {"$in": [*none, *filter(None, wanted)]}


async def oldest_cell(database: Database, metric: str) -> datetime | None:
    """The first day with an answer on a metric; None if there is none."""
    of_metric = {"cube": "", "metric": metric, "span": Span.DAY}
    document = await database["rollups"].find_one(of_metric, {"start": 1}, sort=[("start", 1)])
    return document["start"] if document else None


async def knows_dimension(database: Database, name: str) -> bool:
    """Whether anything was ever counted by a dimension."""
    return await database["rollups"].find_one({"cube": name}, {"_id": 1}) is not None


def too_many_answers(most: int) -> InvalidInput:
    """What is asked for would read more rows than one question may."""
    message = f"more than {most:,} rows would have to be read: shorten the period, or name fewer dimensions"
    return InvalidInput.at("/from", "too_many_rows", message)


def _check_groups(found: Mapping[Group, Any]) -> None:
    if len(found) > MOST_GROUPS:
        message = f"the answer has more than {MOST_GROUPS:,} rows: shorten the period, or choose longer ones"
        raise InvalidInput.at("/group_by", "too_many_groups", message)


def _cells_of(wanted: Wanted, cover: Cover) -> dict[str, Any]:
    time = {"$gte": wanted.start, "$lt": wanted.end}
    if cover.edges is None:
        return {"span": Span.HOUR, "start": time}
    hours = [hour for hour in _hours_of(cover.edges) if wanted.start <= hour < wanted.end]
    days = {"span": Span.DAY, "start": {**time, "$nin": list(cover.edges)}}
    return {"$or": [days, {"span": Span.HOUR, "start": {"$in": hours}}]} if hours else days


def _hours_of(days: Iterable[datetime]) -> list[datetime]:
    return [day + number * HOUR for day in days for number in range(DAY // HOUR)]


def label_expression(instant: str, wanted: Wanted) -> dict[str, Any]:
    """The label (see `calendars/buckets.py`) of the bucket of an instant, as an expression over a field."""
    if wanted.granularity is None:
        return {"$literal": None}
    *changes, last = wanted.clock
    offset: Any = _milliseconds(last)
    if changes:
        branches = [{"case": {"$lt": [instant, one.until]}, "then": _milliseconds(one)} for one in changes]
        offset = {"$switch": {"branches": branches, "default": offset}}
    monday = {"startOfWeek": "monday"} if wanted.granularity is Granularity.WEEK else {}
    local = {"date": {"$add": [instant, offset]}, "unit": wanted.granularity.value, **monday}
    label = {"$dateTrunc": local}
    return {"$subtract": [label, offset]} if wanted.granularity is Granularity.HOUR else label


def _milliseconds(stretch: Stretch) -> int:
    return round(stretch.offset.total_seconds() * 1000)
