"""What the table of endpoints cannot say for itself: examples of the main shapes, and headers that a route reads."""

from __future__ import annotations

from typing import Any

_CUSTOMER = {
    "id": "c-42",
    "name": "Ada Weber",
    "first_name": "Ada",
    "email": "ada@example.com",
    "phone": "+4915123456789",
    "locale": "de-DE",
    "timezone": "Europe/Berlin",
    "account": "weber-gmbh",
    "consent": {"email": True},
    "attributes": {"tier": "gold"},
}
_EVENT = {
    "specversion": "1.0",
    "id": "ord-1001",
    "source": "/shop/berlin",
    "type": "order.delivered",
    "time": "2026-11-22T10:00:00Z",
    "data": {"customer": _CUSTOMER, "touchpoint": "berlin-mitte", "agent": "a-7", "amount": 79.9},
}

REQUESTS: dict[str, Any] = {
    "post_events": _EVENT,
    "put_brand": {
        "name": "Acme",
        "email_from": "Acme <hello@acme.example>",
        "reply_to": "help@acme.example",
        "postal_address": "Acme GmbH, Hauptstr. 1, 10115 Berlin",
        "timezone": "Europe/Berlin",
        "privacy_url": "https://acme.example/privacy",
        "colors": {"accent": "#0a6cff", "on_accent": "#ffffff"},
        "test_addresses": ["qa@acme.example"],
    },
    "put_survey": {
        "name": "After delivery",
        "brand": "acme",
        "default_language": "en",
        "primary": "nps",
        "questions": [
            {
                "id": "nps",
                "kind": "nps",
                "text": {"en": "How likely are you to recommend {{brand.name}} to a friend?"},
            },
            {
                "id": "why",
                "kind": "text",
                "required": False,
                "text": {"en": "What is the main reason for your score?"},
            },
            {
                "id": "fix",
                "kind": "text",
                "required": False,
                "text": {"en": "What should we fix first?"},
                "show_if": "answers.nps <= 6.0",
            },
        ],
        "dimensions": {"agent": "event.data.agent", "tier": "customer.attributes.tier"},
        "messages": {"email": {"subject": {"en": "How did we do, {{customer.first_name|there}}?"}}},
        "thanks": {"en": "Thank you!"},
    },
    "put_trigger": {
        "survey": "after-delivery",
        "event_type": "order.delivered",
        "condition": "event.data.amount >= 20.0",
        "delay": "PT2H",
        "max_event_age": "P2D",
        "cancel_on": ["order.returned"],
        "channels": ["email"],
        "expires_after": "P14D",
        "enabled": True,
    },
    "put_person": {
        "name": "Mia Meier",
        "email": "mia@acme.example",
        "timezone": "Europe/Berlin",
        "quiet_hours": {"allow": {"mon-fri": ["08:00-18:00"]}},
        "role": "manager",
        "touchpoints": ["berlin-mitte"],
    },
    "put_topic": {
        "name": {"en": "Waiting", "de": "Warten"},
        "words": {"en": ["wait*", "queue*", "too long"], "de": ["wart*", "schlange*", "zu lange"]},
    },
    "send_report": {"week": "2026-11-16"},
    "put_follow_up": {
        "name": "Unhappy customers",
        "on": "finished",
        "survey": "after-delivery",
        "condition": "response.score <= 6.0",
        "case": {
            "title": "Unhappy customer",
            "priority": "high",
            "due_within": "P2D",
            "assign": {"by": "touchpoint"},
            "ask_resolved": True,
        },
    },
    "patch_case": {"state": "resolved", "public_note": "We now check each parcel twice.", "by": "mia"},
    "create_note": {"text": "Called her: she gets a new one tomorrow.", "by": "mia"},
    "create_reply": {"text": "Dear Ada,\n\nwe are sorry. A new one is on its way.", "by": "mia"},
    "create_case_reward": {"incentive": "ten-percent", "by": "mia"},
    "create_invitation": {"survey": "after-delivery", "customer": _CUSTOMER, "channels": ["web"], "language": "de"},
    "resolve_delivery": {"as": "not_sent"},
    "create_erasure": {"phone": "+4915123456789"},
    "create_suppression": {"address": "ada@example.com", "brand": "acme", "note": "asked by phone"},
    "post_suppressions_csv": "address,reason,note\nada@example.com,unsubscribed,from the old system\n",
    "search_suppressions": {"address": "ada@example.com"},
}

ANSWERS: dict[str, Any] = {
    "post_events": {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "results": [
            {"key": "evt_0BGbzTfK8CqJhYvXn3Rwe2", "source": "/shop/berlin", "id": "ord-1001", "status": "accepted"}
        ],
    },
    "list_responses": {
        "data": [
            {
                "id": "rsp_4VtQm0cZrD7sLwKp9NfYx1",
                "status": "finished",
                "finished_by": "customer",
                "survey": "after-delivery",
                "survey_version": 1,
                "brand": "acme",
                "trigger": "after-delivery",
                "trigger_version": 3,
                "variant": None,
                "event": "evt_0BGbzTfK8CqJhYvXn3Rwe2",
                "event_id": "ord-1001",
                "event_source": "/shop/berlin",
                "event_type": "order.delivered",
                "event_time": "2026-11-22T10:00:00Z",
                "invitation": "inv_7HcPq2xTzM5nRkWb8LdJy3",
                "link": None,
                "incentive": None,
                "customer": "c-42",
                "touchpoint": "berlin-mitte",
                "region": "Berlin",
                "journey_stage": "delivery",
                "agent": "a-7",
                "tier": "gold",
                "channel": "email",
                "language": "de",
                "metric": "nps",
                "scale": "0-10",
                "score": 9,
                "scores": {"nps": 9},
                "answers": {"nps": 9, "why": "fast"},
                "comment": "fast",
                "comment_language": "de",
                "topics": ["delivery"],
                "suspect": None,
                "suspect_by": None,
                "started_at": "2026-11-22T12:07:31Z",
                "finished_at": "2026-11-22T12:07:58Z",
                "updated_at": "2026-11-22T12:07:58Z",
            }
        ],
        "next": None,
    },
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 100 printable ASCII characters: the same key with the same body makes nothing new and is "
    "answered as before, with another body 409",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[\\x20-\\x7e]+$"},
}

HEADERS: dict[str, list[dict[str, Any]]] = {
    "create_invitation": [_IDEMPOTENCY_KEY],
    "create_reply": [_IDEMPOTENCY_KEY],
    "create_case_reward": [_IDEMPOTENCY_KEY],
}
