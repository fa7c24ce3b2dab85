"""A brand: in whose name we ask."""

from __future__ import annotations

from pydantic import Field

from survey_service.models.base import Noun, Revised
from survey_service.models.delivery import ChannelName
from survey_service.models.fonts import Font
from survey_service.models.redirects import Redirect
from survey_service.models.survey import Localised

COLOR = r"^#[0-9a-fA-F]{6}$"


class Colors(Noun):
    """Accent and the text colour that stands on it, as `#rrggbb`."""

    accent: str = Field(default="#0a6cff", pattern=COLOR)
    on_accent: str = Field(default="#ffffff", pattern=COLOR)


class BrandContent(Noun):
    """What a caller PUTs."""

    name: str = Field(min_length=1, max_length=100)
    email_from: str | None = Field(default=None, max_length=320)  # None: SURVEY_EMAIL_FROM
    reply_to: str | None = Field(default=None, max_length=320)
    return_path: str | None = Field(default=None, max_length=320)  # `bounces@acme.example`: VERP adds the delivery
    answers_to: str | None = Field(default=None, max_length=320)  # Reply-To of mails to customers, with the delivery
    postal_address: str = Field(default="", max_length=500)
    contact: str | None = Field(default=None, max_length=200)
    signed_by: str | None = Field(default=None, max_length=100)
    timezone: str = "UTC"
    privacy_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://")
    imprint_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://")
    logo_url: str | None = Field(default=None, max_length=2000, pattern=r"^https://")
    colors: Colors = Colors()
    font: Font = Font.SYSTEM
    thanks: Localised | None = None  # after the last answer, where the survey has no thanks of its own
    redirects: tuple[Redirect, ...] = Field(default=(), max_length=5)  # where to go on to; the first that fits
    test_addresses: tuple[str, ...] = Field(default=(), max_length=50)
    consent_required: tuple[ChannelName, ...] = Field(default=(), max_length=3)  # where only an explicit yes counts


class Brand(Revised, BrandContent):
    """The stored brand."""
