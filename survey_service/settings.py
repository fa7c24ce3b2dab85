"""Settings: one frozen object from `SURVEY_*` variables; an unknown one stops the start and names the nearest."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from survey_service.errors import ConfigurationError

PREFIX = "SURVEY_"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_TWILIO = frozenset(
    {"twilio_account_sid", "twilio_auth_token", "twilio_from", "twilio_messaging_service_sid", "twilio_api_url"}
)


class SandboxMode(StrEnum):
    """Whether channels without settings write into the sandbox."""

    AUTO = "auto"  # on only with embedded MongoDB on a loopback host
    ON = "on"  # on
    OFF = "off"  # `/sandbox` does not exist; a trigger that names a channel without settings is refused


class SuspectsMode(StrEnum):
    """Whether answers that a machine seems to have given are marked."""

    AUTO = "auto"  # on, but where the sandbox is: there one person plays everybody
    ON = "on"  # on
    OFF = "off"  # every answer counts


class Settings(BaseSettings):
    """Every setting, with its default; the description is what `check-config` and the README show."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    mongodb_uri: SecretStr | None = Field(
        default=None, description="MongoDB replica set to use; unset: a local mongod is started (embedded)"
    )
    data_dir: Path = Field(default=Path(".data"), description="Folder of the embedded mongod and the generated secret")
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    public_url: str | None = Field(
        default=None, description="Address under which customers reach the service; links in messages start with it"
    )
    secret: SecretStr | None = Field(
        default=None,
        description="Secrets that sign links and hash addresses, comma-separated, the current one first; "
        "unset: generated into the data folder (embedded only)",
    )
    api_key: SecretStr | None = Field(
        default=None, description="A first API key with every scope, of 16 characters or more"
    )
    smtp_url: SecretStr | None = Field(
        default=None, description="Mail server: smtp://, smtps:// or smtp+starttls://, with user:password@ if needed"
    )
    email_from: str = Field(
        default="Survey <survey@example.com>", description="Sender of mails whose brand names none of its own"
    )
    email_per_second: int | None = Field(
        default=None, ge=1, le=10_000, description="Mails a second over all processes, if the mail server limits them"
    )
    twilio_account_sid: str | None = Field(
        default=None, pattern=r"^AC[0-9a-fA-F]{32}$", description="Twilio account that sends text messages"
    )
    twilio_auth_token: SecretStr | None = Field(
        default=None, description="Its auth token, which also proves that a callback is Twilio's"
    )
    twilio_from: str | None = Field(
        default=None, description="Number or name that text messages come from; or a messaging service chooses it"
    )
    twilio_messaging_service_sid: str | None = Field(
        default=None, pattern=r"^MG[0-9a-fA-F]{32}$", description="Messaging service that chooses the sender"
    )
    twilio_api_url: str | None = Field(
        default=None, description="Another address of Twilio's API, for a region or for tests"
    )
    sms_per_second: int | None = Field(
        default=None, ge=1, le=10_000, description="Text messages a second over all processes, if Twilio limits them"
    )
    sms_countries: str | None = Field(
        default=None, description="Countries that text messages may go to, as ISO codes (DE,AT,CH); unset: all"
    )
    sms_daily_segments: int = Field(
        default=10_000, ge=1, le=100_000_000, description="Segments of text messages that a day (UTC) may cost at most"
    )
    sms_prefix_daily_segments: int = Field(
        default=5_000, ge=1, le=100_000_000, description="The same for each country calling code, against toll fraud"
    )
    only_to: str | None = Field(
        default=None, description="Pattern of addresses that may be written to (*@acme.example); all else is not sent"
    )
    redirect_hosts: str | None = Field(
        default=None,
        description="Hosts that a brand may send people to after their thanks, comma-separated (acme.example, "
        "*.acme.example); unset: none",
    )
    link_answers_per_hour: int = Field(
        default=60,
        ge=1,
        le=1_000_000,
        description="New answers an hour that a public link takes from one network; ten times as many on a kiosk",
    )
    sandbox: SandboxMode = Field(default=SandboxMode.AUTO, description="auto, on or off: keep messages in /sandbox")
    suspects: SuspectsMode = Field(
        default=SuspectsMode.AUTO,
        description="auto, on or off: mark answers that a machine seems to have given; auto is off in the sandbox",
    )
    suspect_seconds: float = Field(
        default=3.0, ge=0, le=60, description="An answer within so many seconds of its message leaving is suspect"
    )
    suspect_burst: int = Field(
        default=30, ge=1, le=100_000, description="More first answers a minute from one network than this are suspect"
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="Proxies in front of the service, as networks (10.0.0.0/8,192.0.2.7), whose X-Forwarded-For is "
        "believed; unset: none",
    )
    metrics_min_n: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Figures of one agent, and anonymous answers, are shown from so many answers on",
    )
    retain_events_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which events, invitations and messages lose whoever they were about; unset: never",
    )
    retain_answers_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which answers, cases and rewards lose their person, while scores stay, and mails and "
        "texts that came in go; unset: never",
    )
    lease_seconds: float = Field(
        default=20.0, ge=1, le=600, description="How long a worker's claim lasts without a heartbeat"
    )
    drain_seconds: float = Field(default=20.0, ge=0, le=600, description="How long a stopping worker may go on")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged")
    log_json: bool = Field(default=False, description="Log JSON lines instead of columns")
    rate_limit: str = Field(
        default="6000/minute", description="Requests an API key may make, as `count/second|minute|hour`"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read_settings` was handed counts: the process's own environment never mixes in."""
        return (init_settings,)

    @field_validator("public_url", "twilio_api_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("must be an http or https address without query")
        return value.rstrip("/")

    @field_validator("sms_countries")
    @classmethod
    def _check_countries(cls, value: str | None) -> str | None:
        unknown = sorted(_codes(value) - SUPPORTED_REGIONS)
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not an ISO 3166 code of a country with telephones")
        return value

    @field_validator("redirect_hosts")
    @classmethod
    def _check_hosts(cls, value: str | None) -> str | None:
        for host in sorted(_hosts(value)):
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host}: not a host name such as acme.example or *.acme.example")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str | None) -> str | None:
        _networks(value)
        return value

    @property
    def embedded(self) -> bool:
        """Whether the service brings its own mongod."""
        return self.mongodb_uri is None

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine reaches the service."""
        return self.host in _LOOPBACK

    @property
    def sandbox_on(self) -> bool:
        """Whether channels without settings of their own write into the sandbox."""
        if self.sandbox is SandboxMode.AUTO:
            return self.embedded and self.on_loopback
        return self.sandbox is SandboxMode.ON

    @property
    def suspects_on(self) -> bool:
        """Whether answers that a machine seems to have given are marked."""
        if self.suspects is SuspectsMode.AUTO:
            return not self.sandbox_on
        return self.suspects is SuspectsMode.ON

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies`; empty: the peer is the customer."""
        return _networks(self.trusted_proxies)

    @property
    def lease(self) -> timedelta:
        """`lease_seconds` as a timedelta."""
        return timedelta(seconds=self.lease_seconds)

    def rate_of(self, channel: str) -> int | None:
        """How many messages a channel may take a second over all processes; None: no limit."""
        return {"email": self.email_per_second, "sms": self.sms_per_second}.get(channel)

    @property
    def allowed_countries(self) -> frozenset[str]:
        """`sms_countries` as upper-case codes; empty: every country."""
        return _codes(self.sms_countries)

    @property
    def allowed_redirect_hosts(self) -> frozenset[str]:
        """`redirect_hosts` in lower case; empty: nobody is sent anywhere."""
        return _hosts(self.redirect_hosts)

    def base_url(self, port: int | None = None) -> str:
        """What links start with: the public URL, else the listening address."""
        return self.public_url or f"http://{self.host}:{port or self.port}"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: an unknown variable (with the nearest known name) or a value that breaks a rule.
    """
    variables = dict(os.environ if environ is None else environ)
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in variables:
        if name.upper().startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)
            raise ConfigurationError(f"{name} is not a setting of this service; the nearest one is {near[0]}")
    values = {
        name: variables[PREFIX + name.upper()]
        for name in Settings.model_fields
        if variables.get(PREFIX + name.upper(), "") != ""
    }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else PREFIX
        raise ConfigurationError(f"{name}: {first['msg']}") from None
    _check_outside(settings)
    return settings


