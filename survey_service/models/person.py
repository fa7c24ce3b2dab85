"""A person: one of our own people, who owns cases, is alerted, or reads a report."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from survey_service.models.base import Noun, Revised
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import LanguageCode
from survey_service.models.trigger import QuietHours


class PersonRole(StrEnum):
    """What somebody does about answers."""

    AGENT = "agent"  # talks to customers; events name them in `data.agent`
    MANAGER = "manager"  # owns the cases of touchpoints
    SENIOR_MANAGER = "senior_manager"  # takes some each month, to hear customers


class PersonContent(Noun):
    """What a caller PUTs."""

    name: str = Field(min_length=1, max_length=100)
    email: str | None = Field(default=None, max_length=320)
    phone: str | None = Field(default=None, max_length=32)
    alerts_by: ChannelName = ChannelName.EMAIL
    language: LanguageCode = "en"
    timezone: str = "UTC"
    quiet_hours: QuietHours | None = None  # None: alerts come at any time
    role: PersonRole = PersonRole.AGENT
    touchpoints: tuple[str, ...] = Field(default=(), max_length=1000)  # whose cases and figures; none named: all
    weekly_report: bool = False
    active: bool = True


class Person(Revised, PersonContent):
    """The stored person; `id` is what rules, cases and events call them."""
