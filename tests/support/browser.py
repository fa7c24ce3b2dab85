"""A real Chromium for tests: pages of a phone or a desk come out, and axe's opinion of them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Device:
    """What a person holds, or sits at."""

    name: str
    size: ViewportSize
    is_phone: bool = False


DESK = Device("desk", {"width": 1280, "height": 900})
PHONE = Device("phone", {"width": 390, "height": 844}, is_phone=True)
SMALLEST = Device("smallest", {"width": 320, "height": 640}, is_phone=True)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("the browser tests need Chromium (apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser,
    device: Device = DESK,
    *,
    script: bool = True,
    scheme: Literal["light", "dark"] = "light",
    locale: str = "en-GB",
) -> AsyncIterator[BrowserContext]:
    """A person with a browser of their own, who reaches this machine only."""
    context = await browser.new_context(
        viewport=device.size,
        is_mobile=device.is_phone,
        has_touch=device.is_phone,
        java_script_enabled=script,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale=locale,
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        await context.close()


async def assert_accessible(page: Page, *, only: Sequence[str] = ()) -> None:
    """Axe finds nothing to object to, best practices included; `only` narrows it to rules with one of these tags."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if only:
        options["runOnly"] = list(only)
    results = await Axe().run(page, options=options)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


async def assert_fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    widths: dict[str, Any] = await page.evaluate(
        "() => ({inner: innerWidth, content: document.documentElement.scrollWidth})"
    )
    assert widths["content"] <= widths["inner"], f"{page.url} is {widths['content']} px wide"
