"""The other recipes, as they stand in the docs: run where that is possible, else held against a real service."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import yaml

from survey_service.store.store import Store
from tests.acceptance.conftest import Start
from tests.support.backend import SURVEY, Backend, Row, backend_of
from tests.support.factories import make_invitation, make_response
from tests.support.figures import load
from tests.support.processes import API_KEY, ROOT, ServiceProcess
from tests.support.recipes import DASHBOARD, TEXT, blocks
from tests.support.service import open_store
from tests.support.waiting import until

PREAMBLE, *FRAMES = [code for code in blocks("python") if "import dlt" not in code]
POWER_QUERY = {code.partition("\n")[0].removeprefix("// "): code for code in blocks("powerquery")}
BEGAN = datetime(2026, 2, 2, 10, tzinfo=UTC)
ANSWERS = 24
GONE = "rsp_of_somebody_forgotten"

# Runs the blocks that come in, and shows the frame of each as rows.
SHOW = """
import json, sys
frames = []
for code in json.load(sys.stdin):
    names = {}
    exec(code, names)
    rows = names["rows"]
    frames.append(rows.to_dicts() if hasattr(rows, "to_dicts") else rows.to_dict("records"))
json.dump(frames, sys.stdout, default=str)
"""


@pytest.fixture
async def store(mongodb_uri: str, database_name: str) -> AsyncIterator[Store]:
    """The database of the service that runs in other processes."""
    store = await open_store(mongodb_uri, database_name)
    yield store
    store.close()


@pytest.fixture
async def service(start: Start, store: Store) -> ServiceProcess:
    """A service with answers of three weeks at three touchpoints, one of them of a person who was forgotten."""
    service = await start("api")
    async with backend_of(service.url) as backend:
        await backend.configure()
    answers = [
        make_response(
            f"ord-{number}",
            started_at=BEGAN + number * timedelta(hours=21),
            finished_at=BEGAN + number * timedelta(hours=21, seconds=40),
            touchpoint=f"shop-{number % 3}",
            score=number % 11,
            scores={"nps": number % 11},
            measures={"nps": {"metric": "nps", "scale": "0-10"}},
            answers={"nps": number % 11, "why": "it came, late\nbut it came"},
            comment="it came, late\nbut it came",
        )
        for number in range(ANSWERS)
    ]
    await load(store, [*answers, make_response("gone", id=GONE, started_at=BEGAN, erased_at=BEGAN)])
    invited = make_invitation(created_at=BEGAN, state="finished", sent_at=BEGAN)
    await store.database["invitations"].insert_one(invited.to_document())
    return service


@pytest.fixture
async def backend(service: ServiceProcess) -> AsyncIterator[Backend]:
    async with backend_of(service.url) as backend:
        yield backend


async def test_a_frame_in_three_lines_holds_every_row(
    service: ServiceProcess, backend: Backend, tmp_path: Path
) -> None:
    rows = {row["id"]: row for row in await backend.rows("/v1/responses")}
    assert len(rows) == ANSWERS + 1
    assert all(len([line for line in code.splitlines() if line]) <= 3 for code in FRAMES)
    assert len(FRAMES) == 6
    frames = await frames_of([PREAMBLE + code for code in FRAMES], service, tmp_path)
    for code, records in zip(FRAMES, frames, strict=True):
        assert survey_of(code) in {"", SURVEY}
        found = {record["id"]: record for record in records}
        assert found.keys() == rows.keys(), code
        assert found.pop(GONE)["erased"] in {True, "true"}
        for name, record in found.items():
            row = rows[name]
            assert (record["score"], record["comment"]) == (row["score"], row["comment"]), code
            assert datetime.fromisoformat(record["started_at"]) == datetime.fromisoformat(row["started_at"])
            if survey_of(code):
                assert (record["scores.nps"], record["answers.why"]) == (row["score"], row["comment"])
                assert record["agent"] == row["agent"]


@pytest.mark.parametrize("package", ["dlt", "duckdb", "pandas", "polars", "pyarrow"])
def test_the_docs_name_the_version_that_was_run(package: str) -> None:
    named = set(re.findall(rf"\b{package}(?:\[\w+\])?(?:==| )(\d+\.\d+\.\d+)", TEXT, flags=re.IGNORECASE))
    assert named == {version(package)}


def survey_of(code: str) -> str:
    """The survey that a block asks for, if any."""
    return "".join(re.findall(r"survey=([\w-]+)", code))


async def frames_of(blocks: Sequence[str], service: ServiceProcess, folder: Path) -> list[list[Row]]:
    """Run blocks of code; the rows of each one's frame."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SHOW,
        cwd=folder,
        env={**os.environ, "URL": service.url, "KEY": API_KEY},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(json.dumps(blocks).encode())
    assert process.returncode == 0, complained.decode()
    frames: list[list[Row]] = json.loads(said)
    return frames


