from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.api.strict_json import (
    MAX_DEPTH,
    MAX_PROBLEMS,
    check_storable,
    parse_batch,
    parse_json,
    parse_ndjson,
)
from survey_service.errors import MalformedInput, TooLarge

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"[]" + b"}" * (levels - 1)


@given(json_values)
def test_valid_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"{", "line 1, column 1"),
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"[1,]", "trailing comma"),
        (b"{} {}", "trailing characters"),
        (b"nul", "not valid JSON"),
        (b"01", "invalid number"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b'["\xff"]', "unicode"),
        (b'["\xed\xa0\x80"]', "unicode"),
        (b"\xff\xfe{\x00}\x00", "line 1, column 1"),
        (b'["a\nb"]', "control character"),
        (b'["\\x"]', "invalid escape"),
        (b"NaN", "not valid JSON"),
        (b'{"a": NaN}', "line 1, column 7"),
        (b"[Infinity]", "line 1, column 2"),
        (b"[-Infinity]", "line 1"),
        (b'{"a": 1, "a": 2}', "a key stands twice in one object at line 1, column 14"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "a key stands twice"),
        (b'["\\ud800"]', "hex escape"),
        (b'["\\udc00 "]', "surrogate"),
        (b'["\\ud800\\u0041"]', "surrogate"),
        (b'{"n": 1e999}', "range of a double at /n"),
        (b'{"n": [0, -1e999]}', "range of a double at /n/1"),
        (b"1e400", "range of a double at the start"),
        (b'{"n": 1' + b"0" * 100 + b"}", "100 digits at /n"),
        (b"-1" + b"0" * 100, "100 digits at the start"),
        (b"1" * 5000, "out of range"),
        (nested(MAX_DEPTH + 1), "deeper than 32 levels at /a/a"),
        (b"[" * 33 + b"]" * 33, "deeper than 32 levels at /0/0"),
        (b"[" * 100_000, "recursion limit"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_and_where(body: bytes, detail: str) -> None:
    with pytest.raises(MalformedInput) as refusal:
        parse_json(body)
    assert detail in refusal.value.detail


def test_a_refusal_does_not_repeat_the_data() -> None:
    with pytest.raises(MalformedInput) as refusal:
        parse_json(b'{"ada@example.com": 1, "ada@example.com": 2}')
    assert "ada" not in refusal.value.detail


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH),
        b'{"n": ' + b"9" * 100 + b"}",
        b'{"n": 1.7976931348623157e308}',
        b'["\\ud83d\\ude00"]',
        b'["a\\u0000b"]',
        b'"' + b"1" * 5000 + b'"',
        b'{"a": {"x": 1}, "b": {"x": 2}}',
    ],
)
def test_what_is_just_within_the_limits_is_read(body: bytes) -> None:
    assert parse_json(body) == json.loads(body)


def test_bad_elements_of_a_batch_harm_no_other() -> None:
    first, deep, large, last = parse_batch(b'[{"a": 1}, ' + nested(33) + b', {"n": 1e999}, 0]')
    assert first == {"a": 1}
    assert isinstance(deep, MalformedInput)
    assert isinstance(large, MalformedInput)
    assert large.detail.endswith("at /2/n")
    assert last == 0
    assert parse_batch(b"[" + nested(MAX_DEPTH) + b"]") == [json.loads(nested(MAX_DEPTH))]


@pytest.mark.parametrize("body", [b"{}", b"7", b"", b'[{"a": 1}, {]', b'[{"a": 1, "a": 2}]'])
def test_what_is_no_array_is_no_batch(body: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_batch(body)


def test_one_bad_line_is_one_bad_entry() -> None:
    entries = parse_ndjson(b'{"a": 1}\r\n\n{"a": }\n' + nested(33) + b'\n{"a": "\xc3\xa4"}\n')
    numbers, values = zip(*entries, strict=True)
    assert numbers == (1, 3, 4, 5)
    assert (values[0], values[3]) == ({"a": 1}, {"a": "ä"})
    assert isinstance(values[1], MalformedInput)
    assert "line 3, column 7" in values[1].detail
    assert isinstance(values[2], MalformedInput)


def test_lines_without_a_value_are_an_empty_body() -> None:
    with pytest.raises(MalformedInput, match="empty"):
        parse_ndjson(b"\n \r\n")


def test_more_lines_than_the_limit_are_not_read() -> None:
    assert len(parse_ndjson(b"{}\n" * 3 + b"\n", limit=3)) == 3
    with pytest.raises(TooLarge):
        parse_ndjson(b"{}\n" * 4, limit=3)


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({"$set": 1}, ["/data/$set"]),
        ({"a$b": 1}, ["/data/a$b"]),
        ({"a.b": 1}, ["/data/a.b"]),
        ({"a\0b": 1}, ["/data/a\0b"]),
        ({"": 1}, ["/data/"]),
        ({"a": {"": {"$x": 1}}}, ["/data/a/", "/data/a//$x"]),
        ({"a/b": [0, {"c~d": {".": 1}}]}, ["/data/a~1b/1/c~0d/."]),
        ({"n": 2**63}, ["/data/n"]),
        ({"n": [-(2**63) - 1, 2**63 - 1]}, ["/data/n/0"]),
        ({"$n": 2**63}, ["/data/$n", "/data/$n"]),
        (2**63, ["/data"]),
        ({"a": "$x.\0", "n": 2**63 - 1, "m": -(2**63), "f": 1e300, "b": True, "o": None}, []),
        ([], []),
        ("$", []),
    ],
)
def test_what_the_database_cannot_hold_is_pointed_at(value: Any, pointers: list[str]) -> None:
    assert [problem.pointer for problem in check_storable(value, "/data")] == pointers


def test_no_more_problems_are_told_than_one_can_mend() -> None:
    assert len(check_storable({f"${number}": 2**63 for number in range(1000)}, "")) == MAX_PROBLEMS


@given(json_values)
def test_a_value_is_storable_or_is_told_why_not(value: Any) -> None:
    def bad_keys(item: Any) -> int:
        if isinstance(item, dict):
            bad = sum(1 for key in item if not key or any(sign in key for sign in "$.\0"))
            return bad + sum(map(bad_keys, item.values()))
        return sum(map(bad_keys, item)) if isinstance(item, list) else 0

    assert len(check_storable(value, "")) == min(bad_keys(value), MAX_PROBLEMS)
