"""Shapes come in; JSON Schema 2020-12 components for openapi.yaml go out, request bodies closed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from survey_service.api.endpoint import Endpoint

Schema: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

REF_TEMPLATE = "#/components/schemas/{model}"
_LIST_OF = re.compile(r"ListOf\[(\w+)\]")


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with closed request shapes, plain list names and no titles that repeat the name."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """A model; what comes in is refused with a field that the model does not name."""
        made = super().model_schema(schema)
        if self.mode == "validation":
            made.setdefault("additionalProperties", False)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: the name of a field is its title."""
        return False

    def normalize_name(self, name: str) -> str:
        """`ListOf[EventRow]` is called `EventRowList`."""
        return super().normalize_name(_LIST_OF.sub(r"\1List", name))


@dataclass(frozen=True, slots=True)
class Shapes:
    """`components` by name; `references` to them by model and mode."""

    components: dict[str, Schema]
    references: dict[tuple[type[BaseModel], Mode], Schema]

    def of_request(self, shape: type[BaseModel]) -> Schema:
        """What a body must look like."""
        return self.references[shape, "validation"]

    def of_answer(self, shape: type[BaseModel]) -> Schema:
        """What an answer looks like."""
        return self.references[shape, "serialization"]

    def of_query(self, shape: type[BaseModel]) -> Schema:
        """The schema of a query string, which is a list of parameters and no component."""
        return self.components[_name(self.references[shape, "validation"])]


def collect_shapes(endpoints: Iterable[Endpoint]) -> Shapes:
    """Every shape that the endpoints name, and all that these refer to."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {}
    for endpoint in endpoints:
        requests = (endpoint.body, endpoint.query, *endpoint.accepts.values())
        wanted |= {
            (shape, "validation"): None for shape in requests if shape is not None and not isinstance(shape, str)
        }
        wanted |= {(shape, "serialization"): None for shape in endpoint.answers.values() if shape is not None}
    references, definitions = models_json_schema(list(wanted), ref_template=REF_TEMPLATE, schema_generator=_Generator)
    components = {
        name: {key: value for key, value in schema.items() if key != "title"}
        for name, schema in definitions.get("$defs", {}).items()
    }
    return Shapes(components, {pair: references[pair] for pair in wanted})


def query_parameters(schema: Schema) -> list[Schema]:
    """One parameter a field; absent and null are the same in a query string, so null is left out."""
    required = schema.get("required", ())
    parameters = []
    for name, field in schema.get("properties", {}).items():
        parameter: Schema = {"name": name, "in": "query", "required": name in required}
        rest = dict(field)
        if "description" in rest:
            parameter["description"] = rest.pop("description")
        parameters.append({**parameter, "schema": _without_null(rest)})
    return parameters


def drop_unused(components: dict[str, Schema], roots: Any) -> dict[str, Schema]:
    """The components that `roots` refers to, directly or through others, by name."""
    used: set[str] = set()
    waiting = list(references_in(roots))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting.extend(references_in(components[name]))
    return {name: components[name] for name in sorted(used)}


def references_in(value: Any) -> Iterable[str]:
    """The names of all schema components that a document refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(REF_TEMPLATE.format(model="")):
            yield _name(value)
        for child in value.values():
            yield from references_in(child)
    elif isinstance(value, list):
        for child in value:
            yield from references_in(child)


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _without_null(schema: Schema) -> Schema:
    if schema.get("default", ...) is None:
        del schema["default"]
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        return {**choices[0], **schema}
    return schema
