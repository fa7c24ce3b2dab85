"""What tests of weekly reports share: weeks of answers, and the figures and mails that are made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.base import EmailMessage
from survey_service.delivery.composing import Composer
from survey_service.delivery.letters import Letter
from survey_service.models.brand import Brand
from survey_service.models.delivery import Delivery
from survey_service.models.person import Person
from survey_service.reporting.comparing import figures_of
from survey_service.reporting.scores import Metric
from survey_service.reporting.weekly_figures import OpenCases, Standing, WeekFigures, standings_of
from survey_service.reporting.weekly_letters import Weekly, weekly_letter
from survey_service.store.histograms import Group, Histograms
from survey_service.tokens import Keyring

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
WEEK = timedelta(days=7)
HOME = "https://survey.example"

Given = Mapping[int, int]  # how often each value was given


def standing(metric: Metric, scale: str, places: Mapping[str | None, tuple[Given, Given]], least: int = 0) -> Standing:
    """One metric of the week before `MONDAY`: by touchpoint, the answers of that week and of the one before.

    What has fewer than `least` answers is withheld.
    """
    by_place: Histograms = {}
    totals: Histograms = {}
    for place, weeks in places.items():
        for label, given in zip((MONDAY - WEEK, MONDAY - 2 * WEEK), weeks, strict=True):
            if given:
                by_place[Group(scale, label, (place,))] = Counter(given)
                totals.setdefault(Group(scale, label, ()), Counter()).update(given)
    found = standings_of(metric, figures_of(metric, totals, least), figures_of(metric, by_place, least), MONDAY)
    (only,) = found
    return only


def a_weekly(*standings: Standing, cases: OpenCases | None = None, **changes: Any) -> Weekly:
    """The report of Mia, in Berlin; `changes` are hers, `names` of touchpoints, or the `least` answers of a figure."""
    names, least = changes.pop("names", {}), changes.pop("least", 0)
    fields = {"id": "mia", "name": "Mia", "email": "mia@acme.example", "timezone": "Europe/Berlin"}
    person = Person.model_validate(fields | changes)
    brand = Brand(id="acme", name="Acme", email_from="Acme <hello@acme.example>", postal_address="Hauptstr. 1, Berlin")
    figures = WeekFigures(standings, cases or OpenCases(), least=least)
    return Weekly(person, brand, MONDAY, figures, names, HOME)


def delivery_of(weekly: Weekly) -> Delivery:
    """The delivery that is asked for on that Monday."""
    return weekly_letter(weekly, MONDAY + timedelta(hours=7), letter="dlv_1")


def mail_of(weekly: Weekly) -> EmailMessage:
    """The mail as it leaves."""
    composer = Composer(Keyring(["a secret of sixteen characters or more"]), HOME, "Survey <survey@example.com>")
    message = composer.compose_letter(Letter(delivery_of(weekly), weekly.brand, weekly.person))
    assert isinstance(message, EmailMessage)
    return message
