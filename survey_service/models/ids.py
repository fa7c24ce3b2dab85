"""Ids from what makes a thing unique: the insert itself is then the idempotency check, on a sharded cluster too."""

from __future__ import annotations

import hashlib
import secrets

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


_PAIRS = [low + high for high in _BASE62 for low in _BASE62]  # two digits at a time, the lower one first


def base62(digest: bytes, length: int = 22) -> str:
    """The first `length` base62 digits of a digest; 22 digits carry 131 bits."""
    number = int.from_bytes(digest, "big")
    pairs = []
    for _ in range(0, length, 2):
        number, rest = divmod(number, 3844)
        pairs.append(_PAIRS[rest])
    return "".join(pairs)[:length]


def hashed_id(prefix: str, *parts: str) -> str:
    """`prefix_` and 22 base62 digits of SHA-256 over the parts, each with its length: none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return f"{prefix}_{base62(digest.digest())}"


def random_id(prefix: str) -> str:
    """`prefix_` and 22 random base62 digits."""
    return f"{prefix}_{base62(secrets.token_bytes(32))}"


def customer_id(key: str) -> str:
    """Whoever is first known by this key (`id:…`, `email:…`, `phone:…`)."""
    return hashed_id("cus", key)


def event_key(source: str, event_id: str) -> str:
    """The key of an event: (source, id), as CloudEvents 1.0 defines identity."""
    return hashed_id("evt", source, event_id)


def invitation_id(event: str, trigger: str) -> str:
    """One (event, trigger) makes at most one invitation."""
    return hashed_id("inv", event, trigger)


def keyword_invitation_id(text: str) -> str:
    """One incoming text that begins with a keyword makes at most one invitation."""
    return hashed_id("inv", "keyword", text)


def delivery_id(invitation: str, kind: str, number: int) -> str:
    """The n-th message of one kind for one invitation; planning it twice inserts it once."""
    return hashed_id("dlv", invitation, kind, str(number))


def case_id(response: str, rule: str) -> str:
    """One (response, follow-up rule) opens at most one case."""
    return hashed_id("cas", response, rule)


def response_id(invitation: str) -> str:
    """One invitation, one response."""
    return hashed_id("rsp", invitation)
