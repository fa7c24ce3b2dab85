"""The table of all endpoints, from which both the routes and openapi.yaml are made."""

from __future__ import annotations

from survey_service.api import (
    brands,
    callbacks,
    contact_policy,
    decisions,
    deliveries,
    dry_run,
    event_reads,
    events,
    health,
    invitations,
    keys,
    pauses,
    responses,
    suppressions,
    surveys,
    touchpoints,
    triggers,
    twilio_callbacks,
    twilio_inbound,
)
from survey_service.api.endpoint import Endpoint

# In the order of the way of the data; openapi.yaml keeps it.
_MODULES = (
    events,
    event_reads,
    decisions,
    surveys,
    triggers,
    dry_run,
    contact_policy,
    brands,
    touchpoints,
    invitations,
    deliveries,
    pauses,
    responses,
    suppressions,
    callbacks,
    twilio_callbacks,
    twilio_inbound,
    keys,
    health,
)

ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for module in _MODULES for endpoint in module.ENDPOINTS)
