"""Questions about what became of events, answers, rewards and cases come in; rows by period and group go out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from survey_service.calendars.buckets import label_of, shifted, stretches
from survey_service.errors import InvalidInput
from survey_service.models.rollup import LISTED, Progress
from survey_service.models.touchpoint import Touchpoint
from survey_service.reporting.journeys import (
    OF_PLACES,
    Folded,
    band_of,
    can_tell,
    fold,
    quartiles,
    return_rate,
    running_totals,
    with_places,
)
from survey_service.reporting.metric_rows import group_columns, period_columns, rate_columns
from survey_service.reporting.metrics import MetricQuestion, Metrics, order_of
from survey_service.reporting.periods import Time, next_hour, widened
from survey_service.store import journeys
from survey_service.store.histograms import Group, Wanted
from survey_service.store.journeys import Sums
from survey_service.store.returns import sum_returns
from survey_service.store.store import Store

_USUAL, _INSTANT = timedelta(days=30), timedelta(milliseconds=1)
_STEPS = ("invited", "sent", "delivered", "bounced", "started", "finished")

Row = dict[str, Any]
Keyed = list[tuple[tuple[Any, ...], Row]]  # rows with what they are sorted by


class Outcomes:
    """Answers questions by reading rows; without `start` they are about thirty days.

    Each raises InvalidInput where the rows do not know one of the dimensions, or are too many.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    async def funnel(self, question: MetricQuestion) -> Keyed:
        """Events, and invitations made in the time with how far they came by now; opt-outs of the time."""
        wanted = self._wanted(question)
        _need(question, journeys.OF_INVITATIONS)
        places = await self._places()
        asked = with_places(wanted, places)
        steps = fold(await _all(journeys.sum_invitations(self._database, asked)), wanted, places)
        events: Mapping[Group, Folded] | None = None
        refusals: Mapping[Group, Folded] = {}
        if can_tell(wanted, journeys.OF_DECISIONS):
            events = fold(await _all(journeys.sum_events(self._database, asked)), wanted, places)
            refusals = fold(await _all(journeys.sum_refusals(self._database, asked)), wanted, places, ("reason",))
        opted_out: Mapping[Group, Folded] | None = None
        if can_tell(wanted, ("brand",)):
            opted_out = fold(await _all(journeys.sum_opt_outs(self._database, wanted)), wanted, places)
        groups = {*steps, *(events or ()), *refusals, *(opted_out or ())}
        return self._keyed(
            question,
            wanted,
            {
                group: _funnel_row(
                    steps.get(group, Folded()).numbers,
                    None if events is None else events.get(group, Folded()).numbers["events"],
                    None if opted_out is None else opted_out.get(group, Folded()).numbers["opted_out"],
                    None if events is None else _by_reason(refusals.get(group, Folded())),
                    question.least,
                )
                for group in groups
            },
        )

    async def times(self, question: MetricQuestion) -> Keyed:
        """How long people took from the first message to the first answer, of the answers of the time."""
        wanted = self._wanted(question)
        _need(question, journeys.OF_RESPONSES)
        found = fold(await _all(journeys.times_to_answer(self._database, wanted)), wanted, await self._places())
        return self._keyed(
            question,
            wanted,
            {
                group: _withheld({"n": len(row.seconds), **quartiles(row.seconds)}, len(row.seconds), question.least)
                for group, row in found.items()
            },
        )

    async def incentives(self, question: MetricQuestion) -> Keyed:
        """What rewards that were granted in the time cost, by currency, and that for each answer of the time."""
        wanted = self._wanted(question)
        _need(question, journeys.OF_REWARDS)
        places = await self._places()
        rewards = await _all(journeys.sum_rewards(self._database, with_places(wanted, places)))
        found = fold(rewards, wanted, places, ("currency",))
        bounded = replace(question, start=wanted.start, end=wanted.end)
        volume, _, _ = await Metrics(self._store).volume(bounded)
        answers = {row.group: row.counts[Progress.STARTED] + row.counts[Progress.FINISHED] for row in volume}
        rows: Keyed = []
        for group in {*found, *answers}:
            costs = found[group].by_extra if group in found else {(None,): Counter[str]()}
            for (currency,), numbers in costs.items():
                row = {"currency": currency, **_cost_row(numbers, answers.get(group, 0), question.least)}
                rows += [
                    ((*key, (currency is not None, currency or "")), shown)
                    for key, shown in self._keyed(question, wanted, {group: row})
                ]
        return sorted(rows, key=lambda keyed: keyed[0])

    async def cases(self, question: MetricQuestion) -> Keyed:
        """Cases that were opened in the time, and how long they took; those open at its end, however old they are."""
        wanted = self._wanted(question)
        _need(question, journeys.OF_CASES)
        places, now = await self._places(), self._store.clock.now()
        asked = with_places(wanted, places)
        opened = fold(await _all(journeys.cases_opened(self._database, asked)), wanted, places)
        changes = fold(await _all(journeys.changes_of_open_cases(self._database, asked, now)), wanted, places)
        standing = running_totals(changes, _labels(wanted, question, now))
        rows = {
            group: _case_row(opened.get(group, Folded()), standing.get(group, Counter()), question.least)
            for group in {*opened, *standing}
        }
        return self._keyed(question, wanted, rows)

    async def returns(
        self,
        question: MetricQuestion,
        event_types: Collection[str],
        within: timedelta,
        kept: timedelta | None = None,
    ) -> Keyed:
        """Of those who answered in the time: who came back within so long, by score band and by the case's state.

        Answers of which that time has not passed yet are left out: without `start` it is about the thirty days before
        those. `kept` is how long rows say whose they are, None: for good.

        Raises:
            InvalidInput: such rows would be needed that nobody's name stands in any more.
        """
        passed = self._store.clock.now() - within
        if question.start is None:
            question = replace(question, start=min(question.end or passed, passed) - _USUAL)
        wanted = self._wanted(question)
        _need(question, journeys.OF_RESPONSES)
        if kept is not None:
            _need_names(wanted.start, within, kept, self._store.clock.now())
        settled = replace(wanted, end=min(wanted.end, passed))
        found: Mapping[Group, Folded] = {}
        extra = ("metric", "scale", "score", "outcome")
        if settled.start < settled.end:
            rows = await _all(sum_returns(self._database, settled, event_types, within))
            found = fold(rows, settled, await self._places(), extra)
        keyed: Keyed = []
        for group, folded in found.items():
            bands: dict[tuple[str, str, str, str], Counter[str]] = {}
            for (metric, scale, score, outcome), numbers in folded.by_extra.items():
                if (band := band_of(metric, scale, score)) is not None:
                    bands.setdefault((metric, scale, band, outcome or "none"), Counter()).update(numbers)
            for band_key, numbers in bands.items():
                named = dict(zip(("metric", "scale", "band", "case"), band_key, strict=True))
                row = {**named, **_return_row(numbers, question.least)}
                keyed += [
                    ((*key, *((True, part) for part in band_key)), shown)
                    for key, shown in self._keyed(question, settled, {group: row}, passed)
                ]
        return sorted(keyed, key=lambda one: one[0])

    def _wanted(self, question: MetricQuestion) -> Wanted:
        end = question.end or next_hour(self._store.clock.now())
        time = widened(Time(question.start or end - _USUAL, end), question.granularity, question.zone)
        clock = stretches(question.zone, time.start, time.end) if question.granularity else ()
        by, only = question.group_by, question.only
        return Wanted(question.metric, time.start, time.end, by, only, question.granularity, clock)

    async def _places(self) -> dict[str, Touchpoint]:
        return {row.id: row for row in await self._store.configuration.touchpoints.all()}

    def _keyed(
        self, question: MetricQuestion, wanted: Wanted, rows: Mapping[Group, Row], over: datetime | None = None
    ) -> Keyed:
        """Rows in their order; a period that ended before `over` is complete, None: before now."""
        now, time = over or self._store.clock.now(), Time(wanted.start, wanted.end)
        shown = [
            (order_of(group), {**group_columns(group, question), **period_columns(group, question, time, now), **row})
            for group, row in rows.items()
        ]
        return sorted(shown, key=lambda keyed: keyed[0])


