"""A public link: a reusable survey address of one touchpoint, as URL and QR code."""

from __future__ import annotations

from pydantic import Field

from survey_service.models.base import Noun, Revised
from survey_service.models.survey import LanguageCode, Localised


class LinkContent(Noun):
    """What a caller PUTs."""

    survey: str = Field(min_length=1, max_length=100)
    touchpoint: str = Field(min_length=1, max_length=200)
    language: LanguageCode | None = None  # None: the browser's
    kiosk: bool = False  # on a device that many people use, one after the other
    call_to_action: Localised | None = None  # above the code on the printed sheet; None: the service's own words
    enabled: bool = True


class Link(Revised, LinkContent):
    """The stored link; `id` stands in the address `/l/{id}`."""
