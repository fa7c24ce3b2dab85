"""The weekly mail in a browser's eyes: it fits the smallest phone, in either direction of writing, light and dark."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.support.browser import DESK, PHONE, SMALLEST, Device, assert_accessible, assert_fits, visitor
from tests.support.weekly import Weekly, a_weekly, mail_of, standing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

GOOD, POOR, SOME = {5: 60, 4: 20, 1: 20}, {5: 20, 4: 20, 1: 60}, {5: 5, 3: 5}


def busy_week(language: str) -> Weekly:
    """Names that are long, changes that are real and others that may be chance."""
    places = {"a": (GOOD, POOR), "b": (POOR, GOOD), "c": (SOME, SOME), "d": ({}, SOME), None: (SOME, {})}
    names = {"a": "Frankfurt Flughafen, Terminal 1, Halle B", "b": "x" * 200, "c": "東京駅前"}
    return a_weekly(standing("csat", "1-5", places), names=names, language=language)


@pytest.mark.parametrize(("device", "scheme"), [(SMALLEST, "light"), (PHONE, "dark"), (DESK, "light")])
@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_it_fits_and_can_be_read(
    browser: Browser, language: str, device: Device, scheme: Literal["light", "dark"]
) -> None:
    async with visitor(browser, device, script=True, scheme=scheme) as context:
        page = await context.new_page()
        await page.set_content(mail_of(busy_week(language)).html)
        await assert_fits(page)
        await assert_accessible(page, only=["wcag2aa", "wcag2a"])
