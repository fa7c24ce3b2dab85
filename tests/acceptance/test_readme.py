"""Every command of the README is run or, where that would start another world, held against what it names."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from survey_service.cli.demo import DEMO_KEY, curl_line
from tests.conftest import RUN_DIR_VARIABLE
from tests.support.backend import backend_of
from tests.support.processes import API_KEY, ROOT, ServiceProcess, service_environment, service_process
from tests.support.waiting import PATIENCE, until

README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8080"
COMMAND = ".venv/bin/survey-service"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def whole_commands() -> list[str]:
    """Each command of the README, with the lines that go on with it."""
    commands: list[str] = []
    for block in BLOCKS:
        command = ""
        for line in block.splitlines():
            command += line + "\n"
            if not line.endswith("\\") and command.count("'") % 2 == 0:
                commands.append(command.strip())
                command = ""
        assert not command, "a block ends in the middle of a command"
    return commands


COMMANDS = whole_commands()


def starting_with(word: str) -> list[str]:
    """The commands that begin with a word."""
    return [command for command in COMMANDS if command.split()[0] == word]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """`survey-service demo` on a free port, filled, on the data folder that its settings name."""
    settings = {"SURVEY_DATA_DIR": str(data_dir())}
    async with service_process("demo", settings, tmp_path / "demo.log") as running:

        async def told() -> bool:
            return any("Ctrl-C stops everything" in line.get("text", "") for line in running.log())

        await until(told, "the demo says what to open", within=2 * PATIENCE)
        yield running


def data_dir() -> Path:
    """Where the demo keeps its data: in the folder of this run, so that it is gone afterwards."""
    return Path(os.environ[RUN_DIR_VARIABLE]) / f"readme-{os.getpid()}"


async def shell(command: str) -> str:
    """Run a command as a reader would, at the root of the checkout; answers `y`. Returns what it printed."""
    words = shlex.quote(sys.executable) + " -m survey_service"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command.replace(COMMAND, words),
        cwd=ROOT,
        env=service_environment({"SURVEY_DATA_DIR": str(data_dir())}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(2 * PATIENCE):
        said, complained = await process.communicate(b"y\n")
    assert process.returncode == 0, f"{command}\n{said.decode()}\n{complained.decode()}"
    return said.decode()


async def ask(command: str, demo: ServiceProcess) -> Any:
    """Run a curl command of the README against the demo; its answer, which must be no problem."""
    answer = json.loads(await shell(command.replace(ADDRESS, demo.url)))
    assert "/problems/" not in str(answer.get("type")), answer
    return answer


def test_no_command_of_the_readme_goes_unchecked() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"make", "curl", "cp", "docker", COMMAND}


@pytest.mark.parametrize("command", starting_with("make"))
def test_make_knows_what_the_readme_tells_it_to_make(command: str) -> None:
    dry = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr
    assert "scripts/setup" in dry.stdout
    if command == "make run":
        assert "-m survey_service demo" in dry.stdout, "what these tests start"


@pytest.mark.parametrize("command", starting_with("cp") + starting_with("docker"))
def test_the_files_for_docker_are_there(command: str) -> None:
    words = shlex.split(command)
    named = [word for word in words if word.startswith("docker/")]
    assert named
    existing = named[:1] if words[0] == "cp" else named
    assert all((ROOT / path).is_file() for path in existing)


async def test_the_commands_for_the_demo_do_what_the_readme_says(demo: ServiceProcess) -> None:
    post, why, silences, responses, figures = starting_with("curl")

    assert (await ask(post, demo))["accepted"] == 1
    assert (await ask(post, demo))["duplicate"] == 1, "nobody is asked twice"

    async def decided() -> Any:
        (event,) = (await ask(why, demo))["data"]
        return event if event["state"] == "decided" else None

    event = await until(decided, "the event of the README is decided")
    (decision,) = event["decisions"]
    assert decision["outcome"] == "invited"
    rows = (await ask(silences, demo))["data"]
    assert rows
    assert all(row["outcome"] == "skipped" and row["reason"] for row in rows)

    async with backend_of(demo.url, DEMO_KEY) as backend:

        async def sent() -> bool:
            invitation = await backend.get(f"/v1/invitations/{decision['invitation']}")
            return bool(invitation["state"] == "sent")

        await until(sent, "the mail is in the inbox")

    async def answered() -> Any:
        rows = (await ask(responses, demo))["data"]
        return rows if len(rows) > 90 else None

    answers = await until(answered, "those passengers can be read who answered by themselves")
    assert {"score", "comment", "touchpoint", "carrier", "destination"} <= answers[0].keys()

    async def counted() -> Any:
        rows = (await ask(figures, demo))["data"]
        return rows if sum(row["n"] for row in rows) >= len(answers) else None

    scores = await until(counted, "all of them are counted")
    assert {row["touchpoint"] for row in scores} == {"EWR", "JFK", "LGA"}
    assert all(row["ci_low"] < row["score"] < row["ci_high"] for row in scores)


async def test_the_line_that_the_demo_prints_asks_one_more_passenger(demo: ServiceProcess) -> None:
    assert curl_line(demo.url) in "\n".join(str(line.get("text")) for line in demo.log())
    assert json.loads(await shell(curl_line(demo.url)))["accepted"] == 1


async def test_the_commands_for_ones_own_questions_fill_the_service_that_serve_runs(tmp_path: Path) -> None:
    apply, create_key, check_config = starting_with(COMMAND)

    settings = {"SURVEY_DATA_DIR": str(data_dir()), "SURVEY_API_KEY": API_KEY}
    async with service_process("serve", settings, tmp_path / "serve.log") as running:
        assert "files are in force" in await shell(apply)
        key = (await shell(create_key)).strip().splitlines()[-1]
        async with backend_of(running.url, key) as backend:
            assert (await backend.get("/v1/responses"))["data"] == []
        async with backend_of(running.url) as backend:
            assert {row["id"] for row in (await backend.get("/v1/surveys"))["data"]} == {"nps", "csat", "ces"}
            triggers = {row["id"]: row["enabled"] for row in (await backend.get("/v1/triggers"))["data"]}
            assert not triggers["after-delivery"], "switched off until somebody says so"
    assert "SURVEY_PUBLIC_URL" in await shell(check_config)
