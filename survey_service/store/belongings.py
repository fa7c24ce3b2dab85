"""Belongings: a person, an address or a response comes in; the filter of its rows in each collection goes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from survey_service.models.delivery import TO_PEOPLE
from survey_service.models.erasure import Traces
from survey_service.store.events import events_of

Rows = Mapping[str, Mapping[str, Any]]
"""By collection, which of its rows."""

_OF_CUSTOMERS = ("responses", "cases", "rewards", "mails", "deliveries", "invitations")


def rows_of_person(customer: str, traces: Traces) -> Rows:
    """What names a customer by our id, what they are known by, or where they alone are reached."""
    own = {"customer": customer}
    nameless = rows_at(traces)
    return {
        **dict.fromkeys(_OF_CUSTOMERS, own),
        **nameless,
        "deliveries": {"$or": [own, nameless["deliveries"]]},
        "events": events_of(customer, traces.keys),
    }


def rows_at(traces: Traces) -> Rows:
    """What came from these numbers, and what went to these addresses without naming a customer.

    Messages to our own people name none either, and are theirs.
    """
    nobodys = {"customer": None, "kind": {"$nin": sorted(TO_PEOPLE)}}
    return {
        "inbound_texts": {"sender": {"$in": list(traces.phones)}},
        "deliveries": {"to": {"$in": list(traces.addresses)}, **nobodys},
    }


def rows_of_response(response: str) -> Rows:
    """An answer, and what was opened or given for it."""
    about = {"response": response}
    return {"responses": {"_id": response}, "cases": about, "rewards": about}