def _codes(text: str | None) -> frozenset[str]:
    return frozenset(code.strip().upper() for code in (text or "").split(",") if code.strip())


def _hosts(text: str | None) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in (text or "").split(",") if host.strip())


@lru_cache(maxsize=8)  # every page asks for it
def _networks(text: str | None) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in (text or "").split(",") if part.strip())


def _check_outside(settings: Settings) -> None:
    if not settings.embedded and settings.secret is None:
        raise ConfigurationError("SURVEY_SECRET is needed with SURVEY_MONGODB_URI: links must outlive this process")
    if settings.smtp_url is not None:
        _check_https(settings, "SURVEY_SMTP_URL", settings.smtp_url.get_secret_value())
    missing = missing_twilio_settings(settings)
    if missing and _TWILIO & settings.model_fields_set:
        raise ConfigurationError(f"{missing[0]} is needed as well: without {' and '.join(missing)} no SMS can leave")
    if settings.twilio_from and settings.twilio_messaging_service_sid:
        raise ConfigurationError(
            "SURVEY_TWILIO_FROM and SURVEY_TWILIO_MESSAGING_SERVICE_SID exclude each other: the service has its senders"
        )
    if settings.twilio_account_sid is not None:
        _check_https(settings, "SURVEY_TWILIO_ACCOUNT_SID", settings.twilio_api_url or "https://api.twilio.com")


def missing_twilio_settings(settings: Settings) -> list[str]:
    """The settings without which no text message can leave, by name."""
    needed = {
        "SURVEY_TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "SURVEY_TWILIO_AUTH_TOKEN": settings.twilio_auth_token,
        "SURVEY_TWILIO_FROM or SURVEY_TWILIO_MESSAGING_SERVICE_SID": settings.twilio_from
        or settings.twilio_messaging_service_sid,
    }
    return [name for name, value in needed.items() if value is None]


def _check_https(settings: Settings, name: str, provider: str) -> None:
    """A provider outside this machine sends people to an https address."""
    try:
        server = urlsplit(provider).hostname or ""
    except ValueError:
        # Without the cause, whose text may repeat the password.
        raise ConfigurationError(f"{name}: the host cannot be read") from None
    inside = server in _LOOPBACK and settings.on_loopback
    if not inside and not settings.base_url().startswith("https://"):
        raise ConfigurationError(f"SURVEY_PUBLIC_URL must be an https address when {name} leads outside this machine")
