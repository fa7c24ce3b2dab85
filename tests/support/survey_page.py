"""A person in front of the survey page with a script: what they do comes in; what was sent and kept goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.backend import SURVEY, Backend, Row
from tests.support.browser import visitor
from tests.support.waiting import until

THANKS = "Thank you"
ALREADY = "Your answer is with us already"
REASON = "What is the main reason"
NEXT = "What should we fix first?"


@dataclass
class Person:
    """A browser of somebody's own, every form that it sent, and what its console complained about."""

    context: BrowserContext
    sent: list[dict[str, list[str]]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A new tab."""
        page = await self.context.new_page()
        await self.visit(page, url)
        return page

    async def visit(self, page: Page, url: str) -> None:
        """Go there in a tab."""
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        page.on("request", self._note)
        await page.goto(url)

    @property
    def submissions(self) -> set[str]:
        """The ids under which something was sent."""
        return {form["_submission"][0] for form in self.sent}

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.sent.append(parse_qs(request.post_data or "", keep_blank_values=True))


@asynccontextmanager
async def person(browser: Browser, **options: Any) -> AsyncIterator[Person]:
    """Somebody with a browser, whose console stays quiet."""
    async with visitor(browser, **options) as context:
        somebody = Person(context)
        yield somebody
        assert somebody.complaints == []


async def fill(page: Page, score: int, reason: str = "") -> None:
    """Choose a number, and say why."""
    await page.get_by_role("radio", name=f"{score} of 10").check()
    if reason:
        await page.get_by_label(REASON).fill(reason)


async def send(page: Page) -> None:
    """Tap “Send”."""
    await page.get_by_role("button", name="Send").click()


async def expect_heading(page: Page, words: str) -> None:
    """Wait until the page is the one with these words above it."""
    await expect(page.get_by_role("heading", level=1)).to_contain_text(words)


async def stored(page: Page) -> list[str]:
    """Everything that the browser keeps for the service."""
    return list(await page.evaluate("Object.entries(localStorage).map(String)"))


async def is_empty(page: Page) -> bool:
    """Whether it keeps nothing."""
    return not await stored(page)


async def only_answer(shop: Backend, customer: str) -> Row:
    """The one response of a customer."""
    (row,) = await shop.rows("/v1/responses", customer=customer)
    return row


async def put_link(shop: Backend, name: str, **content: Any) -> str:
    """A public link of a touchpoint of its own; its address."""
    await shop.put(f"/v1/touchpoints/{name}", {"name": name})
    url = str((await shop.put(f"/v1/links/{name}", {"survey": SURVEY, "touchpoint": name, **content}))["url"])
    async with aiohttp.ClientSession() as session:

        async def opens() -> bool:
            async with session.get(url) as page:
                return page.status == 200

        await until(opens, f"the link {name} is known")
    return url
