"""The demo: an invented airline asks the passengers of real flights, and every mail lands in the sandbox."""

from __future__ import annotations

import asyncio
import shutil
from importlib.resources import files

import aiohttp
import orjson
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from survey_service.cli.apply import apply_folder, demo_folder
from survey_service.cli.demo_answers import answers_to
from survey_service.cli.running import Role, Running, run
from survey_service.errors import ConfigurationError
from survey_service.models.api_key import Scope
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.settings import PREFIX, SandboxMode, Settings
from survey_service.store.paging import PageRequest

# Known to everybody: the demo's own process takes it, on loopback only, and no other one does.
DEMO_KEY = "demo-key"
_BATCH = 100
_AT_ONCE = 8
_PATIENCE = 60.0


async def run_demo(settings: Settings, console: Console, *, fresh: bool) -> None:
    """Serve, load the demo's configuration, post its events, and say what to open.

    Raises:
        ConfigurationError: the settings lead to somebody's own data, to people, or off this machine.
    """
    settings = demo_settings(settings)
    if fresh:
        shutil.rmtree(settings.data_dir / "mongodb", ignore_errors=True)
    console.print("Starting MongoDB, API, worker and sandbox …")
    await run(settings, Role.SERVE, lambda running: _fill(running, console))


def demo_settings(settings: Settings) -> Settings:
    """The settings with a data folder of the demo's own inside theirs, so that it meets nobody's own data.

    Raises:
        ConfigurationError: they lead to somebody's own data, to people, or off this machine.
    """
    theirs = ["mongodb_uri", "smtp_url", "public_url", *(name for name in Settings.model_fields if "twilio" in name)]
    named = [name for name in theirs if getattr(settings, name) is not None]
    named += ["host"] if not settings.on_loopback else []
    named += ["sandbox"] if settings.sandbox is SandboxMode.OFF else []
    if named:
        listed = ", ".join(PREFIX + name.upper() for name in named)
        raise ConfigurationError(
            f"the demo is for this machine alone and brings its own database, inbox and telephone: unset {listed}"
        )
    return settings.model_copy(update={"data_dir": settings.data_dir / "demo"})


async def _fill(running: Running, console: Console) -> None:
    parts = running.service.parts
    await apply_folder(demo_folder(), parts.store.configuration, parts.usable_channels, confirm=lambda _changes: True)
    parts.store.api_keys.accept_here("demo", list(Scope), DEMO_KEY)
    events = _demo_events()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as progress:
        await _post(running.url, events, progress)
        await _wait_for_mails(running, progress)
        await _answer(running, events, progress)
    console.print(await _what_to_open(running))
    console.print("One more event; its mail shows up in the inbox at once:\n")
    # Not in the panel: the line must be whole when it is copied.
    console.print(curl_line(running.url), style="cyan", soft_wrap=True, highlight=False, markup=False)
    console.print("\nCtrl-C stops everything.")


def _demo_events() -> list[bytes]:
    """Flights out of New York in January 2013 (public-domain US transport statistics), with invented passengers."""
    return (files("survey_service.cli") / "demo_events.ndjson").read_bytes().splitlines()


async def _post(url: str, events: list[bytes], progress: Progress) -> None:
    task = progress.add_task("Posting events", total=len(events))
    headers = {"Authorization": f"Bearer {DEMO_KEY}", "Content-Type": "application/x-ndjson"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for start in range(0, len(events), _BATCH):
            batch = events[start : start + _BATCH]
            async with session.post(f"{url}/v1/events", data=b"\n".join(batch)) as answer:
                answer.raise_for_status()
            progress.advance(task, len(batch))


async def _wait_for_mails(running: Running, progress: Progress) -> None:
    """Follow the way until nothing is due any more."""
    store = running.service.parts.store
    task = progress.add_task("Sending mails", total=None)
    async with asyncio.timeout(_PATIENCE):
        while True:
            waiting = [await claims.unfinished() for claims in (store.events.claims, store.invitations.claims)]
            unsent = await store.deliveries.claims.unfinished()
            counts = await store.counts()
            progress.update(task, completed=counts["mails"], total=counts["mails"] + unsent + sum(waiting))
            if not unsent and not any(waiting):
                return
            await asyncio.sleep(0.1)


async def _answer(running: Running, events: list[bytes], progress: Progress) -> None:
    """Some of the passengers answer on their page, so that there is something to look at; nobody does it twice."""
    parts = running.service.parts
    forms = {event["id"]: pages for event in map(orjson.loads, events) if (pages := answers_to(event))}
    waiting = {"state": InvitationState.SENT.value, "event.id": {"$in": list(forms)}}
    invitations = (await parts.store.invitations.page(waiting, PageRequest(limit=1000))).rows
    task = progress.add_task("Passengers answering", total=len(invitations))
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def fill_in(invitation: Invitation) -> None:
        page, event = parts.direct.url_of(invitation), invitation.event
        async with at_once:
            for form in forms[event.id] if page and event else ():
                async with session.post(f"{page}", data=form) as answer:
                    answer.raise_for_status()
        progress.advance(task)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*map(fill_in, invitations))


async def _what_to_open(running: Running) -> Panel:
    parts = running.service.parts
    page = await parts.store.invitations.page({"state": InvitationState.SENT.value}, PageRequest(limit=1))
    survey = parts.direct.url_of(page.rows[0]) if page.rows else None
    text = Text()
    for label, url in (
        ("A survey", survey),
        ("A public link", f"{running.url}/l/jfk-arrivals"),
        ("A kiosk", f"{running.url}/l/jfk-kiosk"),
        ("The inbox", f"{running.url}/sandbox"),
        ("The dashboard", f"{running.url}/dashboard"),
        ("The API", f"{running.url}/docs"),
    ):
        text.append(f"{label:<15}")
        text.append(f"{url or '(all answered)'}\n", style="bold")
    return Panel(text, title="Survey service", expand=False)


def curl_line(url: str) -> str:
    """One pasteable line that posts one more event of the demo; the id is new with each call."""
    event = {
        "id": "landing-ID",
        "source": "/airports/JFK",
        "type": "flight.landed",
        "data": {
            "customer": {"id": "ada-ID", "first_name": "Ada", "email": "ada-ID@example.com", "locale": "en-US"},
            "touchpoint": "JFK",
            "carrier": "UA",
            "destination": "IAH",
        },
    }
    body = orjson.dumps(event).decode().replace("-ID", "-'$(date +%s)'")
    return (
        f"curl -s {url}/v1/events -H 'Authorization: Bearer {DEMO_KEY}' -H 'Content-Type: application/json' -d '{body}'"
    )
