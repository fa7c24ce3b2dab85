"""A number in E.164 comes in; where it belongs, and whether writing to it is a known way to lose money, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

# Country codes of no country (ITU-T E.164 and its list of assigned codes): satellites, international networks.
_SATELLITE = frozenset({870, 881, 882, 883})
_COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


@dataclass(frozen=True, slots=True)
class PhoneKind:
    """What the number itself says."""

    region: str | None  # ISO 3166; None where no country has it
    prefix: str  # country calling code, `+49`
    costly: bool  # premium, shared-cost or satellite: a message to it may cost any amount


@lru_cache(maxsize=16_384)
def kind_of(number: str) -> PhoneKind:
    """Look at one number; what is no number at all belongs nowhere."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return PhoneKind(None, "+", costly=False)
    code = parsed.country_code or 0
    region = phonenumbers.region_code_for_number(parsed)
    costly = code in _SATELLITE or phonenumbers.number_type(parsed) in _COSTLY
    return PhoneKind(None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region, f"+{code}", costly)
