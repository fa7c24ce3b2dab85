"""Settings: what is wrong stops the start with its name; secrets are never shown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from survey_service.cli.settings_report import settings_report
from survey_service.errors import ConfigurationError
from survey_service.settings import SandboxMode, Settings, read_settings

SECRET = "hush-hush-hush-hush"
EXTERNAL = {"SURVEY_MONGODB_URI": "mongodb://user:hunter2@db.example/?replicaSet=rs0", "SURVEY_SECRET": SECRET}


def test_nothing_set_is_an_embedded_sandbox_on_loopback() -> None:
    settings = read_settings({})
    assert settings.embedded
    assert settings.sandbox_on
    assert settings.base_url() == "http://127.0.0.1:8080"


def test_an_empty_variable_is_an_unset_one() -> None:
    assert read_settings({"SURVEY_PORT": "", "SURVEY_SECRET": ""}) == read_settings({})


def test_variables_of_others_are_left_alone() -> None:
    assert read_settings({"HOME": "/root", "SURVEYOR": "yes", "PORT": "1"}) == read_settings({})


def test_the_environment_of_the_process_does_not_mix_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEY_PORT", "9")
    assert read_settings({}).port == 8080
    assert Settings().port == 8080
    assert read_settings().port == 9


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SURVEY_PRT", "SURVEY_PORT"),
        ("SURVEY_MONGO_URI", "SURVEY_MONGODB_URI"),
        ("SURVEY_SMTP", "SURVEY_SMTP_URL"),
        ("survey_port", "SURVEY_PORT"),
        ("SURVEY_", "SURVEY_"),
        ("SURVEY_MODEL_CONFIG", "SURVEY_"),
    ],
)
def test_an_unknown_variable_stops_the_start_and_names_the_nearest_one(name: str, nearest: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        read_settings({name: SECRET})
    assert stopped.value.detail.startswith(f"{name} is not a setting")
    assert f"the nearest one is {nearest}" in stopped.value.detail
    assert SECRET not in stopped.value.detail


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SURVEY_PORT": "http"}, "SURVEY_PORT"),
        ({"SURVEY_PORT": "65536"}, "SURVEY_PORT"),
        ({"SURVEY_SANDBOX": "maybe"}, "SURVEY_SANDBOX"),
        ({"SURVEY_LEASE_SECONDS": "0"}, "SURVEY_LEASE_SECONDS"),
        ({"SURVEY_LEASE_SECONDS": "nan"}, "SURVEY_LEASE_SECONDS"),
        ({"SURVEY_LOG_LEVEL": "LOUD"}, "SURVEY_LOG_LEVEL"),
        ({"SURVEY_PUBLIC_URL": "survey.example"}, "SURVEY_PUBLIC_URL"),
        ({"SURVEY_PUBLIC_URL": "ftp://survey.example"}, "SURVEY_PUBLIC_URL"),
        ({"SURVEY_PUBLIC_URL": "https://survey.example/?a=b"}, "SURVEY_PUBLIC_URL"),
        ({"SURVEY_PUBLIC_URL": "https://[broken"}, "SURVEY_PUBLIC_URL"),
        ({"SURVEY_SMTP_URL": f"smtp://user:{SECRET}@[broken"}, "SURVEY_SMTP_URL"),
        ({"SURVEY_SMTP_URL": f"smtp://user:{SECRET}]@mail.example"}, "SURVEY_SMTP_URL"),
        *(
            ({"SURVEY_REDIRECT_HOSTS": hosts}, "SURVEY_REDIRECT_HOSTS")
            for hosts in (
                "https://acme.example",
                "acme.example/x",
                "acme.example:443",
                "*",
                "*.",
                "a.*.example",
                "acme",
            )
        ),
        ({"SURVEY_MONGODB_URI": "mongodb://db.example"}, "SURVEY_SECRET"),
    ],
)
def test_a_value_that_cannot_work_stops_the_start_with_its_name(variables: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        read_settings(variables)
    assert stopped.value.detail.startswith(name)
    assert SECRET not in stopped.value.detail


@pytest.mark.parametrize(
    ("variables", "allowed"),
    [
        ({"SURVEY_SMTP_URL": "smtp://127.0.0.1:1025"}, True),
        ({"SURVEY_SMTP_URL": "smtp://localhost"}, True),
        ({"SURVEY_SMTP_URL": "smtp://[::1]"}, True),
        ({"SURVEY_SMTP_URL": "smtp://127.0.0.1", "SURVEY_HOST": "0.0.0.0"}, False),  # noqa: S104 -- the point
        ({"SURVEY_SMTP_URL": "smtps://mail.example"}, False),
        ({"SURVEY_SMTP_URL": "smtps://mail.example", "SURVEY_PUBLIC_URL": "http://survey.example"}, False),
        ({"SURVEY_SMTP_URL": "smtps://mail.example", "SURVEY_PUBLIC_URL": "https://survey.example"}, True),
        ({"SURVEY_HOST": "0.0.0.0"}, True),  # noqa: S104 -- nothing leads outside
    ],
)
def test_mail_to_the_outside_needs_an_https_address(variables: dict[str, str], allowed: bool) -> None:
    if allowed:
        read_settings(variables)
    else:
        with pytest.raises(ConfigurationError, match="SURVEY_PUBLIC_URL must be an https address"):
            read_settings(variables)


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, True),
        ({"SURVEY_HOST": "0.0.0.0"}, False),  # noqa: S104 -- the point
        ({"SURVEY_HOST": "::1"}, True),
        ({"SURVEY_PUBLIC_URL": "http://localhost:8080"}, True),
        ({"SURVEY_PUBLIC_URL": "https://surveys.example.com"}, False),  # a proxy on this machine
        ({"SURVEY_PUBLIC_URL": "https://surveys.example.com", "SURVEY_SANDBOX": "on"}, True),
        (EXTERNAL, False),
        ({**EXTERNAL, "SURVEY_SANDBOX": "on"}, True),
        ({"SURVEY_SANDBOX": "off"}, False),
    ],
)
def test_the_sandbox_is_on_by_itself_only_for_an_embedded_service_on_loopback(
    variables: dict[str, str], on: bool
) -> None:
    assert read_settings(variables).sandbox_on is on


def test_secrets_show_in_no_representation() -> None:
    settings = read_settings({**EXTERNAL, "SURVEY_API_KEY": SECRET, "SURVEY_SMTP_URL": f"smtp://u:{SECRET}@localhost"})
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert SECRET not in shown
        assert "hunter2" not in shown


def test_settings_refuse_to_change_once_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_settings({}).port = 1  # type: ignore[misc]  # the point


def test_every_setting_has_words_and_a_default() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_links_start_with_the_public_address_without_its_last_slash() -> None:
    assert read_settings({"SURVEY_PUBLIC_URL": "https://survey.example/q/"}).base_url() == "https://survey.example/q"
    assert read_settings({"SURVEY_PORT": "0"}).base_url(4711) == "http://127.0.0.1:4711"
    assert read_settings({"SURVEY_SANDBOX": "off"}).sandbox is SandboxMode.OFF


TWILIO = {
    "SURVEY_TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "SURVEY_TWILIO_AUTH_TOKEN": SECRET,
    "SURVEY_TWILIO_FROM": "+15005550006",
    "SURVEY_PUBLIC_URL": "https://survey.example",
}
MESSAGING_SERVICE = f"MG{'0' * 32}"


def without(name: str, **more: str) -> dict[str, str]:
    return {key: value for key, value in TWILIO.items() if key != name} | more


@pytest.mark.parametrize("missing", ["SURVEY_TWILIO_ACCOUNT_SID", "SURVEY_TWILIO_AUTH_TOKEN", "SURVEY_TWILIO_FROM"])
def test_half_of_twilio_stops_the_start_and_names_what_lacks(missing: str) -> None:
    read_settings(TWILIO)
    with pytest.raises(ConfigurationError) as stopped:
        read_settings(without(missing))
    assert stopped.value.detail.startswith(missing)
    assert SECRET not in stopped.value.detail


def test_an_api_address_alone_is_half_of_twilio() -> None:
    with pytest.raises(ConfigurationError, match=r"SURVEY_TWILIO_ACCOUNT_SID and SURVEY_TWILIO_AUTH_TOKEN and"):
        read_settings({"SURVEY_TWILIO_API_URL": "http://127.0.0.1:1"})


def test_a_messaging_service_takes_the_place_of_a_number_and_does_not_stand_beside_it() -> None:
    read_settings(without("SURVEY_TWILIO_FROM", SURVEY_TWILIO_MESSAGING_SERVICE_SID=MESSAGING_SERVICE))
    with pytest.raises(ConfigurationError, match="exclude each other"):
        read_settings({**TWILIO, "SURVEY_TWILIO_MESSAGING_SERVICE_SID": MESSAGING_SERVICE})


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"SURVEY_PUBLIC_URL": ""}, False),
        ({"SURVEY_PUBLIC_URL": "http://survey.example"}, False),
        ({"SURVEY_PUBLIC_URL": "", "SURVEY_TWILIO_API_URL": "http://127.0.0.1:4711"}, True),
        ({"SURVEY_PUBLIC_URL": "", "SURVEY_TWILIO_API_URL": "https://api.dublin.ie1.twilio.com"}, False),
    ],
)
def test_text_messages_to_the_outside_need_an_https_address(changes: dict[str, str], allowed: bool) -> None:
    if allowed:
        read_settings(TWILIO | changes)
    else:
        with pytest.raises(ConfigurationError, match="SURVEY_PUBLIC_URL must be an https address"):
            read_settings(TWILIO | changes)


def test_countries_are_iso_codes_in_any_case_and_none_means_all() -> None:
    assert read_settings({"SURVEY_SMS_COUNTRIES": "de, AT,ch,"}).allowed_countries == {"DE", "AT", "CH"}
    assert read_settings({}).allowed_countries == frozenset()
    with pytest.raises(ConfigurationError, match=r"SURVEY_SMS_COUNTRIES: .*EU, UK"):
        read_settings({"SURVEY_SMS_COUNTRIES": "DE,UK,EU"})


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, "into the sandbox"),
        (TWILIO, "by SURVEY_TWILIO_ACCOUNT_SID"),
        ({"SURVEY_SANDBOX": "off"}, "lacks SURVEY_TWILIO_ACCOUNT_SID, SURVEY_TWILIO_AUTH_TOKEN, SURVEY_TWILIO_FROM or"),
    ],
)
def test_the_report_says_how_text_messages_leave_or_what_they_lack(variables: dict[str, str], shown: str) -> None:
    rows = {name: value for name, value, _ in settings_report(read_settings(variables))}
    assert rows["channel sms"].startswith(shown)
    assert SECRET not in str(rows)


def test_hosts_to_send_people_to_are_compared_in_small_letters() -> None:
    settings = read_settings({"SURVEY_REDIRECT_HOSTS": "Acme.example, *.reviews.example,"})
    assert settings.allowed_redirect_hosts == {"acme.example", "*.reviews.example"}
    assert read_settings({}).allowed_redirect_hosts == frozenset()