# Grafana


def panels() -> list[tuple[str, Mapping[str, Any]]]:
    """Each query of the dashboard, by the title of its panel."""
    dashboard = json.loads(DASHBOARD.read_text())
    return [(panel["title"], target) for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    (wanted,) = dashboard["__inputs"]
    source = {"type": wanted["pluginId"], "uid": f"${{{wanted['name']}}}"}
    assert (dashboard["id"], bool(dashboard["uid"]), bool(dashboard["title"])) == (None, True, True)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) == len(panels())
    assert {panel["type"] for panel in dashboard["panels"]} == {
        part["id"] for part in dashboard["__requires"] if part["type"] == "panel"
    }
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        assert 0 <= grid["x"] < grid["x"] + grid["w"] <= 24
        assert panel["datasource"] == source
    known = {variable["name"] for variable in dashboard["templating"]["list"]} | {"__from", "__to"}
    for _, target in panels():
        assert target["datasource"] == source
        assert (target["type"], target["source"], target["parser"]) == ("json", "url", "backend")
        assert set(re.findall(r"\$\{(\w+)", target["url"])) <= known
    (plugin,) = [part["version"] for part in dashboard["__requires"] if part["type"] == "datasource"]
    (grafana,) = [part["version"] for part in dashboard["__requires"] if part["type"] == "grafana"]
    assert f"{plugin.rpartition('.')[0]} or newer" in TEXT
    assert f"Grafana {grafana.rpartition('.')[0]} or newer" in TEXT


def with_values(address: str, metric: str = "nps", granularity: str = "week") -> str:
    """What Grafana makes of an address; its `:date:iso` is RFC 3339 with milliseconds."""
    values = {
        "__from:date:iso": "2026-01-31T23:17:04.113Z",
        "__to:date:iso": "2026-03-01T08:00:00.000Z",
        "metric": metric,
        "granularity": granularity,
        "zone:percentencode": "Asia%2FKathmandu",
    }
    return re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], address)


def spelled_out() -> tuple[str, Mapping[str, Any]]:
    """The query that the docs describe for a panel of one's own, as it would stand in a dashboard."""
    (url,) = re.findall(r"^\| URL \| `([^`]+)` \|$", TEXT, flags=re.MULTILINE)
    (columns,) = re.findall(r"^\| Columns \| `(\w+)` as Timestamp, (.+) as Number \|$", TEXT, flags=re.MULTILINE)
    (root,) = re.findall(r"^\| Rows/Root \| `(\w+)` \|$", TEXT, flags=re.MULTILINE)
    numbers = [{"selector": name, "type": "number"} for name in re.findall(r"`(\w+)`", columns[1])]
    return "docs", {
        "url": url,
        "root_selector": root,
        "columns": [{"selector": columns[0], "type": "timestamp"}, *numbers],
    }


KINDS: Mapping[str, tuple[type, ...]] = {"number": (int, float), "string": (str,), "boolean": (bool,)}


async def test_every_column_of_the_dashboard_is_in_what_the_service_answers(start: Start, backend: Backend) -> None:
    await start("worker")

    async def counted() -> bool:
        figures = await backend.get("/v1/metrics", metric="nps")
        return bool(figures["data"] and figures["data"][0]["n"] == ANSWERS)

    await until(counted, "the worker has counted all answers")
    for title, target in (*panels(), spelled_out()):
        page = await backend.get(with_values(target["url"]))
        rows = page["data"]
        if target["root_selector"] != "data":
            assert target["root_selector"] == "data[$not($exists(erased))]"
            rows = [row for row in rows if "erased" not in row]
            assert len(rows) == ANSWERS < len(page["data"])
        assert rows, title
        assert page["next"] is None
        for column in target["columns"]:
            given = [row[column["selector"]] for row in rows]
            if column["type"] == "timestamp":
                assert all(datetime.fromisoformat(value).utcoffset() == timedelta() for value in given), title
            else:
                assert all(isinstance(value, KINDS[column["type"]]) for value in given), (title, column, given)


async def test_every_choice_of_the_dashboard_is_one_that_the_service_knows(backend: Backend) -> None:
    variables = {variable["name"]: variable for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]}
    for name in ("metric", "granularity"):
        for choice in variables[name]["options"]:
            for _, target in panels():
                await backend.get(with_values(target["url"], **{name: choice["value"]}))
    await backend.get("/v1/metrics", metric="nps", timezone=variables["zone"]["query"])


