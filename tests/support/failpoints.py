"""Commands and an error go in; the test server answers one test's own database with it for a while."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pymongo

from survey_service.embedded.file_lock import FileLock
from tests.conftest import RUN_DIR_VARIABLE
from tests.support.waiting import until

NOT_PRIMARY = 10107
ALWAYS = "alwaysOn"


@asynccontextmanager
async def failing(
    mongodb_uri: str, namespace: str, commands: Sequence[str], mode: str | dict[str, int] = ALWAYS, **data: Any
) -> AsyncIterator[None]:
    """While open, `commands` on `namespace` (`database.collection`) fail as `data` says (`errorCode`, ...).

    A server has one such rule at a time, and the run's processes share a server: they take turns.
    https://github.com/mongodb/specifications/blob/master/source/transactions/tests/README.md
    """
    lock = FileLock(Path(os.environ[RUN_DIR_VARIABLE]) / "failpoint.lock")
    try:
        await until(partial(asyncio.to_thread, lock.try_alone), "nobody else uses the failpoint")
        rule = {"failCommands": list(commands), "namespace": namespace, **data}
        with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
            client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": rule})
            try:
                yield
            finally:
                client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    finally:
        lock.release()