async def _all(rows: AsyncIterator[Sums]) -> list[Sums]:
    return [row async for row in rows]


def _need(question: MetricQuestion, known: Collection[str]) -> None:
    """Every dimension that is asked for is a known one, tells from the touchpoint, or is one that surveys list."""
    told = {*known, *OF_PLACES} if "touchpoint" in known else set(known)
    for name in (*question.group_by, *question.only):
        if name not in told and not name.startswith(LISTED):
            # What surveys list is always told, so that a filter left over has a parameter of its own.
            pointer = "/group_by" if name in question.group_by else f"/{name}"
            message = f"only {', '.join(sorted(told))} and what surveys list can be told apart here"
            raise InvalidInput.at(pointer, "dimension", message)


def _need_names(start: datetime, within: timedelta, kept: timedelta, now: datetime) -> None:
    """Answers and events of the time still say whose they are."""
    if within >= kept:
        message = f"must be shorter than the {kept.days} days after which rows do not say any more whose they are"
        raise InvalidInput.at("/within", "retention", message)
    if start < now - kept:
        message = f"must not lie more than {kept.days} days back: older rows do not say any more whose they are"
        raise InvalidInput.at("/from", "retention", message)


def _labels(wanted: Wanted, question: MetricQuestion, now: datetime) -> list[datetime | None]:
    """The periods of the time that have begun, by their labels."""
    if question.granularity is None:
        return [None]
    last = label_of(min(wanted.end - _INSTANT, now), question.granularity, question.zone)
    label, found = label_of(wanted.start, question.granularity, question.zone), list[datetime | None]()
    while label <= last:
        found.append(label)
        label = shifted(label, question.granularity, 1)
    return found


