"""The demo's passengers: what they say fits their flight, their language, and the form."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from itertools import groupby
from statistics import mean
from typing import Any

import orjson
import pytest

from survey_service.cli.demo_answers import answers_to

EVENTS: list[dict[str, Any]] = [
    orjson.loads(line) for line in (files("survey_service.cli") / "demo_events.ndjson").read_bytes().splitlines()
]
ANSWERED = [(event, pages) for event in EVENTS if (pages := answers_to(event))]


def test_some_answer_and_some_do_not() -> None:
    assert 0.3 < len(ANSWERED) / len(EVENTS) < 0.6
    assert {event["type"] for event, _ in ANSWERED} == {"flight.landed"}


def test_the_same_flight_is_answered_alike() -> None:
    assert [answers_to(event) for event in EVENTS] == [answers_to(event) for event in EVENTS]


def test_the_later_a_flight_the_worse_its_score() -> None:
    def is_late(pair: tuple[dict[str, Any], Any]) -> bool:
        return bool(pair[0]["data"]["arrival_delay_minutes"] > 30)

    scores = {
        late: mean(int(pages[0]["nps"]) for _, pages in group)
        for late, group in groupby(sorted(ANSWERED, key=is_late), key=is_late)
    }
    assert scores[True] + 2 < scores[False]
    assert set(Counter(pages[0]["nps"] for _, pages in ANSWERED)) <= {str(score) for score in range(11)}


def test_whoever_is_unhappy_is_asked_once_more() -> None:
    for _, pages in ANSWERED:
        assert len(pages) == (2 if int(pages[0]["nps"]) <= 6 else 1)


@pytest.mark.parametrize(("locale", "words"), [("de-DE", "Verspätung"), ("es-MX", "retraso"), ("en-US", "late")])
def test_passengers_speak_their_language(locale: str, words: str) -> None:
    said = [
        text
        for event, pages in ANSWERED
        for page in pages
        for text in page.values()
        if event["data"]["customer"]["locale"] == locale
    ]
    assert any(words in text for text in said)
