from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.texts.locales import (
    LANGUAGE_NAMES,
    choose_language,
    format_date,
    language_of,
    localised,
    text_direction,
)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE_at", "de"),
        (" de-DE ", "de"),
        ("de_DE.UTF-8", "de"),
        ("zh-Hant-TW", "zh"),
        ("fil-PH", "fil"),
        (None, None),
        ("", None),
        ("*", None),
        ("german", None),
        ("x-klingon", None),
        ("../../etc", None),
    ],
)
def test_the_language_of_a_locale_is_its_first_part(locale: str | None, language: str | None) -> None:
    assert language_of(locale) == language


@given(st.text())
def test_no_text_is_too_odd_for_a_locale(text: str) -> None:
    language_of(text)
    assert text_direction(text) in {"ltr", "rtl"}
    assert choose_language([text], ["en"], "en") == "en"
    assert format_date(datetime(2013, 1, 2, tzinfo=UTC), UTC, text)


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        (["de-AT"], ["en", "de", "de-AT"], "de-AT"),
        (["de-AT"], ["en", "de"], "de"),
        (["de_at"], ["en", "de-AT"], "de-AT"),
        (["pt"], ["en", "pt-BR"], "pt-BR"),
        (["zh-Hant-TW"], ["zh-Hans", "zh-Hant", "en"], "zh-Hant"),
        ([None, "", "fr", "es-MX"], ["en", "es"], "es"),
        (["es", "de"], ["de", "es"], "es"),
        (["fr"], ["en", "de"], "en"),
        ([], ["en", "de"], "en"),
    ],
)
def test_the_exact_region_is_served_before_the_language(wanted: list[str], available: list[str], chosen: str) -> None:
    assert choose_language(wanted, available, "en") == chosen


def test_a_text_comes_with_the_language_it_is_in() -> None:
    texts = {"en": "Thank you", "de": "Danke"}
    assert localised(texts, "de-CH", "en") == ("Danke", "de")
    assert localised(texts, "fr", "en") == ("Thank you", "en")


def test_languages_are_listed_by_their_own_names() -> None:
    assert [LANGUAGE_NAMES[code] for code in ("en", "de", "es", "pt-BR")] == [
        "English",
        "Deutsch",
        "Español",
        "Português (Brasil)",
    ]
    assert "xx" not in LANGUAGE_NAMES
    assert LANGUAGE_NAMES.get("xx", "xx") == "xx"
    assert len(LANGUAGE_NAMES) == len(set(LANGUAGE_NAMES))


@pytest.mark.parametrize(("lang", "direction"), [("de", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("xx", "ltr")])
def test_a_language_has_a_direction(lang: str, direction: str) -> None:
    assert text_direction(lang) == direction


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "January 1, 2013"),
        ("en-GB", "1 January 2013"),
        ("de", "1. Januar 2013"),
        ("de-XX", "1. Januar 2013"),
        ("es", "1 de enero de 2013"),
        ("xx", "January 1, 2013"),
    ],
)
def test_a_day_is_written_in_the_zone_and_language_of_its_reader(language: str, text: str) -> None:
    after_midnight_in_london = datetime(2013, 1, 2, 1, 30, tzinfo=UTC)
    assert format_date(after_midnight_in_london, ZoneInfo("America/New_York"), language) == text
