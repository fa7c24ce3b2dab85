"""IANA time zones: a name comes in, a ZoneInfo goes out."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

# From the locked tzdata package and not from the machine, so that every process knows the same names.
_NAMES = frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split()) - {"Factory"}


class ZoneInvalid(Exception):
    """The name is no IANA time zone."""


@cache
def _known_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Whether the name is an IANA time zone, spelled as IANA spells it."""
    return name in _NAMES


def zone(name: str) -> ZoneInfo:
    """The time zone of that name; raises ZoneInvalid when IANA has none so spelled."""
    if not is_zone(name):
        raise ZoneInvalid("not an IANA time zone, such as Europe/Berlin")
    return _known_zone(name)
