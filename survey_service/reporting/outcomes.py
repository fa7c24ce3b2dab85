"""Questions about what became of events, answers, rewards and cases come in; rows by period and group go out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from survey_service.calendars.buckets import stretches
from survey_service.models.rollup import AGENT, LISTED, Progress
from survey_service.reporting.journeys import (
    Folded,
    band_of,
    can_tell,
    fold,
    quartiles,
    return_rate,
    with_places,
)
from survey_service.reporting.metric_rows import group_columns, period_columns, rate_columns
from survey_service.reporting.metrics import MetricQuestion, Metrics, order_of
from survey_service.reporting.periods import Time, next_hour, widened
from survey_service.store import journeys
from survey_service.store.histograms import Group, Wanted
from survey_service.store.journeys import Sums
from survey_service.store.store import Store

_USUAL = timedelta(days=30)
_STEPS = ("invited", "sent", "delivered", "bounced", "started", "finished")

Row = dict[str, Any]
Keyed = list[tuple[tuple[Any, ...], Row]]  # rows with what they are sorted by


class Unanswerable(ValueError):
    """The rows that would have to be read do not know one of the dimensions; the message names those that they know."""


class Outcomes:
    """Answers questions by reading rows; without `start` they are about thirty days."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    async def funnel(self, question: MetricQuestion) -> Keyed:
        """Events, and invitations made in the time with how far they came by now; opt-outs of the time."""
        wanted = self._wanted(question)
        self._need(wanted, [*journeys.OF_INVITATIONS, *_listed(wanted)])
        steps = await self._folded(journeys.sum_invitations(self._database, with_places(wanted)), wanted)
        events: Mapping[Group, Folded] | None = None
        refusals: Mapping[Group, Folded] = {}
        if can_tell(wanted, journeys.OF_DECISIONS):
            asked = with_places(wanted)
            events = await self._folded(journeys.sum_events(self._database, asked), wanted)
            refusals = await self._folded(journeys.sum_refusals(self._database, asked), wanted, ("reason",))
        opted_out: Mapping[Group, Folded] | None = None
        if can_tell(wanted, ("brand",)):
            opted_out = await self._folded(journeys.sum_opt_outs(self._database, wanted), wanted)
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
        self._need(wanted, [*journeys.OF_RESPONSES, *_listed(wanted)])
        found = await self._folded(journeys.times_to_answer(self._database, wanted), wanted)
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
        self._need(wanted, journeys.OF_REWARDS)
        found = await self._folded(journeys.sum_rewards(self._database, with_places(wanted)), wanted, ("currency",))
        bounded = replace(question, start=wanted.start, end=wanted.end)
        volume, _, _ = await Metrics(self._store).volume(bounded)
        answers = {row.group: row.counts[Progress.STARTED] + row.counts[Progress.FINISHED] for row in volume}
        rows: Keyed = []
        for group in {*found, *answers}:
            costs = found[group].by_extra if group in found else {(None,): Counter[str]()}
            for (currency,), numbers in costs.items():
                row = _cost_row(currency, numbers, answers.get(group, 0))
                rows += [
                    ((*key, (currency is not None, currency or "")), shown)
                    for key, shown in self._keyed(question, wanted, {group: row})
                ]
        return sorted(rows, key=lambda keyed: keyed[0])

    async def cases(self, question: MetricQuestion) -> Keyed:
        """Cases that were opened in the time: how many are still active or overdue, and how long the others took."""
        wanted = self._wanted(question)
        self._need(wanted, journeys.OF_CASES)
        found = await self._folded(journeys.cases_opened(self._database, with_places(wanted)), wanted)
        return self._keyed(question, wanted, {group: _case_row(row) for group, row in found.items()})

    async def returns(self, question: MetricQuestion, event_types: Collection[str], within: timedelta) -> Keyed:
        """Of those who answered in the time: who came back within so long, by score band and by the case's state.

        Answers of which that time has not passed yet are left out.
        """
        wanted = self._wanted(question)
        self._need(wanted, [*journeys.OF_RESPONSES, *_listed(wanted)])
        settled = replace(wanted, end=min(wanted.end, self._store.clock.now() - within))
        found: Mapping[Group, Folded] = {}
        extra = ("metric", "scale", "score", "outcome")
        if settled.start < settled.end:
            rows = journeys.sum_returns(self._database, settled, event_types, within)
            found = await self._folded(rows, settled, extra)
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
                    for key, shown in self._keyed(question, settled, {group: row})
                ]
        return sorted(keyed, key=lambda one: one[0])

    def _wanted(self, question: MetricQuestion) -> Wanted:
        end = question.end or next_hour(self._store.clock.now())
        time = widened(Time(question.start or end - _USUAL, end), question.granularity, question.zone)
        clock = stretches(question.zone, time.start, time.end) if question.granularity else ()
        by, only = question.group_by, question.only
        return Wanted(question.metric, time.start, time.end, by, only, question.granularity, clock)

    def _need(self, wanted: Wanted, known: Collection[str]) -> None:
        if not can_tell(wanted, known):
            more = ("region", "journey_stage") if "touchpoint" in known else ()
            names = sorted({name for name in (*known, *more) if not name.startswith(LISTED)})
            raise Unanswerable(f"only {', '.join(names)} can be told apart here")

    async def _folded(
        self, rows: AsyncIterator[Sums], wanted: Wanted, extra: tuple[str, ...] = ()
    ) -> dict[Group, Folded]:
        places = {row.id: row for row in await self._store.configuration.touchpoints.all()}
        return fold([row async for row in rows], wanted, places, extra)

    def _keyed(self, question: MetricQuestion, wanted: Wanted, rows: Mapping[Group, Row]) -> Keyed:
        now, time = self._store.clock.now(), Time(wanted.start, wanted.end)
        shown = [(order_of(group), self._row(group, row, question, time, now)) for group, row in rows.items()]
        return sorted(shown, key=lambda keyed: keyed[0])

    def _row(self, group: Group, row: Row, question: MetricQuestion, time: Time, now: datetime) -> Row:
        return {**group_columns(group, question), **period_columns(group, question, time, now), **row}


def _listed(wanted: Wanted) -> list[str]:
    return [name for name in wanted.dimensions if name.startswith(LISTED)] + [AGENT]


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


def _cost_row(currency: str | None, numbers: Counter[str], answers: int) -> Row:
    return {
        "currency": currency,
        "rewards": numbers["rewards"],
        "cost": float(numbers["cost"]),
        "answers": answers,
        "cost_per_answer": numbers["cost"] / answers if answers else None,
        "withheld": False,
    }


def _case_row(row: Folded) -> Row:
    return {
        "opened": row.numbers["cases"],
        "active": row.numbers["active"],
        "overdue": row.numbers["overdue"],
        "closed": len(row.seconds),
        **quartiles(row.seconds),
        "withheld": False,
    }


def _return_row(numbers: Counter[str], least: int) -> Row:
    answers, returned = numbers["answers"], numbers["returned"]
    return _withheld({"answers": answers, "returned": returned, **return_rate(returned, answers)}, answers, least)


def _withheld(figures: Row, n: int, least: int) -> Row:
    shown = n >= least
    return {**(figures if shown else dict.fromkeys(figures)), "withheld": not shown}
