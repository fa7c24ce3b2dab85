"""`survey-service codes import`: a file of any size comes in; its codes fill the pool of an incentive."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from survey_service.api.code_import import CodeFormat, CodesRead, import_codes
from survey_service.api.shapes.incentives import CodesAdded
from survey_service.errors import InvalidInput
from survey_service.followup.granting import Granting
from survey_service.models.incentive import IncentiveKind
from survey_service.store.store import Store

_CHUNK = 64 * 1024
_NDJSON = frozenset({".ndjson", ".jsonl"})


async def import_code_file(
    stream: BinaryIO, incentive: str, store: Store, granting: Granting, console: Console
) -> CodesAdded:
    """Import the open file, show how far it is and the first lines that are refused.

    Raises:
        InvalidInput: there is no such incentive with codes, or the first line does not name the column.
    """
    pool = await store.configuration.incentives.get(incentive)
    if pool is None or pool.kind is not IncentiveKind.UNIQUE_CODE:
        raise InvalidInput.at("--incentive", "unknown", "there is no incentive of that id with unique codes")
    form = CodeFormat.NDJSON if PurePath(stream.name).suffix in _NDJSON else CodeFormat.CSV
    done = CodesRead()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("Importing", total=os.fstat(stream.fileno()).st_size)
            async for done in import_codes(_chunks(stream), form, incentive, store.codes):
                progress.update(task, completed=done.size)
    finally:
        await granting.note_codes(pool)
    for problem in done.problems:
        console.print(f"line {problem.line}: {problem.message}", highlight=False, markup=False)
    return done.shown()


async def _chunks(stream: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(stream.read, _CHUNK):
        yield chunk
