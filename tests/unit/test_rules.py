from __future__ import annotations

import operator
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.rules import (
    MAX_RULE_LENGTH,
    RuleFailed,
    RuleInvalid,
    RuleScope,
    cel_value,
    compile_rule,
)

EVENT: dict[str, Any] = {
    "type": "order.delivered",
    "time": "2026-11-22T10:00:00Z",
    "data": {"amount": 79.9, "count": 3, "express": True, "gift": None, "tags": ["new", "vip"], "size": {"cm": 25.0}},
}
CUSTOMER: dict[str, Any] = {"id": "c-42", "name": "Zoë Weber", "attributes": {"tier": "gold"}}
ANSWERS: dict[str, Any] = {"nps": 4, "why": "slow"}


def holds(text: str, scope: RuleScope = RuleScope.TRIGGER) -> bool:
    variables = {"event": EVENT, "customer": CUSTOMER, "answers": ANSWERS}
    return compile_rule(text, scope).holds({name: cel_value(value) for name, value in variables.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("event.data.amount >= 20.0", True),
        ("event.data.amount >= 20", True),
        ("event.data.amount > 79.9", False),
        ("event.data.count == 3", True),
        ("event.data.count == 3.0", True),
        ("event.data.count + 1.0 > 3.5", True),
        ("event.data.count in [1, 2, 3]", True),
        ("event.data.express", None),
        ("event.data.express == true", True),
        ("!event.data.express", False),
        ("event.data.express == 1", False),
        ("event.data.gift == null", True),
        ("has(event.data.voucher)", False),
        ("has(event.data.voucher) && event.data.voucher > 5.0", False),
        ("has(event.data.gift)", True),
        ("event.type == 'order.delivered' && event.data.amount < 100.0", True),
        ("event.type.startsWith('order.')", True),
        ("event.type.endsWith('.returned') || event.type.contains('deliver')", True),
        ("'vip' in event.data.tags", True),
        ("'old' in event.data.tags", False),
        ("size(event.data.tags) == 2", True),
        ("event.data.tags[0] == 'new'", True),
        ("event.data.size.cm == 25.0", True),
        ("event['data']['size']['cm'] > 24", True),
        ("'tier' in customer.attributes", True),
        ("customer.attributes.tier in ['gold', 'platinum']", True),
        ("customer.name == 'Zoë Weber'", True),
        ("timestamp(event.time) < timestamp('2027-01-01T00:00:00Z')", True),
        ("timestamp(event.time).getHours('Europe/Berlin') == 11", True),
        ("event.data.amount > 100.0 ? false : customer.id != ''", True),
        ("event.data.amount > 1.0 // a remark\n && true", True),
        ("event.data.voucher == 1.0 || true", True),
    ],
)
def test_a_condition_is_true_or_false_of_an_event(text: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(RuleInvalid, match="== true"):
            compile_rule(text, RuleScope.TRIGGER)
    else:
        assert holds(text) is expected


def test_a_question_is_shown_by_the_answers_so_far() -> None:
    assert holds("answers.nps <= 6.0 && event.data.express == true", RuleScope.SHOW_IF)
    assert not holds("answers.nps > 6", RuleScope.SHOW_IF)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event.data.voucher == 1.0", 'Key not found.*"voucher"'),
        ("event.missing.deeper == 1.0", 'Key not found.*"missing"'),
        ("event.type > 3.0", "No matching overloads"),
        ("event.data.gift >= 3.0", "No matching overloads"),
        ("event.data.count + 1 > 3", "write 1.0, not 1"),
        ("event.data.tags[7] == 'x'", "Index error"),
        ("1 / 0 == 1", "divide by zero"),
        ("timestamp(event.type) > timestamp(event.time)", "Timestamp"),
    ],
)
def test_a_condition_that_has_no_answer_fails_and_says_why(text: str, message: str) -> None:
    with pytest.raises(RuleFailed, match=message):
        holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1.0}[customer.name] == 1.0",
        "customer[customer.name] == 1.0",
        "event.data.tags[int(event.data.amount)] == 'x' || \"\" == 'x'",
        "{1: 1.0}[int(event.data.amount)] == 1.0",
        "{'a': 1.0}[event.data.amount] == 1.0",
    ],
)
def test_why_a_condition_failed_repeats_no_value_of_the_customer_or_the_event(text: str) -> None:
    with pytest.raises(RuleFailed) as failed:
        holds(text)
    assert "…" in failed.value.message
    assert not re.search("Zoë|79", failed.value.message)


