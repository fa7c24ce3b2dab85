"""A pipeline on a loopback address, hence in development: webhooks may lead to receivers on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from survey_service.models.outbox import NewsType
from survey_service.models.webhook import Webhook, WebhookCall, WebhookContent
from survey_service.store.paging import PageRequest
from survey_service.work.loop import StageLoop
from tests.support.pipeline import Pipeline, a_customer, an_event, open_pipeline
from tests.support.smtp_server import ScriptedSmtpServer

EVERYTHING = PageRequest(limit=1000)
ANSWERED = (NewsType.RESPONSE_SCORED, NewsType.RESPONSE_FINISHED)


@dataclass(frozen=True, slots=True)
class Hooked:
    """What tests of webhooks do with a pipeline."""

    pipeline: Pipeline

    async def add(self, url: str, name: str = "crm", **changes: Any) -> Webhook:
        """A webhook that hears of answers, unless `changes` say otherwise."""
        content = WebhookContent.model_validate({"url": url, "types": ANSWERED} | changes)
        row, _ = await self.pipeline.store.configuration.webhooks.put(name, content)
        return row

    async def webhook(self, name: str = "crm") -> Webhook:
        """The webhook as it is now."""
        row = await self.pipeline.store.configuration.webhooks.get(name)
        assert row is not None
        return row

    async def answer(self, *names: str, **page: str) -> None:
        """Each of these people is asked and answers at once; what follows is not done yet."""
        pipeline = self.pipeline
        before = {row.id for row in await pipeline.invitations()}
        await pipeline.post(*(an_event(f"ord-{name}", a_customer(name)) for name in names))
        for stage in ("intake", "planning", "sending", "planning"):
            await self.run(stage)
        new = [row for row in await pipeline.invitations() if row.id not in before]
        assert len(new) == len(names)
        for row in new:
            url = pipeline.service.parts.direct.url_of(row)
            assert url is not None
            await pipeline.service.parts.recording.submit_token(url.rpartition("/")[2], page or {"nps": "9"})

    async def run(self, *stages: str) -> None:
        """Do everything that is due in some stages alone."""
        for name in stages:
            for loop in self.pipeline.service.worker.loops:
                if loop.stage.name.partition(":")[0] == name:
                    await loop.run_until_idle()

    def loop(self, name: str) -> StageLoop[Any]:
        """One stage's loop."""
        return next(loop for loop in self.pipeline.service.worker.loops if loop.stage.name == name)

    async def calls(self, webhook: str = "crm", **filters: Any) -> list[WebhookCall]:
        """The calls of a webhook, oldest first."""
        page = await self.pipeline.store.webhook_calls.page({"webhook": webhook, **filters}, EVERYTHING)
        return list(reversed(page.rows))

    async def pass_time_and_run(self, period: timedelta) -> None:
        """Move into the future and do everything that is due then."""
        self.pipeline.pass_time(period)
        await self.run("following", "webhooks")


@asynccontextmanager
async def open_hooked(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, **changes: str
) -> AsyncIterator[Hooked]:
    """A configured service without any webhook yet."""
    here = {"SURVEY_PUBLIC_URL": "http://127.0.0.1:8080", "SURVEY_SANDBOX": "on", **changes}
    async with open_pipeline(mongodb_uri, database_name, smtp, **here) as pipeline:
        await pipeline.configure()
        yield Hooked(pipeline)
