"""The configuration as the stages see it: a snapshot per revision, read once a claimed batch."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from survey_service.models.base import Revised
from survey_service.models.brand import Brand, BrandContent
from survey_service.models.contact_policy import POLICY_ID, ContactPolicy, ContactPolicyContent
from survey_service.models.follow_up import FollowUp, FollowUpContent
from survey_service.models.incentive import Incentive, IncentiveContent
from survey_service.models.link import Link, LinkContent
from survey_service.models.outbox import NewsType
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.person import Person, PersonContent
from survey_service.models.survey import Survey, SurveyContent
from survey_service.models.topic import Topic, TopicContent
from survey_service.models.touchpoint import Touchpoint, TouchpointContent
from survey_service.models.trigger import Trigger, TriggerContent
from survey_service.models.webhook import Webhook
from survey_service.store.database import Database
from survey_service.store.registry import Pauses, Registry
from survey_service.store.revision import read_revision
from survey_service.store.versions import Versions
from survey_service.store.webhooks import Webhooks

_KEPT_VERSIONS = 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What stood at one revision."""

    revision: int
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    brands: Mapping[str, Brand] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    follow_ups: Mapping[str, FollowUp] = field(default_factory=dict)
    incentives: Mapping[str, Incentive] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    promised: frozenset[str] = frozenset()  # surveys that are anonymous or ever were, the deleted ones too
    policy: ContactPolicyContent = field(default_factory=ContactPolicyContent)
    places: Mapping[str, Touchpoint] = field(default_factory=dict)  # the registered touchpoints of the links

    def triggers_for(self, event_type: str) -> list[Trigger]:
        """Triggers that ask about this type of event, by name."""
        return [trigger for trigger in self.triggers.values() if trigger.event_type == event_type]

    def triggers_cancelled_by(self, event_type: str) -> list[Trigger]:
        """Triggers whose waiting invitations this type of event takes back."""
        return [trigger for trigger in self.triggers.values() if event_type in trigger.cancel_on]

    def webhooks_for(self, kind: NewsType) -> list[Webhook]:
        """Webhooks that are told of this kind of news, by name."""
        return [webhook for webhook in self.webhooks.values() if webhook.enabled and kind in webhook.types]

    def pause_over(self, targets: Mapping[PauseScope, str | None]) -> str | None:
        """The id of a pause that holds something with these targets."""
        candidates = [
            PauseScope.EVERYTHING.value,
            *(f"{scope}:{target}" for scope, target in targets.items() if target),
        ]
        return next((candidate for candidate in candidates if candidate in self.pauses), None)


RowT = TypeVar("RowT", bound=Revised)


def _by_id(rows: Sequence[RowT]) -> dict[str, RowT]:
    return {row.id: row for row in rows}


class Configuration:
    """Everything that is configured; `current()` is what a stage decides by."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.surveys: Versions[Survey, SurveyContent] = Versions(database, "surveys", Survey, SurveyContent)
        self.triggers: Versions[Trigger, TriggerContent] = Versions(database, "triggers", Trigger, TriggerContent)
        self.brands: Registry[Brand, BrandContent] = Registry(database, "brands", Brand, BrandContent)
        self.touchpoints: Registry[Touchpoint, TouchpointContent] = Registry(
            database, "touchpoints", Touchpoint, TouchpointContent
        )
        self.policies: Registry[ContactPolicy, ContactPolicyContent] = Registry(
            database, "contact_policies", ContactPolicy, ContactPolicyContent
        )
        self.links: Registry[Link, LinkContent] = Registry(database, "links", Link, LinkContent)
        self.people: Registry[Person, PersonContent] = Registry(database, "people", Person, PersonContent, "person")
        self.follow_ups: Registry[FollowUp, FollowUpContent] = Registry(
            database, "follow_ups", FollowUp, FollowUpContent, "follow-up"
        )
        self.incentives: Registry[Incentive, IncentiveContent] = Registry(
            database, "incentives", Incentive, IncentiveContent
        )
        self.topics: Registry[Topic, TopicContent] = Registry(database, "topics", Topic, TopicContent)
        self.webhooks = Webhooks(database)
        self.pauses = Pauses(database)
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._versions: OrderedDict[tuple[str, int], Survey] = OrderedDict()

    async def current(self, max_age: float = 0.0) -> Snapshot:
        """The snapshot of the present revision; a caller that may lag allows `max_age` seconds."""
        if self._snapshot is not None and time.monotonic() - self._read_at < max_age:
            return self._snapshot
        read_at = time.monotonic()
        revision = await read_revision(self._database)
        if self._snapshot is None or self._snapshot.revision != revision:
            # Read the revision first: a change that lands in between is then seen with the next batch.
            links = await self.links.all()
            self._snapshot = Snapshot(
                revision,
                surveys={row.survey: row for row in await self.surveys.all_latest()},
                triggers={row.trigger: row for row in await self.triggers.all_latest()},
                brands=_by_id(await self.brands.all()),
                pauses={row.id: row for row in await self.pauses.all()},
                links=_by_id(links),
                people=_by_id(await self.people.all()),
                follow_ups=_by_id(await self.follow_ups.all()),
                incentives=_by_id(await self.incentives.all()),
                webhooks=_by_id(await self.webhooks.all()),
                topics=_by_id(await self.topics.all()),
                promised=await self.surveys.names(anonymous=True),
                policy=await self.policies.get(POLICY_ID) or ContactPolicyContent(),
                places=await self.touchpoints.get_many([link.touchpoint for link in links]),
            )
        self._read_at = read_at
        return self._snapshot

    async def survey(self, name: str, version: int) -> Survey | None:
        """One version of a survey, kept in memory, since it never changes."""
        known = self._versions.get((name, version))
        if known is not None:
            self._versions.move_to_end((name, version))
            return known
        found = await self.surveys.version(name, version)
        if found is not None:
            self._versions[name, version] = found
            if len(self._versions) > _KEPT_VERSIONS:
                self._versions.popitem(last=False)
        return found
