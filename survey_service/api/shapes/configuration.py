"""The shapes of configuration: what each resource answers, and the bodies that are not the stored content itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from survey_service.api.shapes.fields import Email, Line
from survey_service.models.api_key import ApiKey, Scope
from survey_service.models.brand import Brand, BrandContent
from survey_service.models.contact_policy import ContactPolicy, ContactPolicyContent
from survey_service.models.follow_up import FollowUp, FollowUpContent
from survey_service.models.link import Link, LinkContent
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.person import Person, PersonContent
from survey_service.models.survey import LanguageCode, Survey, SurveyContent
from survey_service.models.topic import Topic, TopicContent
from survey_service.models.touchpoint import Touchpoint, TouchpointContent
from survey_service.models.trigger import Trigger, TriggerContent


class SurveyView(SurveyContent):
    """One version of a survey."""

    id: str
    version: int
    deleted: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Survey) -> Self:
        """The stored version as it is shown."""
        return cls.model_validate({**row.model_dump(), "id": row.survey})


class TriggerView(TriggerContent):
    """One version of a trigger."""

    id: str
    version: int
    deleted: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Trigger) -> Self:
        """The stored version as it is shown."""
        return cls.model_validate({**row.model_dump(), "id": row.trigger})


class BrandView(BrandContent):
    """A brand."""

    id: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Brand) -> Self:
        """The stored brand as it is shown."""
        return cls.model_validate(row.model_dump())


class TouchpointView(TouchpointContent):
    """A registered touchpoint."""

    id: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Touchpoint) -> Self:
        """The stored touchpoint as it is shown."""
        return cls.model_validate(row.model_dump())


class LinkView(LinkContent):
    """A public link; `url` is what stands in its QR code."""

    id: str
    url: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Link, url: str) -> Self:
        """The stored link as it is shown, with its address."""
        return cls.model_validate({**row.model_dump(), "url": url})


class PersonView(PersonContent):
    """One of our people."""

    id: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Person) -> Self:
        """The stored person as they are shown."""
        return cls.model_validate(row.model_dump())


class FollowUpView(FollowUpContent):
    """A follow-up rule."""

    id: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: FollowUp) -> Self:
        """The stored rule as it is shown."""
        return cls.model_validate(row.model_dump())


class TopicView(TopicContent):
    """A topic."""

    id: str
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Topic) -> Self:
        """The stored topic as it is shown."""
        return cls.model_validate(row.model_dump())


class ContactPolicyView(ContactPolicyContent):
    """The contact policy; revision 0 is the service's own, before one is stored."""

    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: ContactPolicy) -> Self:
        """The stored policy as it is shown."""
        return cls.model_validate(row.model_dump())


class PauseIn(BaseModel):
    """Why something is held back."""

    model_config = ConfigDict(frozen=True)

    note: Annotated[Line | None, Field(description="Why, for those who see it")] = None


class PauseView(BaseModel):
    """A pause that stands."""

    id: str
    scope: PauseScope
    target: str | None
    note: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: Pause) -> Self:
        """The stored pause as it is shown."""
        return cls.model_validate(row.model_dump(include=set(cls.model_fields)))


class KeyIn(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[Line, Field(description="Who or what will use it")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]


class KeyView(BaseModel):
    """A key without the key itself."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKey) -> Self:
        """The stored key as it is shown."""
        return cls.model_validate(row.model_dump(include=set(cls.model_fields) - {"key"}))


class NewKeyView(BaseModel):
    """A key that was just made; `key` is shown this once."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    key: str


class SendTestIn(BaseModel):
    """Where a survey is shown before customers see it."""

    model_config = ConfigDict(frozen=True)

    to: Annotated[Email, Field(description="One of the `test_addresses` of the survey's brand")]
    language: Annotated[LanguageCode | None, Field(description="Unset: the survey's default language")] = None
    channel: Literal["email"] = "email"


class SendTestView(BaseModel):
    """The delivery that carries the test."""

    delivery: str
