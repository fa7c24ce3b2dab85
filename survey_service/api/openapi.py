"""The table of endpoints comes in; openapi.yaml (OpenAPI 3.1) goes out, and whether the file on disk is still true."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from survey_service import __version__
from survey_service.api.endpoint import Endpoint
from survey_service.api.openapi_examples import ANSWERS, HEADERS, REQUESTS
from survey_service.api.openapi_schema import Schema, Shapes, collect_shapes, drop_unused, query_parameters
from survey_service.api.problems import CONTENT_TYPE, STATUS
from survey_service.api.routes import ENDPOINTS
from survey_service.api.twilio_callbacks import FORM

_PATH_PARAMETER = re.compile(r"{(\w+)}")
_RATE_LIMITED = (429, "Too many requests")
_BROKEN = (500, "Something broke on our side")
_TITLES = dict([*STATUS.values(), _RATE_LIMITED, _BROKEN, (503, "Not possible at the moment")])
_INFO = """\
Post what happened; the service decides whom to ask, asks, and hands back answers and reasons.

Every error is problem+json (RFC 9457) with a stable `type`. Lists are cursor pages: `next` is the address of the
following page. Times are RFC 3339 in UTC. Answers may gain fields; bodies with unknown fields are refused."""
_PROBLEM: Schema = {
    "type": "object",
    "description": "An error, RFC 9457.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {
            "type": "string",
            "description": "Stable; the last part is the code",
            "examples": ["/problems/invalid"],
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "rule", "message"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer to the field (RFC 6901)"},
                    "rule": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


_CHANGING = frozenset({"PUT", "PATCH"})  # what is there, on the condition of `If-Match`


def build_openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document; the order of paths is the order of the table."""
    shapes = collect_shapes(endpoints)
    tagged_paths = frozenset(endpoint.path for endpoint in endpoints if endpoint.method in _CHANGING)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, shapes, tagged=endpoint.path in tagged_paths)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Survey service",
            "version": __version__,
            "description": _INFO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key"}},
            "responses": {f"Problem{status}": _problem(title) for status, title in sorted(_TITLES.items())},
            "schemas": {**drop_unused(shapes.components, paths), "Problem": _PROBLEM},
        },
    }


def render_yaml(document: dict[str, Any]) -> str:
    """The document as YAML, the same text for the same document."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


@cache
def openapi_yaml() -> str:
    """The description of this service, as the text of openapi.yaml."""
    return render_yaml(build_openapi(ENDPOINTS))


def write_openapi(path: Path) -> None:
    """Write the file."""
    path.write_text(openapi_yaml(), encoding="utf-8")


def check_openapi(path: Path) -> bool:
    """Whether the file says what the service does."""
    return path.is_file() and path.read_text(encoding="utf-8") == openapi_yaml()


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stay readable; nothing is written as a reference to an earlier place."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _operation(endpoint: Endpoint, shapes: Shapes, *, tagged: bool) -> dict[str, Any]:
    """One operation; `tagged` says that its path can be PUT or PATCHed, so that its answers carry an ETag."""
    name = endpoint.handler.__name__
    operation: dict[str, Any] = {"operationId": name, "tags": [endpoint.tag], "summary": endpoint.summary}
    if endpoint.scope is not None:
        given = [scope.value for scope in endpoint.gives]
        operation["description"] = f"Needs a key with the scope `{endpoint.scope.value}`."
        if given:
            listed = ", ".join(f"`{scope}`" for scope in given)
            operation["description"] += f" It also needs what one of our people may do once signed in: {listed}."
        operation["x-scope"] = endpoint.scope.value
        operation["security"] = [{"bearer": [endpoint.scope.value, *given]}]
    else:
        operation["security"] = []
    if parameters := _parameters(endpoint, shapes, tagged=tagged):
        operation["parameters"] = parameters
    if content := _request_content(endpoint, shapes):
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {**_answers(endpoint, shapes, tagged=tagged), **_problems(endpoint, tagged=tagged)}
    return operation


def _parameters(endpoint: Endpoint, shapes: Shapes, *, tagged: bool) -> list[Schema]:
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(endpoint.path)
    ]
    if endpoint.query is not None:
        parameters += query_parameters(shapes.of_query(endpoint.query))
    if tagged and endpoint.method in {"GET", *_CHANGING}:
        header = "If-None-Match" if endpoint.method == "GET" else "If-Match"
        parameters.append(
            {
                "name": header,
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
            }
        )
    return parameters + HEADERS.get(endpoint.handler.__name__, [])


def _request_content(endpoint: Endpoint, shapes: Shapes) -> dict[str, Any]:
    example = REQUESTS.get(endpoint.handler.__name__)
    if endpoint.body is not None:
        return {"application/json": _media(shapes.of_request(endpoint.body), example)}
    content: dict[str, Any] = {}
    batch = next((shape for kind, shape in endpoint.accepts.items() if kind.endswith("-batch+json")), None)
    for kind, shape in endpoint.accepts.items():
        if isinstance(shape, str):
            text: Schema = {"type": "string", "description": shape}
            content[kind] = _media(text, example if isinstance(example, str) else None)
            continue
        one = shapes.of_request(shape)
        many: Schema = {"type": "array", "items": one, "minItems": 1, "maxItems": 1000}
        if kind.endswith("-batch+json"):
            content[kind] = _media(many, None if example is None else [example])
        elif kind == "application/json" and batch is shape:
            content[kind] = _media({"oneOf": [one, many]}, example)
        else:
            content[kind] = _media(one, example)
    return content


def _answers(endpoint: Endpoint, shapes: Shapes, *, tagged: bool) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, shape in endpoint.answers.items():
        answer: dict[str, Any] = {"description": _SUCCESS[status]}
        if tagged and status != 204:
            answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
        if shape is not None:
            example = ANSWERS.get(endpoint.handler.__name__)
            answer["content"] = {"application/json": _media(shapes.of_answer(shape), example)}
        answers[str(status)] = answer
    if tagged and endpoint.method == "GET":
        answers["304"] = {"description": "`If-None-Match` names the present state"}
    return answers


_SUCCESS = {200: "Done", 201: "Made", 202: "Taken: stored by the majority of the database", 204: "Gone"}


def _problems(endpoint: Endpoint, *, tagged: bool) -> dict[str, Any]:
    """The errors that a caller can meet here, derived from what the endpoint reads."""
    reads_body = endpoint.body is not None or bool(endpoint.accepts)
    statuses: Iterable[tuple[int, bool]] = (
        (400, reads_body),
        (401, endpoint.scope is not None),
        (403, endpoint.scope is not None or FORM in endpoint.accepts),  # forms are taken only where they are signed
        (404, "{" in endpoint.path),
        (409, endpoint.method != "GET"),
        (412, tagged and endpoint.method in _CHANGING),
        (413, reads_body),
        (415, reads_body),
        (422, reads_body or endpoint.query is not None or "{" in endpoint.path),
        (429, endpoint.scope is not None),
        (500, True),
        (503, True),
    )
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status, here in statuses if here}


def _problem(title: str) -> dict[str, Any]:
    return {
        "description": title,
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _media(schema: Schema, example: Any) -> dict[str, Any]:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}
