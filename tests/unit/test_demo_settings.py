"""The demo keeps to this machine, to data of its own, and to nobody's address."""

from __future__ import annotations

from pathlib import Path

import pytest

from survey_service.cli.demo import demo_settings
from survey_service.errors import ConfigurationError
from survey_service.settings import read_settings

TWILIO = {
    "SURVEY_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "SURVEY_TWILIO_AUTH_TOKEN": "token",
    "SURVEY_TWILIO_FROM": "+15005550006",
    "SURVEY_TWILIO_API_URL": "http://127.0.0.1:9",
}


def test_the_demo_has_a_data_folder_of_its_own() -> None:
    assert demo_settings(read_settings({})).data_dir == Path(".data/demo")
    assert demo_settings(read_settings({"SURVEY_DATA_DIR": "/srv/surveys"})).data_dir == Path("/srv/surveys/demo")


@pytest.mark.parametrize(
    "variables",
    [
        {"SURVEY_MONGODB_URI": "mongodb://db.example/?replicaSet=rs0"},
        {"SURVEY_SMTP_URL": "smtp://127.0.0.1:25"},
        {"SURVEY_PUBLIC_URL": "https://survey.example"},
        {"SURVEY_HOST": "0.0.0.0"},  # noqa: S104 -- what is refused
        {"SURVEY_SANDBOX": "off"},
        TWILIO,
    ],
)
def test_the_demo_refuses_what_leads_off_this_machine_or_to_people_by_name(variables: dict[str, str]) -> None:
    settings = read_settings({"SURVEY_SECRET": "0123456789abcdef", **variables})
    with pytest.raises(ConfigurationError) as refused:
        demo_settings(settings)
    assert refused.value.detail.partition("unset ")[2].split(", ") == list(variables)
