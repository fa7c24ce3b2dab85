"""The machine's side of a run: a mongod of its own, child processes on free ports, and words about where it ran."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from survey_service.embedded.mongod import EmbeddedMongod
from survey_service.settings import PREFIX

HOST = "127.0.0.1"
_MEMORY = Path("/dev/shm")  # noqa: S108 -- the folder made in it is ours alone
_ROOM = 2 * 1024**3
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is handed; `quick` asks for a smoke run whose figures mean nothing."""

    uri: str
    quick: bool
    client_busy: list[float] = field(default_factory=list)  # shares of runs that the load client spent on itself

    def count(self, usual: int, quick: int) -> int:
        """How many of something a round takes."""
        return quick if self.quick else usual


@asynccontextmanager
async def own_mongod(*, disk: bool) -> AsyncIterator[tuple[str, str]]:
    """A fresh replica set: its URI, and words about where its data are; gone afterwards."""
    parent = _parent(disk=disk)
    with tempfile.TemporaryDirectory(prefix="survey-bench-", dir=parent) as folder:
        mongod = await EmbeddedMongod.start(Path(folder))
        try:
            yield mongod.uri, "memory, so the journal costs nothing" if parent == _MEMORY else f"{parent.name}, on disk"
        finally:
            await mongod.stop()


def _parent(*, disk: bool) -> Path:
    """Memory, if there is room and disk was not asked for."""
    if not disk and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    parent = Path(".data").absolute()
    parent.mkdir(exist_ok=True)
    return parent


@asynccontextmanager
async def child(module: str, *arguments: str, port: int, env: Mapping[str, str] | None = None) -> AsyncIterator[None]:
    """`python -m module arguments` until it listens on `port`; ended afterwards."""
    # Settings of whoever runs this must not reach the service that is measured.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env={**inherited, **(env or {})}
    )
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not await _listens(port):
                if process.returncode is not None:
                    raise RuntimeError(f"{module} ended with {process.returncode}")
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def output_of(module: str, *arguments: str) -> bytes:
    """What `python -m module arguments` prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}")
    return output


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def describe_machine() -> str:
    """Processor, cores, load and Python."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    return f"{model}, {os.cpu_count()} cores{load}, Python {platform.python_version()}"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
