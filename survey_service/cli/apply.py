"""`survey-service apply`: a folder of configuration files comes in; after a look at the difference it is stored.

Nothing is stored if one file is wrong. The order is that of references: brands, surveys, touchpoints, triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from survey_service.api.checks import check_brand, check_survey, check_touchpoint, check_trigger
from survey_service.cli.changes import Change, ChangeState
from survey_service.cli.config_files import SHAPES, ConfigFile, problems_in, read_folder
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.base import Version
from survey_service.models.brand import Brand, BrandContent
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import Survey, SurveyContent
from survey_service.models.touchpoint import Touchpoint, TouchpointContent
from survey_service.models.trigger import Trigger
from survey_service.store.configuration import Configuration, Snapshot
from survey_service.store.registry import Registry
from survey_service.store.versions import Versions

_FOLDERS = Path(__file__).parent

Row = Brand | Touchpoint | Survey | Trigger


def starter_folder() -> Path:
    """Surveys to begin with, in the layout of `apply`: NPS, CSAT and CES in English, German and Spanish."""
    return _FOLDERS / "starter"


def demo_folder() -> Path:
    """The configuration of the demo, in the layout of `apply`."""
    return _FOLDERS / "demo_config"


async def apply_folder(
    folder: Path,
    configuration: Configuration,
    usable_channels: Container[ChannelName],
    *,
    confirm: Callable[[list[Change]], bool],
) -> list[Change]:
    """Make the configuration what the folder says; what the folder does not name stays as it is.

    `confirm` is shown every change, and asked only if there is something to store. Returns the changes, or an empty
    list if the answer was no.

    Raises:
        InvalidInput: every problem of every file; a pointer is `surveys/nps.yaml#/questions/0/id`.
        PreconditionFailed: somebody changed the same thing since it was read; what came before it is stored.
    """
    files = read_folder(folder)
    snapshot = await configuration.current()
    _check(files, snapshot, usable_channels)
    changes = await _compare(files, configuration, snapshot)
    wanted = [change for change in changes if change.state is not ChangeState.SAME]
    if wanted and not confirm(changes):
        return []
    stores: Mapping[str, Registry[Any, Any] | Versions[Any, Any]] = {
        "brands": configuration.brands,
        "touchpoints": configuration.touchpoints,
        "surveys": configuration.surveys,
        "triggers": configuration.triggers,
    }
    for change in wanted:
        await stores[change.file.kind].put(change.file.name, change.file.content, change.version)
    return changes


def _check(files: Sequence[ConfigFile], snapshot: Snapshot, usable_channels: Container[ChannelName]) -> None:
    """Hold every file against the rules for its content; it may refer to what is stored and to the other files."""
    brands = snapshot.brands.keys() | {file.name for file in files if file.kind == "brands"}
    surveys = snapshot.surveys.keys() | {file.name for file in files if file.kind == "surveys"}
    problems: list[FieldProblem] = []
    for file in files:
        content = file.content
        try:
            if isinstance(content, BrandContent):
                check_brand(content)
            elif isinstance(content, TouchpointContent):
                check_touchpoint(content, surveys)
            elif isinstance(content, SurveyContent):
                check_survey(content, brands)
            else:
                check_trigger(content, surveys, usable_channels)
        except InvalidInput as error:
            problems += problems_in(file.path, error)
    if problems:
        raise InvalidInput(problems)


async def _compare(files: Sequence[ConfigFile], configuration: Configuration, snapshot: Snapshot) -> list[Change]:
    touchpoints = [file.name for file in files if file.kind == "touchpoints"]
    stored: Mapping[str, Mapping[str, Row]] = {
        "brands": snapshot.brands,
        "touchpoints": await configuration.touchpoints.get_many(touchpoints),
        "surveys": snapshot.surveys,
        "triggers": snapshot.triggers,
    }
    return [_change(file, stored[file.kind].get(file.name)) for file in files]


def _change(file: ConfigFile, row: Row | None) -> Change:
    if row is None:
        return Change(file, None, 0)
    before = SHAPES[file.kind].model_validate(row.model_dump())
    return Change(file, before, row.version if isinstance(row, Version) else row.revision)
