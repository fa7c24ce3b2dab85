"""Suspicion: what people do is not suspect, what only machines do is; tables of facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.answering.suspicion import (
    MANY_LINKS,
    Facts,
    Limits,
    Suspect,
    newest_departure,
    suspect_reason,
)
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.settings import read_settings
from survey_service.store.visits import Opened, PageVisit
from tests.support.factories import NOON, make_delivery, make_invitation

LIMITS = Limits(too_fast=timedelta(seconds=3), burst=30)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def visit(opened: Opened, seconds: float, score: int | None = None) -> PageVisit:
    return PageVisit("inv_1", "net", opened, score, ago(seconds))


def scores(count: int, seconds: float = 1) -> list[PageVisit]:
    return [visit(Opened.SCORE, seconds, score) for score in range(count)]


@pytest.mark.parametrize(
    ("opened", "is_suspect"),
    [
        ([], False),
        (scores(1), False),
        (scores(MANY_LINKS - 1), False),
        (scores(MANY_LINKS), True),
        (scores(11), True),
        (scores(11, seconds=10), True),
        (scores(11, seconds=10.001), False),  # their mail's scanner, and then they themselves
        ([visit(Opened.SCORE, second, 9) for second in range(9)], False),  # the same button, again and again
        ([*scores(2), visit(Opened.OPT_OUT, 2)], True),  # every link of a yes or no
        ([*scores(1), visit(Opened.OPT_OUT, 2)], False),
        ([*scores(2), visit(Opened.PAGE, 2), visit(Opened.LANGUAGE, 2)], False),
        ([visit(Opened.SCORE, 30, 1), visit(Opened.SCORE, 20, 2), *scores(1)], False),
    ],
)
def test_three_links_of_a_mail_within_seconds_are_a_scanners(opened: Sequence[PageVisit], is_suspect: bool) -> None:
    expected = Suspect.OPENS_EVERY_LINK if is_suspect else None
    assert suspect_reason(Facts(NOON, opened=opened), LIMITS) is expected


@pytest.mark.parametrize(
    ("left_at", "opened", "is_suspect"),
    [
        (None, [], False),  # handed over by the caller, or a public link
        (ago(0), [], True),
        (ago(2.999), [], True),
        (ago(3), [], False),
        (ago(3600), [], False),
        (ago(-1), [], True),  # it answers while the other mail server still takes the mail
        (ago(1), [visit(Opened.PAGE, 0.5)], True),
        (ago(1), [visit(Opened.PAGE, 40)], False),  # a reminder left while they were reading
    ],
)
def test_an_answer_just_after_the_message_left_is_too_fast(
    left_at: datetime | None, opened: Sequence[PageVisit], is_suspect: bool
) -> None:
    expected = Suspect.TOO_FAST if is_suspect else None
    assert suspect_reason(Facts(NOON, left_at, opened), LIMITS) is expected


@pytest.mark.parametrize(("begun", "expected"), [(0, None), (29, None), (30, Suspect.BURST), (31, Suspect.BURST)])
def test_the_one_answer_beyond_the_limit_of_a_minute_is_a_burst(begun: int, expected: Suspect | None) -> None:
    assert suspect_reason(Facts(NOON, begun=begun), LIMITS) is expected


def test_the_surest_reason_is_given() -> None:
    everything = Facts(NOON, ago(1), scores(11), begun=1000)
    assert suspect_reason(everything, LIMITS) is Suspect.OPENS_EVERY_LINK
    assert suspect_reason(Facts(NOON, ago(1), begun=1000), LIMITS) is Suspect.TOO_FAST


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([{"state": DeliveryState.PLANNED}], None),
        ([{"state": DeliveryState.SENT, "sent_at": ago(60), "attempted_at": ago(61)}], ago(60)),
        ([{"state": DeliveryState.SENDING, "attempted_at": ago(5)}], ago(5)),
        ([{"state": DeliveryState.UNKNOWN, "attempted_at": ago(5)}], ago(5)),
        ([{"state": DeliveryState.DEAD, "attempted_at": ago(5)}], None),
        ([{"state": DeliveryState.SENT, "sent_at": ago(60)}, {"state": DeliveryState.SENT, "sent_at": ago(5)}], ago(5)),
        ([{"state": DeliveryState.SENT, "sent_at": ago(60)}, {"state": DeliveryState.PLANNED}], ago(60)),
        ([{"state": DeliveryState.SENT, "sent_at": ago(5), "kind": DeliveryKind.DIALOGUE}], None),
    ],
)
def test_the_newest_message_that_asked_counts(rows: Sequence[dict[str, Any]], expected: datetime | None) -> None:
    invitation = make_invitation()
    deliveries = [make_delivery(invitation, number, **row) for number, row in enumerate(rows, start=1)]
    assert newest_departure(deliveries) == expected


EXTERNAL = {"SURVEY_MONGODB_URI": "mongodb://db.example/?replicaSet=rs0", "SURVEY_SECRET": "hush-hush-hush-hush"}


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),  # the sandbox, and with it the demo
        (EXTERNAL, True),
        ({**EXTERNAL, "SURVEY_SANDBOX": "on"}, False),
        ({"SURVEY_PUBLIC_URL": "https://surveys.example.com"}, True),
        ({**EXTERNAL, "SURVEY_SUSPECTS": "off"}, False),
        ({"SURVEY_SUSPECTS": "on"}, True),
        ({"SURVEY_SANDBOX": "off"}, True),
    ],
)
def test_nobody_is_suspected_in_the_sandbox(variables: dict[str, str], on: bool) -> None:
    assert read_settings(variables).suspects_on is on
