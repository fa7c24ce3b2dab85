"""JSON as callers send it: bytes come in; values that can be stored, or what is wrong and where, go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, TypeAlias

import jiter

from survey_service.errors import FieldProblem, MalformedInput, TooLarge

JsonValue: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_DEPTH = 32
MAX_DIGITS = 100
MAX_PROBLEMS = 20

_POSITION = re.compile(r" at line (\d+) column (\d+)$")
_UNSTORABLE_IN_KEY = frozenset("$.\0")
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**63 - 1


def parse_json(body: bytes) -> JsonValue:
    """The one JSON value (RFC 8259) that the body is.

    Raises MalformedInput, saying what and where, for an empty body, invalid UTF-8 or JSON, NaN and infinities,
    duplicate keys, lone surrogates, more than 32 levels, integers of more than 100 digits, numbers beyond a double.
    """
    value = _read(body)
    if refusal := _refusal(value, ""):
        raise refusal
    return value


def parse_batch(body: bytes) -> list[JsonValue | MalformedInput]:
    """The elements of the JSON array that the body is; one that is too deep or holds too large a number harms no other.

    Raises MalformedInput when the body as a whole is no JSON array.
    """
    values = _read(body)
    if not isinstance(values, list):
        raise MalformedInput("the body is not a JSON array")
    return [_refusal(value, f"/{index}") or value for index, value in enumerate(values)]


def parse_ndjson(body: bytes, limit: int = 1000) -> list[tuple[int, JsonValue | MalformedInput]]:
    """One entry a line that is not blank: its number, from 1, with its value or why it has none.

    Raises MalformedInput when every line is blank, and TooLarge for more than `limit` entries.
    """
    entries: list[tuple[int, JsonValue | MalformedInput]] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        if len(entries) == limit:
            raise TooLarge(f"more than {limit} lines")
        try:
            value = _read(line, number)
        except MalformedInput as refusal:
            entries.append((number, refusal))
        else:
            entries.append((number, _refusal(value, "") or value))
    if not entries:
        raise MalformedInput("the body is empty")
    return entries


def check_storable(value: JsonValue, pointer: str) -> list[FieldProblem]:
    """What keeps a parsed value out of the database, at most 20 problems; `pointer` is where the value stands.

    Keys that are empty or hold `$`, a dot or NUL (they would mean something to MongoDB or to a dotted name), and
    integers beyond 64 bit, which BSON cannot hold. NUL inside a text is storable.
    """
    if _is_faultless(value):
        return []
    problems: list[FieldProblem] = []
    for where, _, key, item in _members(value, pointer):
        if isinstance(key, str) and (not key or not _UNSTORABLE_IN_KEY.isdisjoint(key)):
            problems.append(FieldProblem(where, "key", "a key must not be empty or hold $, a dot or NUL"))
        if type(item) is int and not _LEAST_INTEGER <= item <= _GREATEST_INTEGER:
            problems.append(FieldProblem(where, "integer", "an integer must fit in 64 bit"))
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems[:MAX_PROBLEMS]


def _read(text: bytes, first_line: int = 1) -> JsonValue:
    """Parse the syntax; what the parser lets pass is left to `_refusal`."""
    if not text.strip():
        raise MalformedInput("the body is empty")
    try:
        # Only keys are worth a cache, and customers' data is nothing to keep in one.
        value: JsonValue = jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise _malformed(str(error), first_line) from None
    return value


def _malformed(report: str, first_line: int) -> MalformedInput:
    """The parser's report, with its line counted from `first_line` and without the caller's data."""
    position = _POSITION.search(report)
    if position is None:
        return MalformedInput("not valid JSON")
    fault = report[: position.start()]
    if fault.startswith("Detected duplicate key"):
        fault = "a key stands twice in one object"
    return MalformedInput(f"not valid JSON: {fault} at line {first_line + int(position[1]) - 1}, column {position[2]}")


def _refusal(value: JsonValue, pointer: str) -> MalformedInput | None:
    """Why a value that parsed is still no input: too deep, or a number out of all proportion."""
    if _is_faultless(value):
        return None
    for where, depth, _, item in _members(value, pointer):
        kind = type(item)
        if depth > MAX_DEPTH:
            return MalformedInput(f"nested deeper than {MAX_DEPTH} levels at {where}")
        if kind is float and not isfinite(item):
            return MalformedInput(f"a number beyond the range of a double at {where or 'the start'}")
        if kind is int and abs(item) >= 10**MAX_DIGITS:
            return MalformedInput(f"a number of more than {MAX_DIGITS} digits at {where or 'the start'}")
    return None


def _is_faultless(value: JsonValue) -> bool:
    """Whether neither `_refusal` nor `check_storable` has anything to say: one quick walk, since most values pass."""
    return _are_faultless([value], 0)


def _are_faultless(members: Iterable[Any], depth: int) -> bool:
    for item in members:
        kind = type(item)
        if kind is str:
            continue
        if kind is dict:
            keys = "".join(item)
            if "$" in keys or "." in keys or "\0" in keys or "" in item:
                return False
            if depth == MAX_DEPTH or not _are_faultless(item.values(), depth + 1):
                return False
        elif kind is list:
            if depth == MAX_DEPTH or not _are_faultless(item, depth + 1):
                return False
        elif kind is int:
            if not _LEAST_INTEGER <= item <= _GREATEST_INTEGER:
                return False
        elif kind is float and not isfinite(item):
            return False
    return True


def _members(
    value: JsonValue, pointer: str, depth: int = 0, key: str | int | None = None
) -> Iterator[tuple[str, int, str | int | None, Any]]:
    """The value and all in it, outer ones first: RFC 6901 pointer, levels down to and with it, key or index, itself."""
    pairs: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    yield pointer, depth + isinstance(value, dict | list), key, value
    for name, child in pairs:
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        yield from _members(child, f"{pointer}/{escaped}", depth + 1, name)
