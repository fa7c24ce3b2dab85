"""Stored rows for tests: what matters is named by the test, the rest is filled in with something plausible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from survey_service.models.customer import Customer, CustomerProfile
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.event import Event
from survey_service.models.ids import delivery_id, event_key, invitation_id, response_id
from survey_service.models.invitation import EventFacts, Invitation, TokenRef
from survey_service.models.response import FinishedBy, Response, ResponseStatus
from survey_service.tokens import token_hash

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
SOURCE = "/shop/berlin"
OUR_CUSTOMER = "cus_0123456789abcdefghijKL"


def make_event(event_id: str = "ord-1", **changes: Any) -> Event:
    """A pending event of an order."""
    fields = {
        "id": event_key(SOURCE, event_id),
        "source": SOURCE,
        "event_id": event_id,
        "type": "order.delivered",
        "time": NOON,
        "received_at": NOON,
        "data": {"customer": {"id": "c-42"}, "amount": 79.9},
        "content_hash": "0" * 64,
    }
    return Event.model_validate(fields | changes)


def make_facts(event_id: str = "ord-1") -> EventFacts:
    """What an invitation keeps of that event."""
    return EventFacts(key=event_key(SOURCE, event_id), id=event_id, source=SOURCE, type="order.delivered", time=NOON)


def make_customer(ref: str = "c-42", **changes: Any) -> Customer:
    """A customer with an address of each kind."""
    profile = CustomerProfile(external_id=ref, name="Ada Weber", email="ada@example.com", phone="+4915123456789")
    fields = {"id": OUR_CUSTOMER, "keys": (f"id:{ref}",), "profile": profile, "profile_at": NOON, "created_at": NOON}
    return Customer.model_validate(fields | changes)


def make_invitation(event_id: str = "ord-1", **changes: Any) -> Invitation:
    """A waiting invitation by mail."""
    facts = make_facts(event_id)
    name = invitation_id(facts.key, "after-delivery")
    fields = {
        "id": name,
        "event": facts,
        "trigger": "after-delivery",
        "trigger_version": 1,
        "survey": "after-delivery",
        "survey_version": 1,
        "brand": "acme",
        "customer": OUR_CUSTOMER,
        "customer_ref": "c-42",
        "recipient": CustomerProfile(external_id="c-42", email="ada@example.com"),
        "language": "en",
        "channels": (ChannelName.EMAIL,),
        "send_at": NOON,
        "expires_at": NOON + timedelta(days=14),
        "token": TokenRef(kid="00000000", sha256=token_hash(name)),
        "created_at": NOON,
    }
    return Invitation.model_validate(fields | changes)


def make_delivery(invitation: Invitation, number: int = 1, **changes: Any) -> Delivery:
    """A planned mail of an invitation."""
    fields = {
        "id": delivery_id(invitation.id, DeliveryKind.INVITE, number),
        "kind": DeliveryKind.INVITE,
        "channel": ChannelName.EMAIL,
        "invitation": invitation.id,
        "brand": invitation.brand,
        "survey": invitation.survey,
        "survey_version": invitation.survey_version,
        "trigger": invitation.trigger,
        "customer": invitation.customer,
        "to": "ada@example.com",
        "language": "en",
        "state": DeliveryState.PLANNED,
        "created_at": NOON,
        "planned_at": NOON,
        "expires_at": invitation.expires_at,
    }
    return Delivery.model_validate(fields | changes)


def make_response(event_id: str = "ord-1", **changes: Any) -> Response:
    """A finished answer of nine."""
    facts = make_facts(event_id)
    invitation = invitation_id(facts.key, "after-delivery")
    fields = {
        "id": response_id(invitation),
        "status": ResponseStatus.FINISHED,
        "finished_by": FinishedBy.CUSTOMER,
        "survey": "after-delivery",
        "survey_version": 1,
        "brand": "acme",
        "trigger": "after-delivery",
        "trigger_version": 3,
        "event": facts,
        "invitation": invitation,
        "customer": OUR_CUSTOMER,
        "customer_ref": "c-42",
        "touchpoint": "berlin-mitte",
        "dimensions": {"agent": "a-7"},
        "channel": "email",
        "language": "de",
        "metric": "nps",
        "scale": "0-10",
        "score": 9,
        "scores": {"nps": 9},
        "answers": {"nps": 9, "why": "fast"},
        "comment": "fast",
        "started_at": NOON,
        "finished_at": NOON + timedelta(minutes=1),
    }
    return Response.model_validate(fields | changes)
