"""The recipe of docs/anonymous.md comes in as its commands; a helpdesk that asks its colleagues goes out."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientResponse

from survey_service.models.api_key import Scope
from survey_service.models.invitation import Invitation
from survey_service.wiring import create_app
from tests.support.forms import ReadPage, read_page
from tests.support.pipeline import Pipeline, an_event, open_pipeline
from tests.support.service import ApiClient, client_of
from tests.support.smtp_server import ScriptedSmtpServer

RECIPE = (Path(__file__).parents[2] / "docs/anonymous.md").read_text()
SURVEY, TEAM = "ticket", "it-workplace"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_CONFIGURING, _POSTING, _READING = re.findall(r"^```sh\n(.*?)^```", RECIPE, flags=re.MULTILINE | re.DOTALL)
COLLEAGUES = ("ada", "bob", "cem", "dora", "eve")
PROMISE = "This survey is anonymous: your answers are stored without your name"


@dataclass(frozen=True, slots=True)
class Helpdesk:
    """A service with its HTTP edge, and what tests do with it."""

    pipeline: Pipeline
    client: ApiClient
    key: str

    async def follow_recipe(self, part: str = _CONFIGURING) -> str:
        """Run the commands of a part of the recipe in a shell; what they printed."""
        address = {"URL": str(self.client.make_url("")).rstrip("/"), "KEY": self.key}
        process = await asyncio.create_subprocess_exec(
            "bash", "-ec", part, env={**os.environ, **address}, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def post_the_recipes_ticket(self) -> None:
        """The event as the recipe posts it."""
        await self.follow_recipe(_POSTING)

    async def read_as_the_recipe_does(self) -> tuple[list[Any], list[Any]]:
        """The rows of figures, and of responses."""
        said = await self.follow_recipe(_READING.replace('"\ncurl', '"; echo; curl'))
        figures, responses = (orjson.loads(line) for line in said.splitlines())
        return figures["data"], responses["data"]

    async def ask(self, *names: str, **data: Any) -> list[str]:
        """A ticket of each of these colleagues is closed; the paths of their pages."""
        for name in names:
            customer = {"id": f"e-{name}", "email": f"{name}@acme.example", "first_name": name.title()}
            customer["locale"] = "de" if name == "dora" else "en"
            event = {"type": "ticket.closed", "subject": f"for {name}"}
            posted = {"touchpoint": TEAM, "ticket": f"ticket of {name}", **data}
            await self.pipeline.handle(an_event(f"T-{name}", customer, data=posted, **event))
            self.pipeline.pass_time(timedelta(seconds=1))
        return [await self.path_of(name) for name in names]

    async def path_of(self, name: str) -> str:
        """Where a colleague's page is."""
        url = self.pipeline.service.parts.direct.url_of(await self.invitation_of(name))
        assert url is not None
        return "/s/" + url.rpartition("/")[2]

    async def invitation_of(self, name: str) -> Invitation:
        """The only one of a colleague."""
        (only,) = [row for row in await self.pipeline.invitations() if row.recipient.email == f"{name}@acme.example"]
        return only

    async def open(self, path: str) -> ReadPage:
        """A page as a browser shows it."""
        return read_page(await (await self.client.get(path)).text())

    async def send(self, page: ReadPage, **answers: str) -> ClientResponse:
        """Send a form, with these answers in it."""
        return await self.client.post(page.action, data={**page.fields, **answers})

    async def answer(self, path: str, **answers: str) -> ReadPage:
        """Open a page and send it; what is shown then."""
        return read_page(await (await self.send(await self.open(path), **answers)).text())

    async def count(self) -> None:
        """The next full hour comes, and everything that is due is done."""
        self.pipeline.pass_time(HOUR)
        await self.pipeline.run()

    async def documents(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is stored, by collection."""
        database = self.pipeline.store.database["x"].database
        names = sorted(await database.list_collection_names())
        return {name: [document async for document in database[name].find()] for name in names}

    async def put(self, path: str, body: Mapping[str, Any]) -> ClientResponse:
        """Replace a resource."""
        return await self.client.put(f"/v1/{path}", json=body)


@asynccontextmanager
async def open_helpdesk(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Helpdesk]:
    """A service that was configured by the recipe; webhooks may lead to receivers on this machine."""
    here = {"SURVEY_PUBLIC_URL": "http://127.0.0.1:8080", "SURVEY_SANDBOX": "on", "SURVEY_SUSPECTS": "on"}
    async with open_pipeline(mongodb_uri, database_name, smtp, **here) as pipeline:
        parts = pipeline.service.parts
        # Nobody is written to at night, and what is counted by the hour depends on where in it a test begins.
        now = pipeline.clock.now()
        pipeline.pass_time(now.replace(hour=10, minute=10, second=0) + DAY - now)
        _, secret = await parts.store.api_keys.create("test", tuple(Scope))
        async with client_of(create_app(parts), secret) as client:
            helpdesk = Helpdesk(pipeline, client, secret)
            await helpdesk.follow_recipe()
            yield helpdesk


def leaves(node: object) -> Iterator[object]:
    """Every value below a document, keys included."""
    match node:
        case Mapping():
            for key, value in node.items():
                yield key
                yield from leaves(value)
        case list() | tuple():
            for value in node:
                yield from leaves(value)
        case _:
            yield node


def says(document: object, terms: tuple[str, ...]) -> bool:
    """Whether one of the terms stands anywhere in a document."""
    return any(term in str(value).lower() for value in leaves(document) for term in terms)
