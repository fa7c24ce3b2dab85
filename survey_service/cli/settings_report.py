"""The settings as people check them: what is set, what each channel lacks, never a secret."""

from __future__ import annotations

from pydantic import SecretStr

from survey_service.settings import PREFIX, Settings, missing_twilio_settings


def settings_report(settings: Settings) -> list[tuple[str, str, str]]:
    """(name, value, meaning) of every setting, then one row a channel."""
    rows = [
        (PREFIX + name.upper(), _shown(getattr(settings, name)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return [
        *rows,
        ("channel email", _email(settings), "how mails leave"),
        ("channel sms", _sms(settings), "how text messages leave"),
    ]


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    return "(set)" if isinstance(value, SecretStr) else str(value)


def _email(settings: Settings) -> str:
    if settings.smtp_url is not None:
        return "by SURVEY_SMTP_URL"
    return "into the sandbox" if settings.sandbox_on else "lacks SURVEY_SMTP_URL"


def _sms(settings: Settings) -> str:
    missing = missing_twilio_settings(settings)
    if not missing:
        return "by SURVEY_TWILIO_ACCOUNT_SID"
    return "into the sandbox" if settings.sandbox_on else f"lacks {', '.join(missing)}"
