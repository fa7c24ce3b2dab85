"""Google's CEL behind one door: a condition's text comes in, a `Rule` that yes-or-no questions can be put to goes out.

The language is the CEL standard (https://github.com/google/cel-spec) without what makes the cost of a rule more than
its text times its event: comprehensions (`all`, `exists`, `exists_one`, `map`, `filter`) and `matches`. The library
bounds iterations and nesting, but not memory or time: one `all` over a list was seen to take gigabytes and seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel

MAX_RULE_LENGTH = 2048
"""Longest text of a rule, in characters."""

_LEFT_OUT_MACROS = ("all", "exists", "exists_one", "map", "filter")
_HINTS = {
    **dict.fromkeys(_LEFT_OUT_MACROS, "rules do not loop; `value in list` and `size(list)` work"),
    "matches": "rules have no regular expressions; use startsWith, endsWith or contains",
}
_LANGUAGE = f"""
stdlib:
  exclude_macros: [{", ".join(_LEFT_OUT_MACROS)}]
  exclude_functions: [{{name: matches}}]
"""
# The lines of the text that the report quotes start with " | ", so that no text can pass for a complaint.
_COMPLAINT = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_EXPECTED_TOKENS = re.compile(r" expecting \{.*\}$")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)' \(in container ''\)")
_MIXED_NUMBERS = re.compile(r"\((?:double, int64|int64, double)\)")
# Where the library repeats values: what failures say is logged, and kept with decisions.
_VALUE = re.compile(r'(?<=Key not found in map) : (?P<key>.*)|(?<=Index error): index=.*| "[^"]*"', re.DOTALL)
_WORD = re.compile(r"""\w+|"[^"]*"|'[^']*'""")


class RuleScope(StrEnum):
    """Where a rule stands, hence which variables it may name."""

    TRIGGER = "trigger"  # does this event ask this customer? sees event, customer
    SHOW_IF = "show_if"  # is this question asked? sees answers, event, customer
    FOLLOW_UP = "follow_up"  # is this response one to act on? sees response, event, customer
    WEBHOOK = "webhook"  # is this webhook told of this? sees message (its type and data)


_VARIABLES = {
    RuleScope.TRIGGER: ("event", "customer"),
    RuleScope.SHOW_IF: ("answers", "event", "customer"),
    RuleScope.FOLLOW_UP: ("response", "event", "customer"),
    RuleScope.WEBHOOK: ("message",),
}


class RuleInvalid(Exception):
    """The text is no rule; `line` and `column` (both from 1) say where."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{message} (line {line}, column {column})")
        self.message = message
        self.line = line
        self.column = column


class RuleFailed(Exception):
    """The rule could not be answered for these values, such as when a key is missing."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled condition."""

    text: str
    scope: RuleScope
    _program: Any  # the library has no types

    def holds(self, variables: Mapping[str, object]) -> bool:
        """Whether the condition is true of these variables (the scope's names, values passed through `cel_value`).

        Raises RuleFailed when it is neither true nor false: a missing key, an operator between types that do not mix.
        """
        try:
            answer = self._program.eval(data=variables).value()
        except RuntimeError as error:  # the library's limits, and values that it cannot hold
            raise RuleFailed(self._told(str(error))) from error
        if answer is True or answer is False:
            return answer
        # `compile_rule` only lets BOOL pass, so that any other value is the text of an evaluation error.
        raise RuleFailed(self._told(str(answer)))

    def _told(self, report: str) -> str:
        """The library's words without values of events and customers; a missing key stays where the rule names it."""
        own = {'"' + word.strip("\"'") + '"' for word in _WORD.findall(self.text)}
        return _VALUE.sub(lambda found: found[0] if found["key"] in own else " …", _plain(report))


@lru_cache(maxsize=1024)
def compile_rule(text: str, scope: RuleScope) -> Rule:
    """Compile a condition for one scope.

    Raises RuleInvalid, with the position, for an empty or over-long text, one that CEL does not accept, names other
    variables than the scope's, or yields anything but true or false.
    """
    if not text.strip():
        raise RuleInvalid("the condition is empty")
    if len(text) > MAX_RULE_LENGTH:
        line = text.count("\n", 0, MAX_RULE_LENGTH) + 1
        column = MAX_RULE_LENGTH - text.rfind("\n", 0, MAX_RULE_LENGTH)
        raise RuleInvalid(f"the condition is longer than {MAX_RULE_LENGTH} characters", line, column)
    if not text.isascii() and (surrogate := re.search("[\ud800-\udfff]", text)):
        before = text[: surrogate.start()]
        raise RuleInvalid("half a character", before.count("\n") + 1, len(before) - before.rfind("\n"))
    try:
        program = _environment(scope).compile(text)
    except RuntimeError as error:
        raise _refusal(str(error), scope) from error
    result = program.return_type()
    if result == cel.Type.BOOL:
        return Rule(text, scope, program)
    if result == cel.Type.DYN:
        raise RuleInvalid("the condition may be something else than true or false; compare it, as in `… == true`")
    raise RuleInvalid(f"the condition is of type {result.name().lower()}, not true or false")


def cel_value(value: object) -> object:
    """A JSON value as rules see it: every number a double, all else as it is.

    One kind of number is what makes `1` and `1.0` of the same sender behave alike: CEL compares int with double, but
    does not add them. Exact up to 2**53, as JSON numbers are (RFC 8259, section 6).
    """
    kind = type(value)
    if kind is dict:
        return {key: cel_value(item) for key, item in value.items()}  # type: ignore[attr-defined]
    if kind is list:
        return [cel_value(item) for item in value]  # type: ignore[attr-defined]
    if kind is int:
        return float(value)  # type: ignore[arg-type]
    return value


@cache
def _environment(scope: RuleScope) -> Any:
    """The language with the variables of a scope."""
    values = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_LANGUAGE), variables=dict.fromkeys(_VARIABLES[scope], values))


def _refusal(report: str, scope: RuleScope) -> RuleInvalid:
    """The library's report of several complaints as the one that helps most, with its position."""
    complaints = [(int(line), int(column), text) for line, column, text in _COMPLAINT.findall(report)]
    for line, column, text in complaints:
        undeclared = _UNDECLARED.match(text)
        if undeclared and undeclared[1] in _HINTS:
            return RuleInvalid(f"there is no `{undeclared[1]}`: {_HINTS[undeclared[1]]}", line, column)
    if "recursion" in report:
        return RuleInvalid("the condition is nested or chained too deeply; 32 levels are the most")
    if not complaints:
        return RuleInvalid(_plain(report))
    line, column, text = complaints[0]
    if undeclared := _UNDECLARED.match(text):
        known = ", ".join(_VARIABLES[scope])
        text = f"`{undeclared[1]}` is unknown here, or used in an unknown way; the variables are {known}"
    return RuleInvalid(_plain(_EXPECTED_TOKENS.sub("", text)), line, column)


def _plain(report: str) -> str:
    """The library's words without its status codes, with a hint where its users stumble most."""
    text = re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", report)
    if _MIXED_NUMBERS.search(text):
        text += " (numbers of events and answers are doubles: write 1.0, not 1)"
    return text
