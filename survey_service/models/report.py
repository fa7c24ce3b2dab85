"""A report: the figures of a week, in the words of the person who reads them; and the plan of who is due one when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable, Noun


class Verdict(StrEnum):
    """What a change is worth."""

    BETTER = "better"  # by more than chance
    WORSE = "worse"  # by more than chance
    CHANCE = "chance"  # it may be chance
    NONE = "none"  # there is nothing to compare, or too little


class ReportRow(Noun):
    """The figures of a touchpoint, or of all of them, as they are read; empty where there are none."""

    name: str
    url: str | None = None  # where the dashboard shows them
    score: str = ""
    interval: str = ""
    n: str
    answers: str  # `n` in words
    change: str = ""
    change_interval: str = ""
    verdict: Verdict = Verdict.NONE


class ReportTable(Noun):
    """One metric on one scale; `rows` are the touchpoints, none where the total says it all."""

    metric: str
    total: ReportRow
    sentence: str  # how the total compares with the week before
    rows: tuple[ReportRow, ...] = ()
    left_out: str = ""  # says how many more there are
    note: str = ""  # how sure a change of a touchpoint has to be


class Report(Noun):
    """What one mail says of a week."""

    title: str
    summary: str  # what really changed; empty where there is nothing to compare
    tables: tuple[ReportTable, ...] = ()
    cases: str = ""  # that wait for somebody; empty: none


class ReportPlan(Claimable):
    """`id` is the person, `due_at` when they are told of the week that ends with `monday`.

    `monday` is a label as in calendars/buckets.py: that day's midnight, written as if it were UTC.
    """

    monday: datetime
