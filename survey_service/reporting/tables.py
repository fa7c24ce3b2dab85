"""The shape of a row comes in; the fixed columns of a table go out, for formats that cannot nest."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from functools import partial
from operator import methodcaller
from typing import Any, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from survey_service.models.survey import Question, QuestionKind, Survey
from survey_service.reporting.rows import COLUMNS, dimension_column

Row = Mapping[str, Any]
Reader = Callable[[Row], Any]

FOLDED = "dimensions"


class Kind(StrEnum):
    """What stands in a column."""

    TEXT = "text"
    WHOLE = "whole"  # a whole number
    NUMBER = "number"
    FLAG = "flag"
    INSTANT = "instant"  # UTC
    JSON = "json"  # lists and objects, as JSON in one cell


@dataclass(frozen=True, slots=True)
class Column:
    """`read` takes the cell's value out of a row; None: empty."""

    name: str
    kind: Kind
    read: Reader


def columns_of(shape: type[BaseModel]) -> tuple[Column, ...]:
    """A column for each field of a row, and `erased` behind them."""
    kinds = {name: _kind_of(field.annotation) for name, field in shape.model_fields.items()} | {"erased": Kind.FLAG}
    return tuple(Column(name, kind, methodcaller("get", name)) for name, kind in kinds.items())


def response_columns(shape: type[BaseModel], versions: Sequence[Survey] = ()) -> tuple[Column, ...]:
    """The columns of responses: of one survey, by all of its `versions`, or of any.

    Of one survey each answer, score and dimension has a column of its own; of any they stand in one cell as JSON.
    """
    columns: list[Column] = []
    questions = _questions(versions)
    for column in columns_of(shape):
        if column.name == "journey_stage":
            columns += [column, *_dimension_columns(versions)]
        elif column.name == "scores" and versions:
            scored = [name for name, asked in questions.items() if any(question.metric for question in asked)]
            columns += [Column(f"scores.{name}", Kind.WHOLE, partial(_within, "scores", name)) for name in scored]
        elif column.name == "answers" and versions:
            columns += [
                Column(f"answers.{name}", _kind_of_answers(asked), partial(_within, "answers", name))
                for name, asked in questions.items()
            ]
        else:
            columns.append(column)
    return tuple(columns)


def _dimension_columns(versions: Sequence[Survey]) -> Iterable[Column]:
    if not versions:
        return [Column(FOLDED, Kind.JSON, _fold_dimensions)]
    names = dict.fromkeys(dimension_column(name) for version in versions for name in version.dimensions)
    return [Column(name, Kind.TEXT, methodcaller("get", name)) for name in names]


def _fold_dimensions(row: Row) -> dict[str, Any] | None:
    return {name: value for name, value in row.items() if name not in COLUMNS} or None


def _within(group: str, name: str, row: Row) -> object:
    values = row.get(group)
    return values.get(name) if values else None


def _questions(versions: Sequence[Survey]) -> dict[str, list[Question]]:
    """Every question that was ever asked, by id: the present ones first, in their order."""
    found: dict[str, list[Question]] = {}
    for version in sorted(versions, key=lambda version: -version.version):
        for question in version.questions:
            found.setdefault(question.id, []).append(question)
    return found


def _kind_of_answers(asked: Sequence[Question]) -> Kind:
    kinds = {_kind_of_answer(question) for question in asked}
    return kinds.pop() if len(kinds) == 1 else Kind.TEXT


def _kind_of_answer(question: Question) -> Kind:
    if question.metric is not None:
        return Kind.WHOLE
    match question.kind:
        case QuestionKind.CONSENT:
            return Kind.FLAG
        case QuestionKind.CHOICES | QuestionKind.CALL:
            return Kind.JSON
        case _:
            return Kind.TEXT


_KINDS: Mapping[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.WHOLE,
    float: Kind.NUMBER,
    bool: Kind.FLAG,
    datetime: Kind.INSTANT,
    AwareDatetime: Kind.INSTANT,
}


def _kind_of(annotation: Any) -> Kind:
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = {_kind_of(part) for part in get_args(annotation) if part is not type(None)}
        return kinds.pop() if len(kinds) == 1 else Kind.JSON
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Kind.TEXT
    return _KINDS.get(annotation, Kind.JSON)
