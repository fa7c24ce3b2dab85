"""Exports in constant memory: a million rows leave a process that grows by less than 100 MB, in every format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from benchmarks.exports import BEGIN, load_responses
from tests.acceptance.conftest import Start
from tests.support.backend import api_session
from tests.support.processes import ServiceProcess
from tests.support.service import open_store

ROWS = 1_000_000
MOST_GROWTH = 100  # MB
UNUSED = ("of_survey", "of_survey_by_start", "of_customer", "of_customer_ref", "of_touchpoint")  # half of the loading
FEW = (BEGIN + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")  # rows come one a second


def resident(service: ServiceProcess) -> float:
    """The memory of a process, MB."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6


async def growth(service: ServiceProcess, session: aiohttp.ClientSession, name: str) -> float:
    """By how many MB a process grows at most while it exports, once it has served lists and exported a few rows.

    What the libraries of a format take once (pyarrow 50 MB, and pandas 50 MB where that is installed) is not counted.
    """
    few = f"format={name}&updated_since=2020-01-01T00:00:00Z&updated_before={FEW}"
    for address in (*["/v1/responses?limit=1000"] * 20, f"/v1/responses/export?{few}"):
        async with session.get(service.url + address) as answer:
            assert answer.status == 200
            assert await answer.read()
    before = most = resident(service)
    size = 0
    whole = aiohttp.ClientTimeout(total=None)
    async with session.get(f"{service.url}/v1/responses/export?format={name}", timeout=whole) as answer:
        assert answer.status == 200
        async for piece in answer.content.iter_chunked(1 << 20):
            size += len(piece)
            most = max(most, resident(service))
    assert size > 10 * ROWS
    return most - before


@pytest.mark.long
async def test_an_export_of_a_million_rows_grows_the_process_by_less_than_100_megabytes(
    mongodb_uri: str, database_name: str, start: Start, record_testsuite_property: Callable[[str, object], None]
) -> None:
    services = {name: await start("api") for name in ("ndjson", "csv", "parquet")}
    store = await open_store(mongodb_uri, database_name)
    for name in UNUSED:
        await store.database["responses"].drop_index(name)
    await load_responses(store, ROWS)
    store.close()
    async with api_session() as session:
        grown = {name: await growth(service, session, name) for name, service in services.items()}
    record_testsuite_property("grown", grown)
    assert {name: size for name, size in grown.items() if size >= MOST_GROWTH} == {}
