"""Life and death of the embedded mongod: real processes, real data folders."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pymongo
import pytest

from survey_service.embedded import mongod_process
from survey_service.embedded.mongod import EmbeddedMongod
from survey_service.embedded.mongod_binary import explain_failed_start, find_mongod
from survey_service.errors import ConfigurationError
from tests.conftest import RUN_DIR_VARIABLE

Start = Callable[[], Awaitable[EmbeddedMongod]]

OTHER_USER = """
import asyncio, pathlib, sys
from survey_service.embedded.mongod import EmbeddedMongod

async def use(data_dir):
    mongod = await EmbeddedMongod.start(data_dir)
    print(mongod.pid, mongod.uri, flush=True)
    sys.stdin.readline()
    await mongod.stop()

asyncio.run(use(pathlib.Path(sys.argv[1])))
"""


class OtherUser:
    """Another process that uses the mongod of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER_USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def __enter__(self) -> OtherUser:
        assert self._process.stdout
        pid, self.uri = self._process.stdout.readline().split()
        self.mongod_pid = int(pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def leave(self) -> None:
        self._process.communicate("\n")
        assert self._process.returncode == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a use of the test's own mongod; whatever a test leaves running ends with it."""

    async def start_one() -> EmbeddedMongod:
        return await EmbeddedMongod.start(tmp_path)

    yield start_one
    mongod_process.end(tmp_path / "mongodb")


def is_alive(tmp_path: Path) -> bool:
    return mongod_process.find_running(tmp_path / "mongodb") is not None


def notes(uri: str) -> list[str]:
    """Adds a note in a transaction, and returns all of them."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client, client.start_session() as session:
        collection = client.kept.notes
        with session.start_transaction():
            collection.insert_one({"text": "here"}, session=session)
        return [note["text"] for note in collection.find()]


async def test_a_second_start_finds_the_data_on_the_same_port(start: Start, tmp_path: Path) -> None:
    first = await start()
    assert notes(first.uri) == ["here"]
    await first.stop()
    assert not is_alive(tmp_path)

    second = await start()
    assert second.uri == first.uri
    assert second.pid != first.pid
    assert notes(second.uri) == ["here", "here"]
    await second.stop()


async def test_the_mongod_of_a_killed_owner_is_taken_over_as_it_runs(start: Start, tmp_path: Path) -> None:
    with OtherUser(tmp_path) as owner:
        notes(owner.uri)
        owner.kill()
    assert is_alive(tmp_path)

    heir = await start()
    assert heir.pid == owner.mongod_pid
    assert notes(heir.uri) == ["here", "here"]
    await heir.stop()
    assert not is_alive(tmp_path)


async def test_the_last_of_several_users_stops_it(start: Start, tmp_path: Path) -> None:
    with OtherUser(tmp_path) as other:
        mine = await start()
        assert (mine.pid, mine.uri) == (other.mongod_pid, other.uri)
        await mine.stop()
        assert is_alive(tmp_path)
        other.leave()
    assert not is_alive(tmp_path)


async def test_users_that_start_at_the_same_moment_share_one_mongod(tmp_path: Path) -> None:
    with OtherUser(tmp_path) as first, OtherUser(tmp_path) as second, OtherUser(tmp_path) as third:
        assert first.mongod_pid == second.mongod_pid == third.mongod_pid
        for user in (first, second, third):
            user.leave()
    assert not is_alive(tmp_path)


async def test_a_port_taken_meanwhile_moves_the_replica_set(start: Start) -> None:
    first = await start()
    notes(first.uri)
    await first.stop()

    host, port = pymongo.uri_parser.parse_uri(first.uri)["nodelist"][0]
    async with await asyncio.start_server(lambda _, writer: writer.close(), host, port):
        second = await start()
        assert second.uri != first.uri
        assert notes(second.uri) == ["here", "here"]
        await second.stop()


async def test_acknowledged_writes_survive_a_killed_mongod(start: Start, tmp_path: Path) -> None:
    first = await start()
    notes(first.uri)
    os.kill(first.pid, signal.SIGKILL)
    await first.stop()
    assert (tmp_path / "mongodb" / "data" / "mongod.lock").read_text()

    second = await start()
    assert notes(second.uri) == ["here", "here"]
    await second.stop()


async def test_a_user_that_comes_after_mongod_died_starts_it_for_all(start: Start, tmp_path: Path) -> None:
    first = await start()
    os.kill(first.pid, signal.SIGKILL)
    second = await start()
    assert notes(first.uri) == ["here"]
    await second.stop()
    assert is_alive(tmp_path)
    await first.stop()
    assert not is_alive(tmp_path)


async def test_a_stale_lock_never_claims_a_foreign_process(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "mongodb" / "data"
    data.mkdir(parents=True)
    (data / "mongod.lock").write_text(f"{os.getpid()}\n")
    mongod = await start()
    assert mongod.pid != os.getpid()
    await mongod.stop()


async def test_a_ctrl_c_at_the_terminal_does_not_reach_mongod(start: Start) -> None:
    mongod = await start()
    assert os.getsid(mongod.pid) != os.getsid(0)
    await mongod.stop()


async def test_a_mongod_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    data = tmp_path / "mongodb" / "data"
    data.mkdir(parents=True)
    (data / "storage.bson").write_bytes(b"no storage metadata")
    with pytest.raises(ConfigurationError) as refused:
        await EmbeddedMongod.start(tmp_path)
    assert refused.value.detail.startswith("mongod did not start (exit code ")
    assert "Unable to read the storage engine metadata file" in refused.value.detail
    assert not is_alive(tmp_path)


async def test_a_missing_library_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "bin" / "mongod"
    binary.parent.mkdir()
    binary.write_bytes(find_mongod().read_bytes().replace(b"\0libcurl.so.4\0", b"\0libcurl.so.X\0"))
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(binary.parent))
    with pytest.raises(ConfigurationError, match=r"mongod needs libcurl\.so\.X, which is not installed"):
        await EmbeddedMongod.start(tmp_path)


async def test_a_data_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"SURVEY_DATA_DIR .* cannot be used"):
        await EmbeddedMongod.start(tmp_path / "file")


def test_without_any_mongod_the_message_names_the_ways_out() -> None:
    with pytest.raises(ConfigurationError) as refused:
        find_mongod(search_path="", package="no_such_package.db")
    for way_out in ("Install mongod", "docker/compose.yaml", "SURVEY_MONGODB_URI"):
        assert way_out in refused.value.detail


def test_a_packaged_mongod_without_the_x_bit_is_made_executable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "packaged_mongod" / "bin" / "mongod"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    binary.chmod(0o644)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_mongod(search_path="", package="packaged_mongod") == binary
    assert os.access(binary, os.X_OK)


@pytest.mark.parametrize(
    ("exit_code", "output", "sentence"),
    [
        (127, "mongod: error while loading shared libraries: libcurl.so.4: cannot open", "apt-get install -y libcurl4"),
        (127, "mongod: error while loading shared libraries: libssl.so.3: cannot open", "apt-get install -y libssl3"),
        (127, "mongod: error while loading shared libraries: libother.so.1: cannot open", "needs libother.so.1"),
        (1, "mongod: libc.so.6: version `GLIBC_2.34' not found (required by mongod)", "too old"),
        (-signal.SIGILL, "", "AVX"),
        (100, "", "exit code 100"),
    ],
)
def test_a_failed_start_is_explained(exit_code: int, output: str, sentence: str) -> None:
    assert sentence in explain_failed_start(exit_code, output)


async def test_two_tests_of_one_run_share_the_server_and_not_the_database(
    mongodb_uri: str, new_database_name: str
) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        assert new_database_name not in client.list_database_names()
        client[new_database_name].things.insert_one({})
        assert client.admin.command("getParameter", enableTestCommands=1)["enableTestCommands"]


def test_the_log_keeps_no_filter_of_a_slow_operation(mongodb_uri: str, database_name: str) -> None:
    log = Path(os.environ[RUN_DIR_VARIABLE]) / "mongodb" / "mongod.log"
    seen, address = log.stat().st_size, f"{database_name}@example.com"
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        collection = client[database_name]["slow"]
        collection.insert_one({"email": address})
        assert collection.find_one({"email": address, "$where": "sleep(150) || true"})
        collection.update_one({"email": address, "$where": "sleep(150) || true"}, {"$set": {"phone": address}})
    with log.open("rb") as lines:
        lines.seek(seen)
        assert address.encode() not in lines.read()
