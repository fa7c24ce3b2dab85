"""Message texts: `Hello {{customer.first_name|there}}` comes in, the same with its values goes out.

Nothing but the names of an allow-list is looked up, and what a value holds is never read as a text with placeholders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from survey_service.texts.printable import one_line, printable

_NAMES = frozenset(
    {
        "brand.name",
        "brand.contact",
        "brand.postal_address",
        "customer.name",
        "customer.first_name",
        "customer.account",
        "event.id",
        "event.type",
        "event.time",
        "event.subject",
        "last_time.we_did",
        "touchpoint.id",
        "touchpoint.name",
        "link.survey",
        "link.unsubscribe",
        "survey.name",
        "incentive.name",
        "incentive.text",
        "incentive.expires",
    }
)
_OPEN_PREFIXES = ("customer.attributes.", "event.data.")


class PlaceholderInvalid(Exception):
    """The text has a placeholder that cannot be filled: `name`, at `position` (characters, from 1)."""

    def __init__(self, message: str, position: int, name: str) -> None:
        super().__init__(f"{message} (character {position})")
        self.message = message
        self.position = position
        self.name = name


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{name|fallback}}` of a text and the position of its first brace (characters, from 1)."""

    name: str
    fallback: str
    position: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart."""

    parts: tuple[str | Placeholder, ...]

    @property
    def names(self) -> frozenset[str]:
        """Every name that the text asks for."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    def render(self, values: Callable[[str], object | None], *, single_line: bool = False) -> str:
        """The text with each name's value, or its fallback where there is none or only white space.

        Texts, numbers and true/false are values; lists and objects are not. Control characters of values are dropped;
        for a `single_line`, such as a subject, their line breaks become spaces.
        """
        clean = one_line if single_line else printable
        return "".join(
            part if isinstance(part, str) else _filled(clean(_plain_text(values(part.name))), part.fallback)
            for part in self.parts
        )


def parse(text: str, allowed: Container[str] | Callable[[str], bool]) -> Template:
    """Take a text apart; `allowed` says which names it may hold.

    Raises PlaceholderInvalid for braces that are not closed and for names that are not allowed.
    """
    template = _split(text)
    is_allowed = allowed if callable(allowed) else allowed.__contains__
    for part in template.parts:
        if isinstance(part, Placeholder) and not is_allowed(part.name):
            raise PlaceholderInvalid(f"there is no placeholder {part.name!r}", part.position, part.name)
    return template


def allowed_name(name: str) -> bool:
    """Whether message texts may hold this name: a fixed one, or any path below event data and customer attributes."""
    return name in _NAMES or (name.startswith(_OPEN_PREFIXES) and all(name.split(".")))


def lookup(tree: Mapping[str, object], name: str) -> object | None:
    """What stands under a dotted name, such as `event.data.destination`; None where the path ends early."""
    node: object = tree
    for key in name.split("."):
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node


@lru_cache(maxsize=4096)
def _split(text: str) -> Template:
    parts: list[str | Placeholder] = []
    end = 0
    while (start := text.find("{{", end)) >= 0:
        close = text.find("}}", start)
        if close < 0:
            raise PlaceholderInvalid("the placeholder is not closed with }}", start + 1, "")
        if start > end:
            parts.append(text[end:start])
        name, _, fallback = text[start + 2 : close].partition("|")
        parts.append(Placeholder(name.strip(), fallback, start + 1))
        end = close + 2
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts))


def _plain_text(value: object | None) -> str:
    """A JSON scalar as people write it: 79.9, and 25 for 25.0; anything else is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return ""


def _filled(value: str, fallback: str) -> str:
    return value if value.strip() else fallback
