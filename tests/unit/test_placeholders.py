from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.texts.placeholders import PlaceholderInvalid, allowed_name, lookup, parse


def rendered(text: str, values: dict[str, Any], *, single_line: bool = False) -> str:
    return parse(text, lambda name: True).render(values.get, single_line=single_line)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("no names at all", {}, "no names at all"),
        ("", {}, ""),
        ("Hello {{name}}!", {"name": "Ada"}, "Hello Ada!"),
        ("Hello {{ name }}!", {"name": "Ada"}, "Hello Ada!"),
        ("Hello {{name|there}}!", {"name": "Ada"}, "Hello Ada!"),
        ("Hello {{name|there}}!", {}, "Hello there!"),
        ("Hello {{name|there}}!", {"name": None}, "Hello there!"),
        ("Hello {{name|there}}!", {"name": " "}, "Hello there!"),
        ("Hello {{name}}!", {}, "Hello !"),
        ("{{a|x | {{ y}}", {}, "x | {{ y"),
        ("{{a}}{{b}}", {"a": "1", "b": "2"}, "12"),
        ("a }} b { c", {}, "a }} b { c"),
        ("{{n}}", {"n": 79.9}, "79.9"),
        ("{{n}}", {"n": 25.0}, "25"),
        ("{{n}}", {"n": -0.0}, "0"),
        ("{{n}}", {"n": 1e21}, "1" + "0" * 21),
        ("{{n}}", {"n": 1.5e-7}, "0.00000015"),
        ("{{n|none}}", {"n": float("nan")}, "none"),
        ("{{n}}", {"n": 0}, "0"),
        ("{{flag}}", {"flag": True}, "true"),
        ("{{tree|none}}", {"tree": {"a": 1}}, "none"),
        ("{{list|none}}", {"list": ["a"]}, "none"),
        ("{{name}}", {"name": "{{other|x}}", "other": "secret"}, "{{other|x}}"),
        ("{{name}}", {"name": "a\x00\x1b[31mb"}, "a[31mb"),
        ("{{name}}", {"name": "a\r\nb"}, "a\nb"),
    ],
)
def test_a_text_is_filled_with_values(text: str, values: dict[str, Any], expected: str) -> None:
    assert rendered(text, values) == expected


def test_a_value_cannot_start_a_new_line_in_a_single_line_text() -> None:
    assert rendered("Re: {{name}}", {"name": "a\r\nBcc: b\u2028c"}, single_line=True) == "Re: a Bcc: b c"


@given(st.text())
def test_no_value_breaks_a_single_line(value: str) -> None:
    assert len(rendered("<{{name}}>", {"name": value}, single_line=True).splitlines()) == 1


@given(st.text(alphabet="{}|ab \n").filter(lambda text: "{{" not in text))
def test_a_text_without_open_braces_is_left_alone(text: str) -> None:
    assert rendered(text, {}) == text


@pytest.mark.parametrize(
    ("text", "position", "name"),
    [
        ("Hi {{customer.frist_name}}", 4, "customer.frist_name"),
        ("{{brand.name}} {{customer}}", 16, "customer"),
        ("Hi {{}}", 4, ""),
        ("Hi {{|x}}", 4, ""),
        ("{{{brand.name}}}", 1, "{brand.name"),
        ("{{brand.name}} and {{brand.name", 20, ""),
        ("{{brand.name} }", 1, ""),
        ("{{ 7 * 7 }}", 1, "7 * 7"),
        ("{{event.data.}}", 1, "event.data."),
        ("{{event.data.__class__}} {{event.data..x}}", 26, "event.data..x"),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_refused_where_it_stands(text: str, position: int, name: str) -> None:
    with pytest.raises(PlaceholderInvalid) as refusal:
        parse(text, allowed_name)
    assert (refusal.value.position, refusal.value.name) == (position, name)


def test_the_allowed_names_may_be_a_set() -> None:
    assert parse("{{a}} {{b|x}} {{a}}", {"a", "b"}).names == {"a", "b"}
    with pytest.raises(PlaceholderInvalid, match="no placeholder 'c'"):
        parse("{{c}}", {"a", "b"})


def test_a_text_allowed_in_one_place_is_not_allowed_in_another() -> None:
    parse("{{a}}", {"a"})
    with pytest.raises(PlaceholderInvalid):
        parse("{{a}}", {"b"})


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("brand.name", True),
        ("customer.first_name", True),
        ("customer.email", False),
        ("customer.attributes.tier", True),
        ("customer.attributes", False),
        ("customer.attributes.", False),
        ("event.data.destination", True),
        ("event.data.leg.from", True),
        ("event.data", False),
        ("event.time", True),
        ("event.source", False),
        ("last_time.we_did", True),
        ("last_time", False),
        ("touchpoint.name", True),
        ("link.unsubscribe", True),
        ("link", False),
        ("", False),
    ],
)
def test_only_names_of_the_product_are_allowed(name: str, allowed: bool) -> None:
    assert allowed_name(name) is allowed


def test_a_dotted_name_finds_its_value_or_nothing() -> None:
    tree = {"event": {"data": {"leg": {"from": "EWR"}, "n": None}}}
    assert lookup(tree, "event.data.leg.from") == "EWR"
    assert lookup(tree, "event.data.n") is None
    assert lookup(tree, "event.data.leg.from.more") is None
    assert lookup(tree, "customer.name") is None
