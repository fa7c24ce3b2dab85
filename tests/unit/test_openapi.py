"""openapi.yaml: it is what the routes say, it is whole, and its bodies are closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from survey_service.api.openapi import build_openapi, check_openapi, openapi_yaml, render_yaml, write_openapi
from survey_service.api.routes import ENDPOINTS

FILE = Path(__file__).parents[2] / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(openapi_yaml())
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}
SCHEMAS = DOCUMENT["components"]["schemas"]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_the_file_in_the_repository_is_not_stale() -> None:
    assert check_openapi(FILE), "run `make openapi`"


def test_a_stale_or_missing_file_is_told_from_a_true_one(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    assert not check_openapi(file)
    write_openapi(file)
    assert check_openapi(file)
    file.write_text(file.read_text().replace("3.1.0", "3.0.0"))
    assert not check_openapi(file)


def test_the_same_table_makes_the_same_text() -> None:
    assert render_yaml(build_openapi(ENDPOINTS)) == render_yaml(build_openapi(ENDPOINTS))
    assert "&id" not in openapi_yaml()


def test_every_endpoint_is_described_once_under_a_name_of_its_own() -> None:
    assert len(OPERATIONS) == len(ENDPOINTS)
    for endpoint in ENDPOINTS:
        operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"]
        assert operation.get("x-scope") == (endpoint.scope.value if endpoint.scope else None)
        assert all(f"`{scope}`" in operation["description"] for scope in endpoint.gives)


def test_every_reference_resolves() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_component_is_used() -> None:
    used = {reference.rpartition("/")[2] for reference in references(DOCUMENT)}
    assert set(SCHEMAS) <= used


@pytest.mark.parametrize(
    "name", ["InvitationIn", "SuppressionIn", "ResolutionIn", "CustomerIn", "BrandContent", "Question-Input"]
)
def test_bodies_are_closed(name: str) -> None:
    assert SCHEMAS[name]["additionalProperties"] is False


@pytest.mark.parametrize("name", ["EventIn", "EventDataIn"])
def test_events_are_open_where_cloudevents_are(name: str) -> None:
    assert SCHEMAS[name]["additionalProperties"] is True


@pytest.mark.parametrize("name", ["EventRow", "InvitationRow", "DeliveryRow", "SuppressionRow"])
def test_answers_may_gain_fields(name: str) -> None:
    assert "additionalProperties" not in SCHEMAS[name]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_names_its_problems(name: str) -> None:
    operation = OPERATIONS[name]
    problems = {status for status in operation["responses"] if status >= "400"}
    assert {"500", "503"} <= problems
    assert ({"401", "403", "429"} <= problems) is ("x-scope" in operation)
    assert ({"400", "413", "415", "422"} <= problems) or "requestBody" not in operation


def examples() -> Iterator[Any]:
    for name, operation in OPERATIONS.items():
        contents = [("request", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, answer.get("content", {})) for status, answer in operation["responses"].items()]
        for where, content in contents:
            for kind, media in content.items():
                if "example" in media:
                    yield pytest.param(media["schema"], media["example"], id=f"{name} {where} {kind}")


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_examples_are_valid(schema: dict[str, Any], example: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    assert jsonschema_rs.validator_for(whole).is_valid(example)