def _by_reason(folded: Folded) -> dict[str, int]:
    return {str(reason): numbers["skipped"] for (reason,), numbers in sorted(folded.by_extra.items(), key=str)}


def _funnel_row(
    steps: Counter[str], events: int | None, opted_out: int | None, not_invited: dict[str, int] | None, least: int
) -> Row:
    figures = {
        "events": events,
        **{step: steps[step] for step in _STEPS},
        "opted_out": opted_out,
        **rate_columns("response_rate", steps["started"], steps["sent"]),
        **rate_columns("completion_rate", steps["finished"], steps["started"]),
        **rate_columns("bounce_rate", steps["bounced"], steps["sent"]),
        **rate_columns("opt_out_rate", opted_out, steps["sent"]),
        "not_invited": not_invited,
    }
    return _withheld(figures, steps["sent"], least)


def _cost_row(numbers: Counter[str], answers: int, least: int) -> Row:
    figures = {
        "rewards": numbers["rewards"],
        "cost": float(numbers["cost"]),
        "answers": answers,
        "cost_per_answer": numbers["cost"] / answers if answers else None,
    }
    return _withheld(figures, answers, least)


def _case_row(opened: Folded, standing: Counter[str], least: int) -> Row:
    began, active = opened.numbers["opened"], standing["active"]
    figures = {
        "opened": began,
        "active": active,
        "overdue": standing["overdue"],
        "closed": len(opened.seconds),
        **quartiles(opened.seconds),
    }
    return _withheld(figures, max(began, active), least)


def _return_row(numbers: Counter[str], least: int) -> Row:
    answers, returned = numbers["answers"], numbers["returned"]
    return _withheld({"answers": answers, "returned": returned, **return_rate(returned, answers)}, answers, least)


def _withheld(figures: Row, n: int, least: int) -> Row:
    shown = n >= least
    return {**(figures if shown else dict.fromkeys(figures)), "withheld": not shown}
