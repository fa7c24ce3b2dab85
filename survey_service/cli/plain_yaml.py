"""YAML as people mean it: a file comes in, JSON values go out.

Plain words are texts, so that `no` stays a language; only what JSON also knows has a type (`true`, `false`, `null`,
decimal numbers), as in the core schema of YAML 1.2.2 (https://yaml.org/spec/1.2.2/#103-core-schema).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_TYPES = ("null", "bool", "int", "float", "str", "seq", "map")
_PLAIN = {
    "null": (r"null|~|", ["n", "~", ""]),
    "bool": (r"true|false", ["t", "f"]),
    "int": (r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    "float": (r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
}


class PlainLoader(yaml.SafeLoader):
    """Refuses keys that stand twice or are no texts, and every other type of YAML (dates, sets, binary)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- how PyYAML is told
    yaml_constructors = {_TAG + name: yaml.SafeLoader.yaml_constructors[_TAG + name] for name in _TYPES} | {
        None: yaml.SafeLoader.yaml_constructors[None]
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        known = set()
        for key, _ in node.value:
            if key.tag != _TAG + "str":
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a text; put it in quotes", key.start_mark
                )
            if key.value in known:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            known.add(key.value)
        return super().construct_mapping(node, deep)


for _name, (_pattern, _first) in _PLAIN.items():
    PlainLoader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)
