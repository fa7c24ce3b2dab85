"""A home folder goes in; a running mongod process comes out, is found again by anybody, and is ended.

The process is a daemon in a session of its own: a Ctrl-C at the terminal, or the death of whoever started it, does not
reach it. It is found through the lock file that mongod itself keeps in its data folder.

    home/data/        the database files, with mongod's own mongod.lock (its pid)
    home/mongod.log   its log
    home/port         the port of the last start, asked for again at the next one
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from survey_service.embedded.mongod_binary import explain_failed_start, find_mongod
from survey_service.errors import ConfigurationError

_CLOSE_SOON = "file_manager=(close_idle_time=5,close_scan_interval=2,close_handle_minimum=250)"
REPLICA_SET = "rs0"
HOST = "127.0.0.1"

_EXIT_PORT_TAKEN = 48  # https://www.mongodb.com/docs/manual/reference/exit-codes/
_ATTEMPTS = 5
_KILL_AFTER_SECONDS = 20.0
_DEATH_SECONDS = 5.0
_LOG_LINES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class MongodProcess:
    """One live mongod; `port` is where it listens on the loopback address."""

    pid: int
    port: int


def find_running(home: Path) -> MongodProcess | None:
    """The mongod that now works on `home`, whoever started it; a stale lock file finds nothing."""
    if (pid := _locking_pid(home)) is None:
        return None
    command_line = _command_line(pid)
    port = re.search(r" --port (\d+) ", command_line)
    return MongodProcess(pid, int(port[1])) if port and f" --dbpath {_data(home)} " in command_line else None


def launch(home: Path, cache_gb: float, enable_test_commands: bool) -> MongodProcess:
    """Start mongod on `home` and return once it listens; data left by a killed one is recovered by its journal.

    Raises ConfigurationError when there is no mongod, or when it does not come up.
    """
    binary = find_mongod()
    _data(home).mkdir(parents=True, exist_ok=True)
    _wait_for_a_dying_one(home)
    for _ in range(_ATTEMPTS):
        ended = _run_until_forked(binary, home, _choose_port(home), cache_gb, enable_test_commands)
        if ended.returncode == 0 and (process := find_running(home)) is not None:
            return process
        if ended.returncode != _EXIT_PORT_TAKEN:
            break
    reason = explain_failed_start(ended.returncode, ended.stderr)
    raise ConfigurationError(f"{reason}\n{last_log_lines(home)}".rstrip())


def end(home: Path) -> None:
    """Stop the mongod of `home`, if one runs, and wait for its end; by force when it takes over 20 seconds."""
    if (process := find_running(home)) is None:
        return
    _signal(process.pid, signal.SIGTERM)
    if not _is_gone_within(process.pid, _KILL_AFTER_SECONDS):
        _signal(process.pid, signal.SIGKILL)
        _is_gone_within(process.pid, _DEATH_SECONDS)


def last_log_lines(home: Path) -> str:
    """The end of mongod's log with the name of the file before it; empty when there is no log."""
    log = home / "mongod.log"
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    return "\n".join([f"The last lines of {log}:", *lines])


def _data(home: Path) -> Path:
    return home / "data"


def _locking_pid(home: Path) -> int | None:
    """The process that mongod's lock file names, alive or not; a clean end empties the file."""
    try:
        return int((_data(home) / "mongod.lock").read_text())
    except (FileNotFoundError, ValueError):
        return None


def _wait_for_a_dying_one(home: Path) -> None:
    """A killed mongod has lost its command line a moment before its last threads let go of port and data files."""
    pid = _locking_pid(home)
    if pid is not None and not _command_line(pid).strip():
        _is_gone_within(pid, _DEATH_SECONDS)


def _run_until_forked(
    binary: Path, home: Path, port: int, cache_gb: float, enable_test_commands: bool
) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [binary, "--dbpath", _data(home), "--port", str(port), "--bind_ip", HOST]
    command += ["--nounixsocket", "--replSet", REPLICA_SET, "--logpath", home / "mongod.log", "--logappend"]
    command += ["--oplogSize", "256", "--wiredTigerCacheSizeGB", str(cache_gb)]
    command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    # Ours last milliseconds. One whose process was killed holds its rows against every plain write until this ends it.
    command += ["--setParameter", "transactionLifetimeLimitSeconds=5"]
    # The log would keep the filters of slow operations, and with them addresses, out of reach of every erasure.
    command += ["--slowms", str(2**31 - 1), "--slowOpSampleRate", "0"]
    if enable_test_commands:
        command += ["--setParameter", "enableTestCommands=1"]
        # A dropped collection's files stay open for as long as its history could be read (five minutes by default):
        # hundreds of tests, each with a database of its own, would run out of file descriptors.
        command += ["--setParameter", "minSnapshotHistoryWindowInSeconds=0"]
        command += ["--wiredTigerEngineConfigString", _CLOSE_SOON]
    # A locale that is named but not installed would end mongod before its first line of log.
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603 - the binary is mongod from PATH or from our own dependency
        [*command, "--fork"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def _choose_port(home: Path) -> int:
    """The port of the last start if it is free, else a free one; noted for the next start."""
    note = home / "port"
    try:
        port = _bindable(int(note.read_text()))
    except (FileNotFoundError, ValueError, OSError, OverflowError):
        port = _bindable(0)
    note.write_text(f"{port}\n")
    return port


def _bindable(port: int) -> int:
    """The port that a bind to `port` (0: any) gets; OSError when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        bound: int = probe.getsockname()[1]
        return bound


def _command_line(pid: int) -> str:
    """The arguments of a live process, each between spaces; empty for one that is gone or only waits to be reaped."""
    if Path("/proc/self").exists():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    else:  # macOS
        listing = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        arguments = subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed
    return f" {arguments.strip()} "


def _is_gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (gone := _is_gone(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return gone


def _is_gone(pid: int) -> bool:
    """Whether its last thread is gone; its exit code may still wait to be read."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return _state(pid) == ("Z", 1)


def _state(pid: int) -> tuple[str, int]:
    """State letter and number of threads, by proc(5); ("", 0) for a process that is gone, and on macOS."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return fields["State"].split()[0], int(fields["Threads"])


def _signal(pid: int, wanted: signal.Signals) -> None:
    try:
        os.kill(pid, wanted)
    except ProcessLookupError:
        return  # it ended by itself in between
