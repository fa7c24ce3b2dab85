"""The command line: `survey-service serve | api | worker | demo | apply | keys | suppressions | codes | …`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from survey_service.api.openapi import check_openapi, write_openapi
from survey_service.api.suppression_import import LineStatus
from survey_service.cli.apply import apply_folder, starter_folder
from survey_service.cli.changes import Change, show_changes
from survey_service.cli.codes import import_code_file
from survey_service.cli.demo import run_demo
from survey_service.cli.running import Role, run
from survey_service.cli.settings_report import settings_report
from survey_service.cli.suppressions import import_file
from survey_service.errors import ConfigurationError, InvalidInput, SurveyServiceError
from survey_service.intake.erasing import erase_again
from survey_service.models.api_key import Scope
from survey_service.models.suppression import EVERY_BRAND
from survey_service.settings import Settings, read_settings
from survey_service.store.faults import as_service_error
from survey_service.telemetry import configure_logging
from survey_service.wiring import open_service

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Asks your customers how it went."
)
keys = typer.Typer(no_args_is_help=True, help="API keys.")
app.add_typer(keys, name="keys")
suppressions = typer.Typer(no_args_is_help=True, help="Who must not be written to.")
app.add_typer(suppressions, name="suppressions")
codes = typer.Typer(no_args_is_help=True, help="Unique codes of incentives.")
app.add_typer(codes, name="codes")
console = Console()
errors = Console(stderr=True)


@app.command()
def serve() -> None:
    """Run API, pages and worker in one process."""
    _run(lambda settings: run(settings, Role.SERVE))


@app.command()
def api() -> None:
    """Run API and pages; start as many as you like."""
    _run(lambda settings: run(settings, Role.API))


@app.command()
def worker() -> None:
    """Run the stages; start as many as you like."""
    _run(lambda settings: run(settings, Role.WORKER))


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option(help="Forget the data of earlier demos first.")] = False,
) -> None:
    """Run everything with an invented airline, real flights and a sandbox inbox; needs no accounts."""
    _run(lambda settings: run_demo(settings, console, fresh=fresh))


@app.command()
def apply(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with brands, surveys, touchpoints, triggers, links.")
    ] = None,
    starter: Annotated[bool, typer.Option(help="Load the packaged starter surveys instead of a folder.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Store without asking.")] = False,
) -> None:
    """Load a folder of YAML or JSON files, after showing the difference."""
    source = starter_folder() if starter else folder
    if source is None:
        raise typer.BadParameter("name a folder, or give --starter")

    def confirm(changes: list[Change]) -> bool:
        console.print(show_changes(changes))
        return yes or typer.confirm("Store these changes?")

    async def load(settings: Settings) -> None:
        async with open_service(settings) as service:
            configuration, channels = service.parts.store.configuration, service.parts.usable_channels
            hosts = settings.allowed_redirect_hosts
            done = await apply_folder(source, configuration, channels, confirm=confirm, redirect_hosts=hosts)
            console.print(f"{len(done)} files are in force." if done else "Nothing was stored.")

    _run(load)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; every scope if none is given.")] = None,
) -> None:
    """Make an API key and show it, once."""

    async def create(settings: Settings) -> None:
        async with open_service(settings) as service:
            _, secret = await service.parts.store.api_keys.create(name, scope or list(Scope))
            console.print(secret)

    _run(create)


@suppressions.callback()
def _suppressions() -> None:
    """Make `import` a command of its own: a single command would take the group's name."""


@suppressions.command("import")
def import_suppressions(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="CSV in UTF-8; columns: address or customer, then reason, note.")
    ],
    brand: Annotated[str, typer.Option(help="The brand it is about; all of them if none is named.")] = EVERY_BRAND,
) -> None:
    """Import suppressions from a CSV file of any size; importing it again changes nothing."""

    async def load(settings: Settings) -> None:
        async with open_service(settings) as service:
            parts = service.parts
            done = await import_file(file, brand, parts.store, parts.keyring, console)
        added, present, refused = (done[status] for status in LineStatus)
        console.print(f"{added} added, {present} there before, {refused} refused.", highlight=False)
        if refused:
            raise typer.Exit(1)

    _run(load)


@codes.callback()
def _codes() -> None:
    """Make `import` a command of its own: a single command would take the group's name."""


@codes.command("import")
def import_codes(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="CSV with one column or one called code, or NDJSON, in UTF-8.")
    ],
    incentive: Annotated[str, typer.Option(help="The unique_code incentive that they belong to.")],
) -> None:
    """Add unique codes from a file of any size; importing it again adds none twice."""

    async def load(settings: Settings) -> None:
        async with open_service(settings) as service:
            parts = service.parts
            done = await import_code_file(file, incentive, parts.store, parts.granting, console)
        told = f"{done.added} added, {done.present} there before, {done.refused} refused."
        console.print(told, highlight=False)
        if done.refused:
            raise typer.Exit(1)

    _run(load)


@app.command("erase-again")
def erase_people_again() -> None:
    """Forget whoever was erased once and is stored again, as after a backup was restored; a worker does it."""

    async def ask(settings: Settings) -> None:
        async with open_service(settings) as service:
            parts = service.parts
            count = await erase_again(parts.store, parts.keyring, parts.bells, "erase-again")
        console.print(f"{count} people are erased again.", highlight=False)

    _run(ask)


@app.command()
def openapi(
    check: Annotated[bool, typer.Option(help="Fail when the file is stale instead of writing it.")] = False,
    path: Annotated[Path, typer.Option(help="Where the file is.")] = Path("openapi.yaml"),
) -> None:
    """Write openapi.yaml from the routes and their shapes."""
    if not check:
        write_openapi(path)
    elif not check_openapi(path):
        _complain(f"{path} is stale: run `make openapi`")
        raise typer.Exit(1)


@app.command("check-config")
def check_config() -> None:
    """Show what is set and what each channel lacks; never a secret."""
    settings = _settings()
    table = Table("setting", "value", "meaning", title="Settings")
    for row in settings_report(settings):
        table.add_row(*row)
    console.print(table)


def _settings() -> Settings:
    try:
        settings = read_settings()
    except ConfigurationError as error:
        _complain(error.detail)
        raise typer.Exit(2) from None
    configure_logging(json=settings.log_json, level=settings.log_level)
    return settings


def _run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    settings = _settings()
    try:
        uvloop.run(work(settings))
    except InvalidInput as error:
        for problem in error.problems:
            _complain(f"{problem.pointer}: {problem.message}")
        raise typer.Exit(1) from None
    except SurveyServiceError as error:
        _complain(error.detail)
        raise typer.Exit(2) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(130) from None
    except Exception as error:
        known = as_service_error(error)
        if known is None:
            raise
        _complain(known.detail)
        raise typer.Exit(2) from None


def _complain(message: str) -> None:
    errors.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """The entry point."""
    app(prog_name="survey-service", args=sys.argv[1:])
