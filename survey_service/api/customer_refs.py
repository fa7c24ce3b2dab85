"""How callers name a person in a filter or a body: their own id, or ours; what the store knows goes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from survey_service.models.customer import Customer
from survey_service.store.customers import Customers

# The whole shape of `hashed_id`, since other systems' own ids begin with `cus_` too.
_OUR_ID = re.compile(r"cus_[0-9A-Za-z]{22}")


def customer_filter(ref: str) -> dict[str, Any]:
    """The stored field that holds this kind of id, and its value."""
    return {"customer" if _OUR_ID.fullmatch(ref) else "customer_ref": ref}


async def find_customer(customers: Customers, ref: str) -> Customer | None:
    """The person behind an id."""
    return (await find_customers(customers, [ref])).get(ref)


async def find_customers(customers: Customers, refs: Sequence[str]) -> dict[str, Customer]:
    """The people behind those ids that are known, by the id that was given."""
    ours = [ref for ref in refs if _OUR_ID.fullmatch(ref)]
    keys = {f"id:{ref}": ref for ref in refs if not _OUR_ID.fullmatch(ref)}
    found = await customers.get_many(ours) if ours else {}
    by_key = await customers.find_by_keys(list(keys)) if keys else {}
    return found | {keys[key]: customer for key, customer in by_key.items()}
