"""One real mongod a test run goes out, shared by all xdist workers, and a database of its own for each test."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import structlog
from hypothesis import settings
from pymongo.database import Database

from survey_service.embedded import mongod_process
from survey_service.embedded.mongod import EmbeddedMongod
from survey_service.telemetry import write_fault

# The machines are shared: how long one example takes says nothing about the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

# Errors that tests provoke: with all their variables, each would take seconds to write.
_plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=write_fault)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])

RUN_DIR_VARIABLE = "TEST_RUN_DIR"
RUN_DIR_PREFIX = f"survey-service-tests-{os.getuid()}-"
ROOM_FOR_DATA = 2 * 1024**3


def pytest_configure() -> None:
    """The first process of the run makes the folder; xdist workers inherit its name."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in _parent().glob(f"{RUN_DIR_PREFIX}*"):
            _remove_if_abandoned(folder)
        os.environ[RUN_DIR_VARIABLE] = tempfile.mkdtemp(prefix=f"{RUN_DIR_PREFIX}{os.getpid()}-", dir=_parent())


def pytest_unconfigure() -> None:
    """Workers may have been killed, so the first process sees to it that nothing stays behind."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _remove(Path(os.environ.pop(RUN_DIR_VARIABLE)))


def pytest_collection_finish() -> None:
    """What thousands of collected tests are made of stays to the end: no collection of garbage looks at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The run's replica set; `failCommand` and other test commands are on."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        mongod = runner.run(EmbeddedMongod.start(Path(os.environ[RUN_DIR_VARIABLE]), enable_test_commands=True))
        try:
            yield mongod.uri
        finally:
            runner.run(mongod.stop())


@pytest.fixture(scope="session")
def _cleaner(mongodb_uri: str) -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
    """What tidies up after each test: to connect anew would take longer than that."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client


@pytest.fixture(scope="session")
def _emptied() -> list[str]:
    """Databases of tests that are over: to make their hundred indexes anew would take longer than most tests."""
    return []


@pytest.fixture
def database_name(_cleaner: pymongo.MongoClient[dict[str, Any]], _emptied: list[str]) -> Iterator[str]:
    """An empty database that no other running test uses; its collections and indexes may be there already."""
    name = _emptied.pop() if _emptied else f"test_{uuid.uuid4().hex}"
    yield name
    for collection in _collections_in_use(_cleaner[name]):
        _cleaner[name][collection].delete_many({})
    _emptied.append(name)


@pytest.fixture
def new_database_name(_cleaner: pymongo.MongoClient[dict[str, Any]]) -> Iterator[str]:
    """A database without any collection, for tests of how they are made; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    _cleaner.drop_database(name)


def _collections_in_use(database: Database[dict[str, Any]]) -> list[str]:
    """Those with any document, asked in one round trip rather than in one each."""
    names = database.list_collection_names()
    look = [
        {"$unionWith": {"coll": name, "pipeline": [{"$limit": 1}, {"$project": {"_id": {"$literal": name}}}]}}
        for name in names
    ]
    return [found["_id"] for found in database.aggregate([{"$documents": []}, *look])]


def _parent() -> Path:
    """Memory, if there is room, since every test waits for journaled writes."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_FOR_DATA
    return memory if roomy else Path(tempfile.gettempdir())


def _remove_if_abandoned(folder: Path) -> None:
    """Remove what a killed run left; its process id is part of the name."""
    try:
        os.kill(int(folder.name.removeprefix(RUN_DIR_PREFIX).split("-")[0]), 0)
    except ProcessLookupError:
        _remove(folder)
    except PermissionError:
        return  # a live process of somebody else


def _remove(folder: Path) -> None:
    mongod_process.end(folder / "mongodb")
    shutil.rmtree(folder)
