"""`survey-service apply`: a folder of configuration files comes in; after a look at the difference it is stored.

Nothing is stored if one file is wrong. Files may refer to one another and to what is stored already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from survey_service.api.checks import (
    check_anonymity,
    check_brand,
    check_follow_up,
    check_incentive,
    check_link,
    check_person,
    check_survey,
    check_topic,
    check_touchpoint,
    check_trigger,
    check_use_of_anonymous,
)
from survey_service.cli.changes import Change, ChangeState
from survey_service.cli.config_files import SHAPES, ConfigFile, problems_in, read_folder
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.base import Noun, Version
from survey_service.models.brand import Brand, BrandContent
from survey_service.models.delivery import ChannelName
from survey_service.models.follow_up import FollowUp, FollowUpContent
from survey_service.models.incentive import Incentive, IncentiveContent
from survey_service.models.link import Link, LinkContent
from survey_service.models.person import Person, PersonContent
from survey_service.models.survey import Survey, SurveyContent
from survey_service.models.topic import Topic, TopicContent
from survey_service.models.touchpoint import Touchpoint, TouchpointContent
from survey_service.models.trigger import Trigger, TriggerContent
from survey_service.store.configuration import Configuration
from survey_service.store.registry import Registry
from survey_service.store.versions import Versions

_FOLDERS = Path(__file__).parent

ContentT = TypeVar("ContentT", bound=Noun)
Row = Brand | Touchpoint | Survey | Trigger | Link | Person | Incentive | FollowUp | Topic


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
    redirect_hosts: Collection[str] = frozenset(),
) -> list[Change]:
    """Make the configuration what the folder says; what the folder does not name stays as it is.

    `redirect_hosts` are those that brands may send people to. `confirm` is shown every change, and asked only if
    there is something to store. Returns the changes, or an empty list if the answer was no.

    Raises:
        InvalidInput: every problem of every file; a pointer is `surveys/nps.yaml#/questions/0/id`.
        PreconditionFailed: somebody changed the same thing since it was read; what came before it is stored.
    """
    files = read_folder(folder)
    stored = await _stored(configuration)
    promised = (await configuration.current()).promised
    _check(files, stored, promised, usable_channels, redirect_hosts)
    changes = [_change(file, stored[file.kind].get(file.name)) for file in files]
    wanted = [change for change in changes if change.state is not ChangeState.SAME]
    if wanted and not confirm(changes):
        return []
    stores: Mapping[str, Registry[Any, Any] | Versions[Any, Any]] = {
        "brands": configuration.brands,
        "people": configuration.people,
        "touchpoints": configuration.touchpoints,
        "surveys": configuration.surveys,
        "incentives": configuration.incentives,
        "triggers": configuration.triggers,
        "links": configuration.links,
        "follow-ups": configuration.follow_ups,
        "topics": configuration.topics,
    }
    for change in wanted:
        await stores[change.file.kind].put(change.file.name, change.file.content, change.version)
    return changes


async def _stored(configuration: Configuration) -> Mapping[str, Mapping[str, Row]]:
    """What there is already, by folder and id."""
    snapshot = await configuration.current()
    return {
        "brands": snapshot.brands,
        "touchpoints": {row.id: row for row in await configuration.touchpoints.all()},
        "surveys": snapshot.surveys,
        "incentives": snapshot.incentives,
        "triggers": snapshot.triggers,
        "links": snapshot.links,
        "follow-ups": snapshot.follow_ups,
        "people": snapshot.people,
        "topics": snapshot.topics,
    }


def _check(
    files: Sequence[ConfigFile],
    stored: Mapping[str, Mapping[str, Row]],
    promised: Collection[str],
    usable_channels: Container[ChannelName],
    redirect_hosts: Collection[str],
) -> None:
    """Hold every file against the rules for its content; it may refer to what is stored and to the other files."""
    brands = _after("brands", BrandContent, files, stored)
    people = _after("people", PersonContent, files, stored)
    surveys = _after("surveys", SurveyContent, files, stored)
    incentives = _after("incentives", IncentiveContent, files, stored)
    touchpoints = _after("touchpoints", TouchpointContent, files, stored)
    topics = _after("topics", TopicContent, files, stored)
    triggers = _after("triggers", TriggerContent, files, stored)
    follow_ups = _after("follow-ups", FollowUpContent, files, stored)
    problems: list[FieldProblem] = []
    for file in files:
        content = file.content
        try:
            if isinstance(content, BrandContent):
                check_brand(content, redirect_hosts)
            elif isinstance(content, TouchpointContent):
                check_touchpoint(content, surveys)
                check_use_of_anonymous(content, surveys)
            elif isinstance(content, SurveyContent):
                check_survey(content, brands, people)
                check_anonymity(file.name, content, promised, triggers, touchpoints, follow_ups)
            elif isinstance(content, LinkContent):
                check_link(content, surveys, touchpoints.get(content.touchpoint))
            elif isinstance(content, IncentiveContent):
                check_incentive(content)
            elif isinstance(content, PersonContent):
                check_person(content, touchpoints)
            elif isinstance(content, FollowUpContent):
                check_follow_up(content, surveys, people)
                check_use_of_anonymous(content, surveys)
            elif isinstance(content, TopicContent):
                check_topic(file.name, content, topics)
            else:
                check_trigger(content, surveys, usable_channels, incentives)
                check_use_of_anonymous(content, surveys)
        except InvalidInput as error:
            problems += problems_in(file.path, error)
    if problems:
        raise InvalidInput(problems)


def _after(
    kind: str, shape: type[ContentT], files: Sequence[ConfigFile], stored: Mapping[str, Mapping[str, Row]]
) -> dict[str, ContentT]:
    """What there will be of one kind, by id."""
    known = {name: row for name, row in stored[kind].items() if isinstance(row, shape)}
    return known | {file.name: file.content for file in files if isinstance(file.content, shape)}


def _change(file: ConfigFile, row: Row | None) -> Change:
    if row is None:
        return Change(file, None, 0)
    before = SHAPES[file.kind].model_validate(row.model_dump())
    return Change(file, before, row.version if isinstance(row, Version) else row.revision)
