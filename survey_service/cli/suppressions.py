"""`survey-service suppressions import`: a CSV file of any size comes in; its suppressions are stored, line by line."""

from __future__ import annotations

import os
from collections import Counter
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from survey_service.api.suppression_import import LineStatus, import_suppressions
from survey_service.store.store import Store
from survey_service.tokens import Keyring


async def import_file(
    stream: BinaryIO, brand: str, store: Store, keyring: Keyring, console: Console
) -> Counter[LineStatus]:
    """Import the open file, show how far it is and each line that is refused; returns how many lines became what.

    Raises:
        InvalidInput: there is no such brand, or the first line does not name the columns.
    """
    counts: Counter[LineStatus] = Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Importing", total=os.fstat(stream.fileno()).st_size)
        async for results in import_suppressions(stream, brand, store, keyring):
            for result in results:
                counts[result.status] += 1
                if result.status is LineStatus.REFUSED:
                    console.print(f"line {result.line}: {result.message}", highlight=False, markup=False)
            progress.update(task, completed=stream.tell())
    return counts
