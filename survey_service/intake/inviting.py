"""Inviting: a verdict and its parts go in, the invitation row comes out. Pure but for the token's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from survey_service.intake.matching import Plan
from survey_service.models.customer import CustomerProfile
from survey_service.models.incentive import Offer
from survey_service.models.invitation import EventFacts, Invitation, TokenRef
from survey_service.models.survey import Survey
from survey_service.models.trigger import ChannelMode, QuietHours, Trigger
from survey_service.texts.locales import choose_language
from survey_service.texts.placeholders import lookup
from survey_service.tokens import Keyring, token_hash


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why and to whom: what an invitation takes over from its event or direct request."""

    customer: str
    customer_ref: str
    profile: CustomerProfile
    touchpoint: str | None
    touchpoint_name: str | None
    data: Mapping[str, Any]  # the event's data without the customer
    tree: Mapping[str, object]  # `event` and `customer`, for dimensions
    zone: str  # whose wall clock the quiet hours mean
    event: EventFacts | None = None
    trigger: Trigger | None = None
    variant: str | None = None
    quiet_hours: QuietHours | None = None  # of a direct request; a trigger has its own
    exempt: bool = False
    language: str | None = None  # asked for explicitly
    request_hash: str | None = None
    incentive: Offer | None = None
    we_did: str | None = None  # about what the person said last time


def new_invitation(
    invitation: str, occasion: Occasion, survey: Survey, plan: Plan, keyring: Keyring, now: datetime
) -> tuple[Invitation, str]:
    """The invitation row and its survey token; the row holds only the token's hash."""
    token = keyring.survey_token(invitation)
    assert token is not None  # noqa: S101 -- the current key is always there
    wanted = (occasion.language, occasion.profile.locale)
    trigger = occasion.trigger
    row = Invitation(
        id=invitation,
        event=occasion.event,
        trigger=trigger.trigger if trigger else None,
        trigger_version=trigger.version if trigger else None,
        survey=survey.survey,
        survey_version=survey.version,
        brand=survey.brand,
        customer=occasion.customer,
        customer_ref=occasion.customer_ref,
        recipient=occasion.profile,
        touchpoint=occasion.touchpoint,
        touchpoint_name=occasion.touchpoint_name,
        data=dict(occasion.data),
        dimensions={name: _plain(lookup(occasion.tree, path)) for name, path in survey.dimensions.items()},
        incentive=occasion.incentive,
        we_did=occasion.we_did,
        language=choose_language(wanted, survey.languages, survey.default_language),
        variant=occasion.variant,
        channels=plan.channels,
        channel_mode=trigger.channel_mode if trigger else ChannelMode.FIRST,
        fallback_after=trigger.fallback_after if trigger else None,
        reminders=trigger.reminders if trigger else (),
        quiet_hours=trigger.quiet_hours if trigger else occasion.quiet_hours,
        timezone=occasion.zone,
        exempt=trigger.exempt if trigger else occasion.exempt,
        send_at=plan.send_at,
        expires_at=plan.expires_at,
        due_at=now,
        token=TokenRef(kid=keyring.current, sha256=token_hash(token)),
        request_hash=occasion.request_hash,
        created_at=now,
    )
    return row, token


def _plain(value: object) -> str | int | float | bool | None:
    """A dimension is one plain value: lists and objects cannot be grouped by."""
    return value if isinstance(value, str | int | float | bool) else None
