"""Comparisons come in; each contestant is measured in turns, and medians, ratios and their spread go out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


class Unit(Enum):
    """What a measurement says; decides whether more is better."""

    EVENTS = "events/s"
    MAILS = "mails/s"
    MESSAGES = "messages/s"
    PAGES = "pages/s"
    ROWS = "rows/s"
    EVALUATIONS = "evaluations/s"
    MILLISECONDS = "ms"

    def speed(self, ours: float, floor: float) -> float:
        """How fast we are where the floor is 1; below 1 is slower."""
        return floor / ours if self is Unit.MILLISECONDS else ours / floor


@dataclass(frozen=True, slots=True)
class Contestant:
    """`measure` does a whole run and returns its result in the comparison's unit."""

    name: str
    measure: Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Us against one or more floors."""

    what: str
    unit: Unit
    ours: Contestant
    floors: tuple[Contestant, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The measurements of a comparison, one a round, by contestant."""

    comparison: Comparison
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add_rows(self, table: Table) -> None:
        """One row a floor: medians, and the median, least and greatest of the ratios of single rounds."""
        unit = self.comparison.unit
        ours = self.rounds[self.comparison.ours.name]
        for contestant in self.comparison.floors:
            floor = self.rounds[contestant.name]
            ratios = [unit.speed(*pair) for pair in zip(ours, floor, strict=True)]
            table.add_row(
                self.comparison.what,
                contestant.name,
                _figure(median(floor), unit),
                _figure(median(ours), unit),
                f"{median(ratios):.3f}",
                f"{min(ratios):.3f} to {max(ratios):.3f}",
            )


async def compare(
    comparisons: Sequence[Comparison], rounds: int, progress: Progress, *, warm_ups: int
) -> list[Outcome]:
    """Measure every comparison: its contestants take turns, and the order is turned round after each round.

    `warm_ups` rounds come before the counted ones.
    """
    outcomes = []
    for comparison in comparisons:
        contestants = [*comparison.floors, comparison.ours]
        task = progress.add_task(comparison.what, total=(warm_ups + rounds) * len(contestants))
        outcome = Outcome(comparison, {contestant.name: [] for contestant in contestants})
        for number in range(-warm_ups, rounds):
            for contestant in contestants if number % 2 else reversed(contestants):
                result = await contestant.measure()
                if number >= 0:
                    outcome.rounds[contestant.name].append(result)
                progress.advance(task)
        outcomes.append(outcome)
    return outcomes


def progress_bar() -> Progress:
    """A bar that is drawn seldom, since what it would use up is missing in the measurements."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, refresh_per_second=2)


def result_table() -> Table:
    """An empty table for `Outcome.add_rows`."""
    table = Table(title="As fast as the floor: 1.000", title_style="bold", expand=False)
    table.add_column("what")
    table.add_column("floor")
    for heading in ("floor's figure", "ours", "ratio", "rounds from to"):
        table.add_column(heading, justify="right")
    return table


def _figure(value: float, unit: Unit) -> str:
    return f"{value:,.2f} {unit.value}" if value < 100 else f"{value:,.0f} {unit.value}"
