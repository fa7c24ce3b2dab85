"""A role and settings go in; the service runs as a process of its own, with address and log, and always ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
API_KEY = "acceptance-key-of-all-scopes"
SECRET = "a secret of sixteen characters or more"


class ServiceProcess:
    """One process of the service, from its first line of log to its end; `url` is where it answers."""

    def __init__(self, role: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.role = role
        self.url = ""
        self._process = process
        self._log = log
        self._expected_end = False

    @property
    def pid(self) -> int:
        """Its process id; also that of its process group, as if a terminal had started it."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def log(self) -> list[dict[str, Any]]:
        """Every whole line that it has logged; what is not JSON is shown as `{"text": …}`."""
        whole, _, _ = self._log.read_bytes().rpartition(b"\n")
        return [_parse_line(line) for line in whole.decode(errors="replace").splitlines()]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines about one event, such as `service.started`."""
        return [line for line in self.log() if line.get("event") == event]

    async def wait_until_started(self) -> None:
        """Return when it answers, and know where.

        Raises:
            AssertionError: it ended or stayed silent; its log tells the story.
        """

        async def look() -> bool:
            if not self.is_running:
                raise AssertionError(f"{self.role} ended with {self._process.returncode}: {self._log.read_text()}")
            return bool(self.logged("service.started"))

        await until(look, f"{self.role} says where it listens", within=2 * PATIENCE)
        self.url = self.logged("service.started")[0]["url"]

    async def wait_until_printed(self, words: str) -> None:
        """Return when a line with `words` is in its output."""

        async def look() -> bool:
            return words in self._log.read_text()

        await until(look, f"{self.role} prints {words!r}", within=2 * PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this one process, which is then allowed to end."""
        self._expected_end = True
        self._process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """SIGINT to its whole process group, as a terminal does."""
        self._expected_end = True
        os.killpg(self.pid, signal.SIGINT)

    async def kill(self) -> None:
        """SIGKILL: it has no chance to put anything in order."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> None:
        """SIGTERM, and see that it stops in order."""
        self.send(signal.SIGTERM)
        assert await self.ended() == 0, self._log.read_text()

    async def ended(self, within: float = PATIENCE) -> int:
        """The exit code, as soon as there is one; negative for a signal."""

        async def look() -> bool:
            return not self.is_running

        await until(look, f"{self.role} ends; its log: {self._log.read_text()}", within)
        return self._process.wait()

    async def end(self) -> None:
        """For clean-up: stop it if it runs, by force if need be.

        Raises:
            AssertionError: it had ended by itself, or logged an error.
        """
        ended_alone = not self.is_running and not self._expected_end
        if self.is_running:
            try:
                await self.stop()
            finally:
                self._process.kill()
                self._process.wait()
        assert not ended_alone, f"{self.role} ended by itself: {self._log.read_text()}"
        assert not [line for line in self.log() if _is_alarm(line)], self._log.read_text()


@asynccontextmanager
async def service_process(
    role: str, settings: Mapping[str, str], log: Path, *arguments: str
) -> AsyncIterator[ServiceProcess]:
    """Run `survey-service ROLE` with `settings` (`SURVEY_*` names in full); started on entry, gone on exit."""
    process = _launch([sys.executable, "-m", "survey_service", role, *arguments], service_environment(settings), log)
    running = ServiceProcess(role, process, log)
    try:
        await running.wait_until_started()
        yield running
    finally:
        await asyncio.shield(running.end())


def _launch(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def service_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with nothing but `settings` for the service, on a free port, logging JSON."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SURVEY_")}
    return {**inherited, "SURVEY_PORT": "0", "SURVEY_LOG_JSON": "true", **settings}


def in_database(uri: str, name: str) -> str:
    """A MongoDB address that also says which database to use."""
    return urlsplit(uri)._replace(path=f"/{name}").geturl()


def _parse_line(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {"text": line}
    return parsed if isinstance(parsed, dict) else {"text": line}


def _is_alarm(line: Mapping[str, Any]) -> bool:
    return line.get("level") in {"error", "critical"} or "Traceback" in line.get("text", "")
