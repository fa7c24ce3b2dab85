"""Email addresses and phone numbers: as people type them they come in, as providers take them they go out."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

# The edge's cheap first look: both sides are bounded, and no part holds a separator, so nothing backtracks far.
_EMAIL_PART = r"[^\s@.\"(),:;<>\[\]\\\x00-\x20\x7f]"
EMAIL_SHAPE = re.compile(
    rf"\A(?=[^@]{{1,64}}@[^@]{{1,253}}\Z){_EMAIL_PART}+(?:\.{_EMAIL_PART}+)*@{_EMAIL_PART}+(?:\.{_EMAIL_PART}+)+\Z"
)
"""What every email address looks like that `normalise_email` accepts, and some that it does not."""

PHONE_SHAPE = re.compile(r"\A\+[1-9][0-9]{6,14}\Z")
"""E.164 (ITU-T), which is what `normalise_phone` returns."""

_WRITTEN_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,31}")
_MASK = "•••"


class AddressInvalid(Exception):
    """The address cannot be written to; the message says why, without repeating the address."""


@lru_cache(maxsize=16_384)
def normalise_email(raw: str) -> str:
    """The address as it is written to: ASCII, domain in lower case, local part as given.

    Raises AddressInvalid unless it is one plain `local@domain` (RFC 5321 lengths; no quoting, no display name, no
    white space, no SMTPUTF8 local part). DNS is not asked.
    """
    try:
        parsed = validate_email(raw, check_deliverability=False, strict=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise AddressInvalid(str(error)) from error
    return f"{parsed.local_part}@{parsed.ascii_domain}"


def email_key(email: str) -> str:
    """What makes two normalised addresses the same one: the case of the local part is not part of who it is."""
    return email.casefold()


@lru_cache(maxsize=16_384)
def normalise_phone(raw: str, region: str | None = None) -> str:
    """The number in E.164; `region` (ISO 3166, such as DE) is where one without a country code belongs.

    Raises AddressInvalid unless it is a valid number of its numbering plan, without an extension or letters.
    """
    if not _WRITTEN_PHONE.fullmatch(raw):
        raise AddressInvalid("not a phone number in digits, such as +4915123456789")
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException as error:
        raise AddressInvalid("not a phone number with its country code, such as +4915123456789") from error
    if not phonenumbers.is_valid_number(number):
        raise AddressInvalid("no such phone number in the numbering plan of its country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask_email(email: str) -> str:
    """The address as logs may show it: `a•••@example.com`."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}{_MASK}@{domain}" if at else _MASK


def mask_phone(phone: str) -> str:
    """The number as logs may show it: `+49•••89`."""
    return f"{phone[:3]}{_MASK}{phone[-2:]}" if len(phone) >= 8 else _MASK
