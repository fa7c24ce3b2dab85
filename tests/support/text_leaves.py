"""A model and a value of it come in; every text in the value, and every field that the value leaves out, goes out.

The models themselves are walked, so that a field that is new to one of them cannot be forgotten by a test.
"""

from __future__ import annotations

import types
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Path = tuple[str | int, ...]

KEY = "*"  # the end of a path that leads to a key, not to what stands under it


def text_leaves(model: type[BaseModel], value: Mapping[str, Any]) -> list[Path]:
    """Where texts stand in `value`, as JSON has it, and the keys of open mappings after what stands under them."""
    return sorted((path for path, _ in _walk(model, value, ()) if path), key=lambda path: path[-1] == KEY)


def unset_fields(model: type[BaseModel], value: Mapping[str, Any]) -> set[str]:
    """Every field, such as `Question.call`, of every model in it that nothing in `value` sets."""
    known: defaultdict[type[BaseModel], set[str]] = defaultdict(set)
    for _, (kind, fields) in _walk(model, value, ()):
        known[kind] |= fields
    return {f"{kind.__name__}.{name}" for kind, fields in known.items() for name in set(kind.model_fields) - fields}


def with_text(value: Any, path: Path, text: str) -> Any:
    """A copy of `value` in which `text` stands at a path."""
    step, *rest = path
    if rest == [KEY]:
        return {text if key == step else key: item for key, item in value.items()}
    changed = value.copy()
    changed[step] = with_text(value[step], tuple(rest), text) if rest else text
    return changed


def pointer_to(path: Path) -> str:
    """The RFC 6901 pointer of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


_Found = tuple[Path, tuple[type[BaseModel], set[str]]]


def _walk(kind: Any, value: Any, path: Path, owner: type[BaseModel] = BaseModel) -> Iterator[_Found]:
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _walk(get_args(kind)[0], value, path, owner)
    elif origin in (Union, types.UnionType):
        (arm,) = [arm for arm in get_args(kind) if arm is not type(None)]
        if value is not None:
            yield from _walk(arm, value, path, owner)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield (), (kind, {name for name in value if value[name] is not None})
        for name, field in kind.model_fields.items():
            if name in value:
                yield from _walk(field.annotation, value[name], (*path, name), kind)
    elif origin is dict:
        for key, item in value.items():
            yield (*path, key, KEY), (owner, set())
            yield from _walk(get_args(kind)[1], item, (*path, key), owner)
    elif origin is tuple:
        for number, item in enumerate(value):
            yield from _walk(get_args(kind)[0], item, (*path, number), owner)
    elif isinstance(value, str):
        yield path, (owner, set())
