"""`make bench`: names of benchmarks come in, or none for all; a table of ratios goes out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from benchmarks import backtest, conditions, exports, ingest, intake, metrics, page, sending, sms, webhooks
from benchmarks.measuring import compare, progress_bar, result_table
from benchmarks.processes import Bench, describe_machine, own_mongod

BENCHMARKS = {
    "ingest-single": ingest.single,
    "ingest-batch": ingest.batch,
    "intake": intake.deciding,
    "sending": sending.sending,
    "backtest": backtest.rehearsing,
    "conditions": conditions.evaluating,
    "sms": sms.sending,
    "page": page.showing,
    "metrics": metrics.asking,
    "metrics-million": metrics.asking_a_million,
    "exports": exports.streaming,
    "webhooks": webhooks.together,
    "webhooks-apart": webhooks.apart,
    "cases": webhooks.helping,
}
BY_NAME_ALONE = {"metrics-million"}  # takes minutes
ROUNDS = 5


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(BENCHMARKS)}; all if none is given.")] = None,
    quick: Annotated[bool, typer.Option(help="A smoke run: it shows that everything works, and no more.")] = False,
    disk: Annotated[bool, typer.Option(help="Keep the data on disk (.data), also where memory has room.")] = False,
) -> None:
    """Measure throughput as ratios against floors measured in the same run."""
    if unknown := set(names or ()) - BENCHMARKS.keys():
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}")
    uvloop.run(_run(names or [name for name in BENCHMARKS if name not in BY_NAME_ALONE], quick=quick, disk=disk))


async def _run(names: list[str], *, quick: bool, disk: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else 130)
    table = result_table()
    machine = describe_machine()
    async with own_mongod(disk=disk) as (uri, place):
        bench = Bench(uri, quick)
        with progress_bar() as progress:
            for name in names:
                async with BENCHMARKS[name](bench) as comparisons:
                    rounds, warm_ups = bench.count(ROUNDS, 1), bench.count(1, 0)
                    for outcome in await compare(comparisons, rounds, progress, warm_ups=warm_ups):
                        outcome.add_rows(table)
    console.print(table)
    console.print(f"{machine}; MongoDB's data in {place}", highlight=False)
    if bench.client_busy:
        console.print(f"The load client was busy {max(bench.client_busy):.0%} of its time at most", highlight=False)


if __name__ == "__main__":
    typer.run(main)
