"""A data folder goes in; the URI of a real one-node MongoDB replica set comes out, for as long as somebody uses it.

Several processes may use one data folder at the same time (`survey-service api` beside `survey-service worker`): the
first starts mongod, the others find it running, the last one to leave stops it. mongod outlives a user that is killed,
on purpose: nothing is lost, and whoever comes next takes it over as it is.

Two locks beside the data hold this together; the kernel frees both when their holder dies:

    users.lock   shared by every user; whoever can have it alone is the last one
    turn.lock    held alone while somebody starts, joins or leaves
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from survey_service.embedded import mongod_process
from survey_service.embedded.file_lock import FileLock
from survey_service.embedded.mongod_process import HOST, REPLICA_SET, MongodProcess
from survey_service.errors import ConfigurationError, Unavailable
from survey_service.store.admin import ensure_single_primary

_PRIMARY_WITHIN_SECONDS = 60.0
_POLL_SECONDS = 0.05

_P = ParamSpec("_P")
_R = TypeVar("_R")


class EmbeddedMongod:
    """One use of the mongod of a data folder, from `start` to `stop`."""

    def __init__(self, home: Path, users: FileLock, process: MongodProcess) -> None:
        self._home = home
        self._users = users
        self.pid = process.pid
        self.uri = f"mongodb://{HOST}:{process.port}/?replicaSet={REPLICA_SET}"

    @classmethod
    async def start(
        cls, data_dir: Path, *, cache_gb: float = 0.25, enable_test_commands: bool = False
    ) -> EmbeddedMongod:
        """Use the mongod of `data_dir`/mongodb, starting it if none runs; return once it is primary.

        `enable_test_commands` lets tests make it fail (`failCommand`).
        Raises ConfigurationError when there is no mongod, it does not come up, or the folder cannot be written.
        """
        try:
            home = await _in_thread(_make_home, data_dir)
            async with _turn(home):
                users = await _in_thread(FileLock, home / "users.lock")
                try:
                    await _in_thread(users.share)
                    process = await _find_or_launch(home, cache_gb, enable_test_commands)
                except BaseException:  # a cancelled start must not leave a mongod behind, either
                    await _in_thread(_leave, home, users)
                    raise
        except OSError as error:
            raise ConfigurationError(f"SURVEY_DATA_DIR {data_dir} cannot be used: {error}") from error
        return cls(home, users, process)

    async def stop(self) -> None:
        """End this use; the last user's stop ends mongod cleanly and returns when it is gone. Call it once."""
        async with _turn(self._home):
            await _in_thread(_leave, self._home, self._users)


@asynccontextmanager
async def _turn(home: Path) -> AsyncIterator[None]:
    lock = await _in_thread(FileLock, home / "turn.lock")
    try:
        while not await _in_thread(lock.try_alone):  # noqa: ASYNC110 - no event reaches across processes
            await asyncio.sleep(_POLL_SECONDS)
        yield
    finally:
        lock.release()


def _make_home(data_dir: Path) -> Path:
    home = data_dir.resolve() / "mongodb"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def _leave(home: Path, users: FileLock) -> None:
    try:
        if users.try_alone():
            mongod_process.end(home)
    finally:
        users.release()


async def _find_or_launch(home: Path, cache_gb: float, enable_test_commands: bool) -> MongodProcess:
    process = await _in_thread(mongod_process.find_running, home)
    if process is None or not await _becomes_primary(home, process):
        process = await _in_thread(mongod_process.launch, home, cache_gb, enable_test_commands)
        if not await _becomes_primary(home, process):
            log = await _in_thread(mongod_process.last_log_lines, home)
            raise ConfigurationError(f"mongod ended right after its start.\n{log}")
    return process


async def _becomes_primary(home: Path, process: MongodProcess) -> bool:
    """Wait until `process` is primary; False when it ends instead, as one does that was killed a moment ago."""
    address = f"{HOST}:{process.port}"
    reason = "it is not elected"
    deadline = time.monotonic() + _PRIMARY_WITHIN_SECONDS
    while await _in_thread(mongod_process.find_running, home) == process:
        try:
            if await ensure_single_primary(f"mongodb://{address}/", REPLICA_SET, address):
                return True
        except Unavailable as error:
            reason = error.detail
        if time.monotonic() > deadline:
            log = await _in_thread(mongod_process.last_log_lines, home)
            raise ConfigurationError(f"mongod at {address} did not become primary: {reason}\n{log}")
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _in_thread(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run blocking work off the loop, to its end even when the caller is cancelled: a thread cannot be stopped."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
