"""docs/conditions.md is read as people read it: each example is true, false or an error where the page says so."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from survey_service.api.checks import check_trigger
from survey_service.api.shapes.event import read_event
from survey_service.intake.matching import rule_variables
from survey_service.models.contact import Contact
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.trigger import TriggerContent
from survey_service.rules import RuleFailed, RuleScope, cel_value, compile_rule
from tests.support.factories import NOON, make_event

PAGE = (Path(__file__).parents[2] / "docs/conditions.md").read_text()
_EXAMPLE = re.compile(
    r"^### (?P<number>\d+)\. (?P<title>[^\n]+)$\s+```cel\n(?P<condition>.+?)\n```\s+```json\n(?P<lines>.+?)\n```",
    re.MULTILINE | re.DOTALL,
)
# What the service knows of a customer besides the profile; an example may set it.
KNOWN = ("last_invited_days", "invitations_90d", "last_score", "open_case")


@dataclass(frozen=True)
class Example:
    """One condition, and what it answers to which event and customer."""

    title: str
    condition: str
    lines: tuple[dict[str, Any], ...]


EXAMPLES = [
    Example(found["title"], found["condition"], tuple(json.loads(line) for line in found["lines"].splitlines()))
    for found in _EXAMPLE.finditer(PAGE)
]


def variables_of(line: dict[str, Any]) -> dict[str, Any]:
    """What the condition sees: the event as the edge reads it, the customer as intake knows them."""
    customer = {"id": "c-42", **line.get("customer", {})}
    known = {name: customer.pop(name) for name in KNOWN if name in customer}
    posted = {"id": "1", "source": "/shop", "type": "order.delivered", "time": "2026-11-22T10:00:00Z"}
    value = posted | line.get("event", {})
    value["data"] = {**value.get("data", {}), "customer": customer}
    read = read_event(value)
    seen = rule_variables(_stored(read, value["data"]), read.data.customer.profile(), Contact(id="cus_1"), NOON)
    of_customer = seen["customer"]
    assert isinstance(of_customer, dict)
    assert known.keys() <= of_customer.keys()
    return {**seen, "customer": {**of_customer, **{name: cel_value(fact) for name, fact in known.items()}}}


def _stored(read: Any, data: dict[str, Any]) -> Event:
    names = ("source", "type", "subject", "time", "extensions")
    return make_event(read.id, data=data, **{name: getattr(read, name) for name in names})


def answer_to(condition: str, line: dict[str, Any]) -> bool | str:
    try:
        return compile_rule(condition, RuleScope.TRIGGER).holds(variables_of(line))
    except RuleFailed:
        return "error"


def test_there_are_twenty_examples_numbered_in_order() -> None:
    assert [int(found["number"]) for found in _EXAMPLE.finditer(PAGE)] == list(range(1, 21))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_answers_as_the_page_says(example: Example) -> None:
    told = [line["answer"] for line in example.lines]
    assert {True, False} <= set(told), "a condition that cannot be both says nothing"
    assert [answer_to(example.condition, line) for line in example.lines] == told
    assert all(line.keys() <= {"event", "customer", "answer"} for line in example.lines)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_may_be_put_into_a_trigger(example: Example) -> None:
    content = {"survey": "s", "event_type": "order.delivered", "channels": ("web",), "condition": example.condition}
    check_trigger(TriggerContent.model_validate(content), {"s"}, {ChannelName.WEB})


@pytest.mark.parametrize("variable", ["event", "customer"])
def test_the_page_names_every_field_that_a_condition_sees(variable: str) -> None:
    table = re.search(rf"^\| `{variable}\.…` \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert table is not None
    first_cells = [row.split("|")[1] for row in table[0].splitlines()[2:] if row]
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(variables_of({})[variable])