# Power Query


@cache
def openapi() -> Mapping[str, Any]:
    described: Mapping[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    return described


def parameters_of(path: str) -> set[str]:
    return {each["name"] for each in openapi()["paths"][path]["get"]["parameters"]}


def columns_of(path: str) -> set[str]:
    """Every column that the rows of a list may have."""
    content = openapi()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    page = resolved(content)["properties"]
    assert page.keys() == {"data", "next"}
    return set(columns_in(page["data"]["items"]))


def columns_in(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in schema.get("anyOf", [schema]):
        yield from resolved(part)["properties"]


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def without_texts(code: str) -> str:
    return re.sub(r'"[^"]*"|//.*', "", code)


def record_keys(code: str) -> set[str]:
    """The names of `[name = …, name = …]`."""
    return set(re.findall(r"(?:\[|,)\s*(\w+) = ", without_texts(code)))


CALL = re.compile(r'Rows\(\s*"([^"]+)",\s*(\[.*?\])\s*\)', re.DOTALL)


@pytest.mark.parametrize("name", POWER_QUERY)
def test_brackets_of_a_query_are_in_pairs(name: str) -> None:
    code, pairs = re.sub(r"[^()\[\]{}]", "", without_texts(POWER_QUERY[name])), ("()", "[]", "{}")
    while any(pair in code for pair in pairs):
        for pair in pairs:
            code = code.replace(pair, "")
    assert code == ""


@pytest.mark.parametrize("name", [name for name, code in POWER_QUERY.items() if CALL.search(code)])
def test_every_path_parameter_and_column_of_a_query_is_described(name: str) -> None:
    code = POWER_QUERY[name]
    ((path, parameters),) = CALL.findall(code)
    described = columns_of("/" + path) | set(re.findall(r'group_by = "(\w+)"', parameters))
    assert record_keys(parameters) <= parameters_of("/" + path)
    (listed,) = re.findall(r"Columns = \{(.*?)\}", code, flags=re.DOTALL)
    columns = set(re.findall(r'"(\w+)"', listed))
    assert len(columns) > 5
    assert columns <= described
    typed = set(re.findall(r'\{"(\w+)", (?:type|Int64|each)', code))
    assert typed <= columns
    assert set(re.findall(r"each .*?\[(\w+)\]", code)) <= columns


def test_the_file_of_the_csv_query_can_be_asked_for() -> None:
    (code,) = (code for code in POWER_QUERY.values() if "Csv.Document" in code)
    (path,) = re.findall(r'RelativePath = "([^"]+)"', code)
    (query,) = re.findall(r"Query = (\[.*?\])", code)
    assert record_keys(query) <= parameters_of("/" + path)
    assert "QuoteStyle.Csv" in code, "a comment may have several lines"


async def test_pages_are_followed_by_their_cursor_alone(backend: Backend) -> None:
    """What `Rows` does: the same path and parameters each time, and the cursor that stands in `next`."""
    asked = {"status": "finished", "updated_since": "2020-01-01T00:00:00Z", "limit": "5"}
    rows, cursor, pages = [], None, 0
    while True:
        page = await backend.get("/v1/responses", **asked, **({"cursor": cursor} if cursor else {}))
        assert page.keys() == {"data", "next"}
        rows, pages = [*rows, *page["data"]], pages + 1
        if page["next"] is None:
            break
        query = dict(parse_qsl(urlsplit(page["next"]).query))
        cursor = unquote(query.pop("cursor"))
        assert query == asked, "the parameters survive"
    assert pages == 1 + ANSWERS // 5
    assert len({row["id"] for row in rows}) == len(rows) == ANSWERS + 1


async def test_periods_of_incremental_refresh_hold_every_change_once(service: ServiceProcess, backend: Backend) -> None:
    """`RangeStart` belongs to a period, `RangeEnd` to the next one; whole seconds, as the query writes them."""
    edges = [f"2026-02-{day:02}T10:00:00Z" for day in (1, 2, 9, 16, 28)]
    found: list[str] = []
    for since, before in itertools.pairwise(edges):
        rows = await backend.rows("/v1/responses", updated_since=since, updated_before=before)
        assert all(datetime.fromisoformat(since) <= at < datetime.fromisoformat(before) for at in map(changed, rows))
        found += [row["id"] for row in rows]
    assert sorted(found) == sorted(row["id"] for row in await backend.rows("/v1/responses"))


def changed(row: Row) -> datetime:
    return datetime.fromisoformat(row["updated_at"])