def test_values_that_cel_cannot_hold_fail_the_rule_only() -> None:
    rule = compile_rule("event.name == 'x'", RuleScope.TRIGGER)
    for variables in ({}, {"event": None}, {"event": {"name": object()}}, {"event": {"name": "\ud800"}}):
        with pytest.raises(RuleFailed):
            rule.holds(variables)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        (" \n ", 1, 1, "empty"),
        ("true || " * 300, 1, MAX_RULE_LENGTH + 1, "longer than 2048"),
        ("true ||\n" * 300, 257, 1, "longer than 2048"),
        ("\n'\ud800'", 2, 2, "half a character"),
        ("1 +", 1, 4, "Syntax error"),
        ("event.a = 1", 1, 9, "Syntax error"),
        ("a and b", 1, 3, "Syntax error"),
        ("foo.bar == 1", 1, 4, "`foo.bar` is unknown here.* event, customer"),
        ("event.a == 'ä' && 'ä' == foo", 1, 26, "`foo` is unknown"),
        ("event.a > 1.0 ||\n  bar > 2.0", 2, 3, "`bar` is unknown"),
        ("answers.nps <= 6.0", 1, 8, "`answers.nps` is unknown"),
        ("now() > 3", 1, 4, "`now` is unknown"),
        ("event > 3", 1, 7, "no matching overload"),
        ("event.data.amount", 1, 1, "== true"),
        ("dyn(true)", 1, 1, "== true"),
        ("1 + 1", 1, 1, "type int"),
        ("'true'", 1, 1, "type string"),
        ("customer", 1, 1, "type map"),
        ("event.n > 99999999999999999999", 1, 11, "invalid int"),
        ("event.tags.exists(t, t == 'x')", 1, 18, "`exists`.*do not loop"),
        ("event.tags.all(t, t == 'x')", 1, 15, "`all`"),
        ("event.tags.map(t, t) == []", 1, 15, "`map`"),
        ("event.type.matches('(a*)*')", 1, 19, "`matches`.*startsWith"),
        ("(" * 40 + "true" + ")" * 40, 1, 1, "32 levels"),
        ("event" + ".a" * 40 + " == 1", 1, 1, "32 levels"),
    ],
)
def test_a_text_that_is_no_condition_is_refused_with_its_position(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(RuleInvalid, match=message) as refusal:
        compile_rule(text, RuleScope.TRIGGER)
    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert "ERROR" not in refusal.value.message


def test_the_same_text_is_compiled_once_a_scope() -> None:
    rule = compile_rule("event.a == 1", RuleScope.TRIGGER)
    assert compile_rule("event.a == 1", RuleScope.TRIGGER) is rule
    assert compile_rule("event.a == 1", RuleScope.SHOW_IF) is not rule


def test_every_number_becomes_a_double_and_nothing_else_changes() -> None:
    given_value = {"n": 1, "b": True, "none": None, "text": "1", "list": [2, [3], {"deep": 4}], "f": 0.5}
    seen = cel_value(given_value)
    assert repr(seen) == repr(
        {"n": 1.0, "b": True, "none": None, "text": "1", "list": [2.0, [3.0], {"deep": 4.0}], "f": 0.5}
    )


@given(
    left=st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    right=st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    sign=st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]),
)
def test_numbers_compare_as_doubles_as_they_did_before(left: float, right: float, sign: str) -> None:
    compare = {
        "<": operator.lt,
        "<=": operator.le,
        "==": operator.eq,
        "!=": operator.ne,
        ">=": operator.ge,
        ">": operator.gt,
    }[sign]
    rule = compile_rule(f"event.left {sign} event.right", RuleScope.TRIGGER)
    assert rule.holds({"event": cel_value({"left": left, "right": right})}) is compare(left, right)


@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    refusal = None
    try:
        compile_rule(text, RuleScope.TRIGGER)
    except RuleInvalid as error:
        refusal = error
    assert refusal is None or min(refusal.line, refusal.column) >= 1
