"""What people read: placeholders, languages and addresses come in as written and go out ready for use."""

from survey_service.texts.addresses import (
    EMAIL_SHAPE,
    PHONE_SHAPE,
    AddressInvalid,
    email_key,
    mask_email,
    mask_phone,
    normalise_email,
    normalise_phone,
)
from survey_service.texts.locales import (
    LANGUAGE_NAMES,
    choose_language,
    format_date,
    language_of,
    localised,
    text_direction,
)
from survey_service.texts.placeholders import (
    Placeholder,
    PlaceholderInvalid,
    Template,
    allowed_name,
    lookup,
    parse,
)

__all__ = [
    "EMAIL_SHAPE",
    "LANGUAGE_NAMES",
    "PHONE_SHAPE",
    "AddressInvalid",
    "Placeholder",
    "PlaceholderInvalid",
    "Template",
    "allowed_name",
    "choose_language",
    "email_key",
    "format_date",
    "language_of",
    "localised",
    "lookup",
    "mask_email",
    "mask_phone",
    "normalise_email",
    "normalise_phone",
    "parse",
    "text_direction",
]
