"""Limits of public links: so many answers an hour from one network, counted over all processes, and no address kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pymongo
import pytest

from survey_service.pages.links import CROWD
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.wiring import create_app
from tests.support.forms import read_page
from tests.support.public_links import (
    LINK,
    PATH,
    configure_link,
    open_page,
    put_link,
    responses,
    send,
)
from tests.support.service import ApiClient, client_of, make_parts, open_store


@pytest.fixture
async def parts(store: Store) -> Parts:
    await configure_link(store)
    return make_parts(store)


def limited(parts: Parts, most: int, **settings: Any) -> Parts:
    """The same with a limit that a test can reach."""
    return replace(parts, settings=parts.settings.model_copy(update={"link_answers_per_hour": most, **settings}))


async def test_a_network_begins_so_many_answers_an_hour_over_all_processes(
    parts: Parts, store: Store, mongodb_uri: str, database_name: str
) -> None:
    other_store = await open_store(mongodb_uri, database_name)
    await at_the_start_of_an_hour(store, other_store)
    one, other = limited(parts, 5), limited(make_parts(other_store), 5)
    async with client_of(create_app(one)) as here, client_of(create_app(other)) as there:
        pages = [(client, await open_page(client)) for client in (here, there) for _ in range(6)]
        answers = await asyncio.gather(*(send(client, page, nps="3") for client, page in pages))
        assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 7
        assert len(await responses(store)) == 5

        late = next(answer for answer in answers if answer.status == 429)
        assert 3500 < int(late.headers["Retry-After"]) <= 3601
        kept = read_page(await late.text())
        assert (kept.fields["nps"], "Nothing is lost" in kept.error) == ("3", True)
        # Who has begun goes on, and what is stored already is said to be.
        begun = next((client, page, answer) for (client, page), answer in zip(pages, answers, strict=True) if answer.ok)
        assert (await send(begun[0], read_page(await begun[2].text()), fix="the queue")).status == 200
        assert "with us already" in await (await send(begun[0], begun[1], nps="3")).text()

        for each in (store, other_store):
            each.clock.shift += timedelta(hours=1)
        assert (await send(here, kept)).status == 200
        assert len(await responses(store)) == 6
    other_store.close()


async def test_a_form_with_a_fault_takes_nothing_of_the_limit(parts: Parts, store: Store) -> None:
    await at_the_start_of_an_hour(store)
    async with client_of(create_app(limited(parts, 1))) as visitor:
        page = await open_page(visitor)
        for _ in range(3):
            assert (await send(visitor, page, why="no number")).status == 422
            assert (await send(visitor, page, _sheet="none", nps="9")).status == 422
        assert (await send(visitor, page, nps="9")).status == 200
        assert (await send(visitor, page, nps="9")).status == 200
        assert (await send(visitor, await open_page(visitor), nps="9")).status == 429
    assert len(await responses(store)) == 1


async def test_networks_and_links_are_counted_apart(parts: Parts, store: Store) -> None:
    await at_the_start_of_an_hour(store)
    await put_link(store, "hamburg")
    async with client_of(create_app(limited(parts, 1, trusted_proxies="127.0.0.1/32"))) as visitor:

        async def send_from(address: str, path: str = PATH) -> int:
            page = await open_page(visitor, path)
            headers = {"X-Forwarded-For": address}
            return (await visitor.post(page.action, data={**page.fields, "nps": "9"}, headers=headers)).status

        assert [await send_from("8.8.8.8"), await send_from("8.8.8.8")] == [200, 429]
        assert [await send_from("8.8.4.4"), await send_from("8.8.8.8", "/l/hamburg")] == [200, 200]
        assert [await send_from("2001:4860:1:2::1"), await send_from("2001:4860:1:2:ffff::2")] == [200, 429]
        assert await send_from("2001:4860:1:3::1") == 200


@pytest.mark.parametrize(("kiosk", "proxies"), [(True, None), (False, "127.0.0.1/32")])
async def test_a_kiosk_and_a_network_that_cannot_be_told_take_ten_times_as_many(
    parts: Parts, store: Store, kiosk: bool, proxies: str | None
) -> None:
    await at_the_start_of_an_hour(store)
    await put_link(store, kiosk=kiosk)
    async with client_of(create_app(limited(parts, 1, trusted_proxies=proxies))) as visitor:
        statuses = [(await send(visitor, await open_page(visitor), nps="9")).status for _ in range(CROWD + 1)]
    assert statuses == [200] * CROWD + [429]


async def test_no_counter_holds_an_address_and_each_is_forgotten(
    visitor: ApiClient, store: Store, mongodb_uri: str, database_name: str
) -> None:
    await send(visitor, await open_page(visitor), nps="9")
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True) as client:
        (counter,) = client[database_name]["counters"].find()
    assert counter["_id"].startswith(f"link:{LINK}:")
    assert "127.0.0.1" not in counter["_id"]
    assert timedelta() < counter["forget_at"] - store.clock.now() <= timedelta(hours=2)


async def at_the_start_of_an_hour(*stores: Store) -> None:
    """So that no test runs over the end of one."""
    now = stores[0].clock.now()
    wait = timedelta(hours=1) - timedelta(minutes=now.minute, seconds=now.second - 2)
    for store in stores:
        store.clock.shift += wait
