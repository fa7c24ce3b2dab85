"""A BI tool that reads by `updated_since`, by list or by export, has every row in its last state, whoever writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from survey_service.models.response import Response, ResponseStatus
from survey_service.store.paging import SETTLING
from survey_service.store.store import Store
from survey_service.store.suspects import set_suspect
from tests.support.factories import make_response
from tests.support.service import ApiClient, open_store

Row = dict[str, Any]
Read = Callable[[ApiClient, str], Awaitable[list[Row]]]

ENOUGH = 200  # rows that the reader has met while all four wrote
BEGINNING = "2020-01-01T00:00:00Z"


async def by_pages(api: ApiClient, since: str) -> list[Row]:
    rows: list[Row] = []
    address: str | None = f"/v1/responses?limit=50&updated_since={since}"
    while address:
        answer = await api.get(address)
        page = await answer.json(loads=orjson.loads)
        rows += page["data"]
        address = page["next"].partition("//service.test")[2] if page["next"] else None
    return rows


async def by_export(api: ApiClient, since: str) -> list[Row]:
    answer = await api.get("/v1/responses/export", params={"updated_since": since})
    return [orjson.loads(line) for line in (await answer.read()).splitlines()]


class Reader:
    """Keeps the newest state of each row, and begins where it last ended, as the recipes say."""

    def __init__(self, api: ApiClient, read: Read) -> None:
        self._api = api
        self._read = read
        self._since = BEGINNING
        self.seen: dict[str, Row] = {}

    async def read_on(self) -> None:
        rows = await self._read(self._api, self._since)
        times = [datetime.fromisoformat(row["updated_at"]) for row in rows]
        assert times == sorted(times)
        self.seen.update((row["id"], row) for row in rows)
        if rows:
            self._since = rows[-1]["updated_at"]


async def write_until(store: Store, writer: int, enough: asyncio.Event) -> int:
    """Answers that come, are continued and are judged, in transactions and alone, several at a time."""
    number = 0
    while not enough.is_set():
        begun = [
            make_response(f"{writer}-{number + each}", customer=f"cus_{writer}", status="partial", score=each)
            for each in range(5)
        ]
        number += len(begun)
        await asyncio.gather(*(store.responses.save(row) for row in begun))
        await asyncio.gather(
            *(store.responses.save(_finished(row)) for row in begun[:3]),
            *(set_suspect(store.database, row.id, "too fast") for row in begun[3:]),
        )
    return number


def _finished(row: Response) -> Response:
    return row.model_copy(
        update={"revision": 2, "status": ResponseStatus.FINISHED, "score": 10, "comment": "second thoughts"}
    )


@pytest.mark.parametrize("read", [by_pages, by_export])
async def test_a_reader_by_updated_since_has_every_row_in_its_last_state_while_four_writers_write(
    read: Read, api: ApiClient, store: Store, mongodb_uri: str, database_name: str
) -> None:
    reader, enough = Reader(api, read), asyncio.Event()
    # The reader's clock alone runs ahead, so that it stays two seconds behind the writers, which is the harder test.
    store.clock.shift = SETTLING - timedelta(seconds=2)

    async def read_until_enough() -> None:
        async with asyncio.timeout(60):
            while len(reader.seen) < ENOUGH:
                await reader.read_on()
        enough.set()

    async with AsyncExitStack() as stack:
        writers = [await open_store(mongodb_uri, database_name) for _ in range(4)]
        for writer in writers:
            stack.callback(writer.close)
        async with asyncio.TaskGroup() as group:
            group.create_task(read_until_enough())
            writing = [group.create_task(write_until(writer, at, enough)) for at, writer in enumerate(writers)]
    store.clock.shift += timedelta(minutes=1)
    await reader.read_on()
    final = {row["id"]: row for row in await by_pages(api, BEGINNING)}
    assert len(final) == sum(task.result() for task in writing) >= ENOUGH
    assert [name for name, row in final.items() if reader.seen.get(name) != row] == []
