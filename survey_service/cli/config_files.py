"""A folder of YAML and JSON files comes in; configuration in the right shape, or what is wrong in which file, goes out.

The layout is `brands/ID.yaml`, `people/ID.yaml` and so on, a folder for each kind of `SHAPES`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from survey_service.api.checks import check_link_id, check_person_id, check_resource_id, check_touchpoint_id
from survey_service.api.problems import invalid_from
from survey_service.api.strict_json import parse_json
from survey_service.cli.plain_yaml import PlainLoader
from survey_service.errors import FieldProblem, InvalidInput, MalformedInput
from survey_service.models.brand import BrandContent
from survey_service.models.follow_up import FollowUpContent
from survey_service.models.incentive import IncentiveContent
from survey_service.models.link import LinkContent
from survey_service.models.person import PersonContent
from survey_service.models.survey import SurveyContent
from survey_service.models.topic import TopicContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.models.trigger import TriggerContent

Content = (
    BrandContent
    | PersonContent
    | SurveyContent
    | TouchpointContent
    | IncentiveContent
    | TriggerContent
    | LinkContent
    | FollowUpContent
    | TopicContent
)

SHAPES: Mapping[str, type[Content]] = {
    "brands": BrandContent,
    "people": PersonContent,
    "surveys": SurveyContent,
    "touchpoints": TouchpointContent,
    "incentives": IncentiveContent,
    "triggers": TriggerContent,
    "links": LinkContent,
    "follow-ups": FollowUpContent,
    "topics": TopicContent,
}
"""Each folder with what its files hold, in the order in which one refers to the other."""

_NAME_CHECKS = {"touchpoints": check_touchpoint_id, "links": check_link_id, "people": check_person_id}
_YAML = frozenset({".yaml", ".yml"})
_SUFFIXES = _YAML | {".json"}


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file; `path` is relative to the folder, `kind` is a key of SHAPES, `name` the id that it configures."""

    path: str
    kind: str
    name: str
    content: Content


def read_folder(folder: Path) -> list[ConfigFile]:
    """Every configuration file below `folder`, in the order of SHAPES, then by name.

    Raises:
        InvalidInput: each problem of each file; a pointer is `surveys/nps.yaml#/questions/0/id`.
    """
    files: list[ConfigFile] = []
    problems: list[FieldProblem] = []
    for path in _config_paths(folder):
        try:
            files.append(_read_file(folder, path))
        except InvalidInput as error:
            problems += problems_in(path.relative_to(folder).as_posix(), error)
    problems += _repeated(files)
    if problems:
        raise InvalidInput(problems)
    if not files:
        message = f"holds no files such as {', '.join(f'{kind}/….yaml' for kind in SHAPES)}"
        raise InvalidInput.at(str(folder), "empty", message)
    order = list(SHAPES)
    return sorted(files, key=lambda file: (order.index(file.kind), file.name))


def problems_in(path: str, error: InvalidInput) -> list[FieldProblem]:
    """The problems of one file's content, as problems of the folder."""
    return [FieldProblem(f"{path}#{problem.pointer}", problem.rule, problem.message) for problem in error.problems]


def _config_paths(folder: Path) -> Iterator[Path]:
    """Files with a suffix of ours; hidden ones belong to editors and to git."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in _SUFFIXES and path.is_file() and not hidden:
            yield path


def _read_file(folder: Path, path: Path) -> ConfigFile:
    relative = path.relative_to(folder)
    kind, name = relative.parts[0], path.stem
    if len(relative.parts) != 2 or kind not in SHAPES:
        raise InvalidInput.at("", "layout", f"stands in none of the folders {', '.join(SHAPES)}")
    _NAME_CHECKS.get(kind, check_resource_id)(name)
    text = _yaml_as_json(path.read_bytes()) if path.suffix in _YAML else _checked_json(path.read_bytes())
    try:
        # The same strict reading as at the HTTP edge.
        content = SHAPES[kind].model_validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        raise invalid_from(error) from None
    return ConfigFile(relative.as_posix(), kind, name, content)


def _yaml_as_json(text: bytes) -> str:
    try:
        value: Any = yaml.load(text, PlainLoader)  # noqa: S506 -- it makes nothing but JSON values
        return json.dumps(value, allow_nan=False)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise InvalidInput.at("", "yaml", f"{error.problem or 'is not YAML'}{place}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # bytes that are no text; anchors that go in circles
        raise InvalidInput.at("", "yaml", f"is not YAML: {error}") from None


def _checked_json(text: bytes) -> bytes:
    try:
        parse_json(text)
    except MalformedInput as error:
        raise InvalidInput.at("", "json", error.detail) from None
    return text


def _repeated(files: list[ConfigFile]) -> Iterator[FieldProblem]:
    first: dict[tuple[str, str], str] = {}
    for file in files:
        earlier = first.setdefault((file.kind, file.name), file.path)
        if earlier != file.path:
            yield FieldProblem(f"{file.path}#", "unique", f"{earlier} configures the same id")
