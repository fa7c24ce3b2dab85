"""The recipe for dlt, as it stands in the docs: DuckDB has exactly the rows of the service, whoever writes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from survey_service.models.response import Response, ResponseStatus
from survey_service.store.store import Store
from survey_service.store.suspects import set_suspect
from tests.acceptance.conftest import Start
from tests.support.backend import Backend, Row, backend_of
from tests.support.factories import make_customer, make_response
from tests.support.figures import load
from tests.support.processes import API_KEY, ServiceProcess
from tests.support.recipes import blocks
from tests.support.service import open_store
from tests.support.waiting import until

(RECIPE,) = (code for code in blocks("python") if "import dlt" in code)
(QUERY,) = blocks("sql")
MARKED = RECIPE.replace(', "hard_delete": True', "")
COLUMNS = ("id", "status", "survey", "touchpoint", "agent", "score", "comment", "suspect", "channel")
ROWS = f"SELECT {', '.join(COLUMNS)}, epoch_ms(updated_at) FROM surveys.responses"  # noqa: S608 -- names of our own
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
FORGOTTEN, SECRET = "cus_0123456789abcdefghijKM", "the green parrot ate my parcel"
WRITERS = 4


class Warehouse:
    """A folder in which somebody runs the recipe."""

    def __init__(self, folder: Path, code: str = RECIPE) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        (folder / "survey_to_duckdb.py").write_text(code)

    async def pull(self, service: ServiceProcess, *arguments: str) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "URL": service.url,
            "KEY": API_KEY,
            "DLT_DATA_DIR": str(self.folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "survey_to_duckdb.py",
            *arguments,
            cwd=self.folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert b"no failed jobs" in said or b"0 load package" in said, said.decode()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "survey_service.duckdb"), read_only=True) as database:
            return database.execute(query).fetchall()

    def rows(self) -> dict[str, tuple[Any, ...]]:
        found = self.ask(ROWS)
        assert len(found) == len({row[0] for row in found}), "one row an id"
        return {row[0]: row for row in found}


@pytest.fixture
async def store(mongodb_uri: str, database_name: str) -> AsyncIterator[Store]:
    """The database of the service that runs in other processes."""
    store = await open_store(mongodb_uri, database_name)
    yield store
    store.close()


def history(count: int) -> list[Response]:
    """Answers that came long ago, some at a whole second, and a few of whom somebody will want to be forgotten."""
    return [
        make_response(
            f"old-{number}",
            started_at=BEGAN + number * timedelta(milliseconds=250),
            score=number % 11,
            touchpoint=f"shop-{number % 7}",
            dimensions={"agent": f"a-{number % 3}"},
            customer=FORGOTTEN if number % 1_000 == 0 else "cus_0123456789abcdefghijKL",
            comment=SECRET if number % 1_000 == 0 else f"comment {number}",
        )
        for number in range(count)
    ]


async def write_until(store: Store, writer: int, old: Sequence[Response], enough: asyncio.Event) -> None:
    """Answers that come, are continued and are judged; each writer has rows of its own."""
    number = 0
    while not enough.is_set():
        number += 1
        new = make_response(f"new-{writer}-{number}", status="partial", score=number % 11)
        await store.responses.save(new)
        changes = {"revision": 2, "status": ResponseStatus.FINISHED, "comment": "second thoughts"}
        judged = old[(number * WRITERS + writer) % len(old)]
        await asyncio.gather(
            store.responses.save(new.model_copy(update=changes)),
            set_suspect(store.database, judged.id, f"burst {number}"),
        )


async def true_rows(backend: Backend) -> dict[str, tuple[Any, ...]]:
    """What DuckDB should have: every row of the service that is not erased, as the lists show it."""
    rows = [row for row in await backend.rows("/v1/responses") if not row.get("erased")]
    return {row["id"]: (*(row[name] for name in COLUMNS), milliseconds(row)) for row in rows}


def milliseconds(row: Row) -> int:
    return round(datetime.fromisoformat(row["updated_at"]).timestamp() * 1000)


async def start_worker(start: Start, store: Store) -> None:
    """Start a worker that leaves rows alone which were stored past the service: it looked for comments before."""
    await start("worker")
    looked = {"_id": "taxonomy", "marked": None}
    await until(lambda: store.database["config"].find_one(looked), "the worker has looked for comments to read")


async def until_settled(backend: Backend, store: Store) -> None:
    """Return when every change is old enough to be read."""
    newest = await store.database["responses"].find_one(sort=[("updated_at", -1)])
    assert newest is not None
    await until(lambda: is_readable(backend, newest["updated_at"]), "the last change can be read")


async def is_readable(backend: Backend, since: datetime, word: str = "") -> bool:
    """Whether readers of changes already see one of that time or later, with `word` in it."""
    told = await backend.get("/v1/responses", updated_since=since.isoformat().replace("+00:00", "Z"))
    return any(word in str(row) for row in told["data"])


async def forget(backend: Backend, store: Store) -> None:
    """Erase the person, as the API does it."""
    await store.customers.insert([make_customer("c-77", id=FORGOTTEN, keys=("id:c-77",))])
    erasure = await backend.delete("/v1/customers/c-77")

    async def look() -> bool:
        return bool((await backend.get(f"/v1/erasures/{erasure['id']}"))["state"] == "done")

    await until(look, "the person is forgotten")


@pytest.mark.parametrize("count", [pytest.param(2_000), pytest.param(100_000, marks=pytest.mark.long)])
async def test_dlt_has_exactly_the_rows_of_the_service_after_each_run(
    count: int, start: Start, store: Store, mongodb_uri: str, database_name: str, tmp_path: Path
) -> None:
    service, warehouse, old = await start("api"), Warehouse(tmp_path / "warehouse"), history(count)
    await start_worker(start, store)
    await load(store, old)
    async with backend_of(service.url) as backend:
        await warehouse.pull(service)
        assert warehouse.rows() == await true_rows(backend)
        assert len(warehouse.rows()) == count

        enough, writers = asyncio.Event(), [await open_store(mongodb_uri, database_name) for _ in range(WRITERS)]
        async with asyncio.TaskGroup() as group:
            for number, writer in enumerate(writers):
                group.create_task(write_until(writer, number, old[: 4 * WRITERS], enough))
            begun = await until(lambda: store.database["responses"].find_one({"status": "partial"}), "they have begun")
            await until(lambda: is_readable(backend, begun["updated_at"], "second thoughts"), "some can be read")
            await warehouse.pull(service)
            enough.set()
        for writer in writers:
            writer.close()
        met = len(warehouse.rows())
        await forget(backend, store)
        await until_settled(backend, store)
        await warehouse.pull(service)
        expected = await true_rows(backend)
        assert warehouse.rows() == expected
        assert count < met < len(expected) + len(old) // 1_000, "some came while it read, some afterwards"
        assert any("second thoughts" in row for row in expected.values())
        assert any("burst" in str(row) for row in expected.values())
        assert not any(SECRET in str(row) for row in expected.values())

        await warehouse.pull(service, "full")
        assert warehouse.rows() == expected, "without increments"
        assert {shop: (nps, n) for shop, nps, n in warehouse.ask(QUERY)} == scores_of(expected.values())


def scores_of(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[Any, int]]:
    """The NPS of each touchpoint, and of how many answers."""
    given: dict[str, list[int]] = {}
    for row in rows:
        touchpoint, score, suspect = (row[COLUMNS.index(name)] for name in ("touchpoint", "score", "suspect"))
        if suspect is None:
            given.setdefault(touchpoint, []).append(score)
    return {
        shop: (
            pytest.approx(100 * (sum(at >= 9 for at in scores) - sum(at <= 6 for at in scores)) / len(scores)),
            len(scores),
        )
        for shop, scores in given.items()
    }


@pytest.mark.long
async def test_nothing_of_a_forgotten_person_stays_in_the_files_of_dlt(
    start: Start, store: Store, tmp_path: Path
) -> None:
    service, warehouse, marked = await start("api"), Warehouse(tmp_path / "one"), Warehouse(tmp_path / "two", MARKED)
    await start_worker(start, store)
    await load(store, history(10))
    async with backend_of(service.url) as backend:
        await asyncio.gather(warehouse.pull(service), marked.pull(service))
        assert all(SECRET in str(each.rows()) for each in (warehouse, marked))
        await forget(backend, store)
        await until_settled(backend, store)
        await asyncio.gather(warehouse.pull(service), marked.pull(service))
    (gone,) = (row.id for row in history(10) if row.customer == FORGOTTEN)
    assert warehouse.rows().keys() == {row.id for row in history(10)} - {gone}
    assert marked.ask("SELECT id, score, comment FROM surveys.responses WHERE erased") == [(gone, None, None)]
    for each in (warehouse, marked):
        assert each.ask("SELECT count(*) FROM surveys_staging.responses") == [(0,)]
        files = [path for path in (each.folder / "dlt").rglob("*") if path.is_file()]
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.long
async def test_a_row_that_changed_in_the_same_second_as_the_last_one_is_not_missed(
    start: Start, store: Store, tmp_path: Path
) -> None:
    """As text, which is how dlt compares, a whole second comes after each of its fractions."""
    service, warehouse = await start("api"), Warehouse(tmp_path / "warehouse")
    early, late = history(6)[4:]
    assert (early.started_at.microsecond, late.started_at.microsecond) == (0, 250_000)
    await load(store, [early])
    await warehouse.pull(service)
    await load(store, [late])
    await warehouse.pull(service)
    assert warehouse.rows().keys() == {early.id, late.id}
