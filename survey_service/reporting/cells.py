"""Cells: what a response counts for comes in; the cells that it is counted in, and with which value, go out. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from survey_service.models.response import ResponseStatus
from survey_service.models.rollup import (
    LISTED,
    PAIRS,
    SINGLE_DIMENSIONS,
    TOPIC,
    TOPICS,
    VOLUME,
    Cube,
    Progress,
    text_of,
)


class Value(NamedTuple):
    """One number that was given, and where it belongs; of the volume `question` and `scale` are empty."""

    question: str
    metric: str
    scale: str
    value: int


class Place(NamedTuple):
    """One number in one cell of a cube; `keys` are the values of the cube's dimensions."""

    cube: Cube
    keys: tuple[str | None, ...]
    given: Value


def values_of(facts: Mapping[str, Any]) -> list[Value]:
    """What a response counts for: every score, unless it is suspect, and how far it came."""
    if facts.get("suspect") is not None:
        return [Value("", VOLUME, "", Progress.SUSPECT)]
    finished = facts.get("status") == ResponseStatus.FINISHED
    progress = Value("", VOLUME, "", Progress.FINISHED if finished else Progress.STARTED)
    measures = facts.get("measures") or {}
    scores = facts.get("scores") or {}
    return [
        progress,
        *(
            Value(question, measure["metric"], measure["scale"], scores[question])
            for question, measure in measures.items()
            if question in scores
        ),
    ]


def dimensions_of(facts: Mapping[str, Any]) -> dict[str, tuple[str | None, ...]]:
    """Every dimension of a response with its values: the fixed ones, and those that its survey lists.

    All but the topics have one value; what lacks a dimension has None there.
    """
    listed = facts.get("dimensions") or {}
    return {
        **{name: (text_of(facts.get(name)),) for name in SINGLE_DIMENSIONS},
        TOPIC: tuple(facts.get(TOPICS) or (None,)),
        **{LISTED + name: (text_of(value),) for name, value in listed.items()},
    }


def places_of(facts: Mapping[str, Any]) -> Iterator[Place]:
    """Every cell of every cube that a response is counted in."""
    dimensions = dimensions_of(facts)
    pairs = [pair for pair in PAIRS if all(name in dimensions for name in pair)]
    cubes: list[Cube] = [(), *((name,) for name in dimensions), *pairs]
    keyed = [(cube, keys) for cube in cubes for keys in itertools.product(*(dimensions[name] for name in cube))]
    for given in values_of(facts):
        for cube, keys in keyed:
            yield Place(cube, keys, given)
