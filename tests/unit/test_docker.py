"""The Dockerfile, the compose file and what they copy are held against the CLI, the settings, the locks and the wheel.

No Docker engine is needed: both files are parsed, and the health check is run by hand.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer
import yaml

from survey_service.api import health
from survey_service.cli import app as cli
from survey_service.cli.running import HTTP_GRACE
from survey_service.pages.networks import customer_address
from survey_service.settings import PREFIX, Settings, read_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PORT = Settings.model_fields["port"].default
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
COMMANDS = set(typer.main.get_command(cli).commands)  # type: ignore[attr-defined] # a group has commands
OUR_SERVICES = ("api", "worker")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY`, and what follows it on its line and the lines that go on with it."""

    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, `FROM` first; comments gone, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    found: list[list[Instruction]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest.strip()))
    return found


def last(word: str) -> str:
    """What the image's last instruction of this word says."""
    return [instruction.rest for instruction in stages()[-1] if instruction.word == word][-1]


def copied() -> list[str]:
    """Every path that the build takes from the repository."""
    copies = [instruction.rest.split() for stage in stages() for instruction in stage if instruction.word == "COPY"]
    return [source for words in copies if not words[0].startswith("--from=") for source in words[:-1]]


def image_environment() -> dict[str, str]:
    """What the image sets."""
    return dict(re.findall(r"(\w+)=(\S+)", last("ENV")))


def compose() -> dict[str, Any]:
    """The compose file, parsed."""
    parsed: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return parsed


def example() -> dict[str, str]:
    """The variables of docker/.env.example that are not commented out."""
    lines = (FOLDER / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Missing(Exception):
    """A variable that has to be set is not."""


def interpolate(text: str, variables: dict[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as Compose reads them."""

    def value(match: re.Match[str]) -> str:
        name, kind, word = match["name"], match["kind"], match["word"] or ""
        if variables.get(name):
            return variables[name]
        if kind == ":?":
            raise Missing(word)
        return word

    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<word>[^}]*))?\}", value, text)


def service_environment(name: str, variables: dict[str, str]) -> dict[str, str]:
    """What a container of ours sees: the image's variables, those of docker/.env, and those of the compose file."""
    service = compose()["services"][name]
    assert service["env_file"] == [".env"]
    own = {key: interpolate(text, variables) for key, text in service["environment"].items()}
    return {key: text for key, text in (image_environment() | variables | own).items() if key.startswith(PREFIX)}


FILLED = example() | {"SURVEY_SECRET": "0123456789abcdef" * 4, "SURVEY_API_KEY": "fedcba9876543210" * 4}


def test_the_image_installs_nothing_without_a_hash() -> None:
    runs = [instruction.rest for stage in stages() for instruction in stage if instruction.word == "RUN"]
    installs = re.findall(r"pip install ([^&]+)", " && ".join(runs))
    assert len(installs) == 3
    for install in installs:
        locked = re.fullmatch(r"--require-hashes -r locks/(\S+)", install.strip())
        own_wheel = install.strip() == "--no-deps dist/survey_service-*.whl"
        assert locked or own_wheel, install
    assert all("--no-build-isolation" in run for run in runs if "pip wheel" in run)


@pytest.mark.parametrize("lock", ["requirements/service.txt", "docker/build.txt"])
def test_the_locks_of_the_image_pin_every_package_with_hashes(lock: str) -> None:
    assert lock in copied()
    text = re.sub(r"^\s*#.*\n?", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    entries = re.sub(r"\\\n\s*", "", text).strip().splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_locks_hold_what_the_project_asks_for() -> None:
    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^a-z0-9._-]", text.lower())[0] for text in requirements}

    def locked(path: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / path).read_text(), flags=re.MULTILINE))

    assert names(PROJECT["project"]["dependencies"]) <= locked("requirements/service.txt")
    assert names(PROJECT["build-system"]["requires"]) <= locked("docker/build.txt")


def test_the_image_holds_every_package_and_file_of_the_wheel() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {*packages, "pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert needed <= set(copied())


def test_what_the_image_copies_exists_and_is_let_in() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore, "nothing enters but what is named"
    assert set(copied()) == let_in
    assert all((ROOT / path).exists() for path in let_in)


def test_secrets_stay_out_of_git_and_out_of_the_image() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert not any(fnmatchcase(path, "*.env*") for path in copied())


def test_the_image_runs_a_command_of_ours_as_nobody_in_particular() -> None:
    (script,) = json.loads(last("ENTRYPOINT"))
    assert PROJECT["project"]["scripts"][script] == "survey_service.cli:main"
    (command,) = json.loads(last("CMD"))
    assert command in COMMANDS
    assert int(last("USER")) > 0
    assert last("STOPSIGNAL") == "SIGTERM"


def test_both_stages_have_the_oldest_python_that_we_promise() -> None:
    promised = PROJECT["project"]["requires-python"].removeprefix(">=")
    images = [stage[0].rest.split()[0] for stage in stages()]
    assert len(images) == 2
    assert set(images) == {f"python:{promised}-slim-bookworm"}


def test_the_port_of_the_image_is_the_one_of_the_settings() -> None:
    assert int(last("EXPOSE")) == PORT
    assert f"port {PORT}" in (FOLDER / "Caddyfile").read_text()
    assert f"or {PORT}" in last("HEALTHCHECK")


def test_every_variable_of_the_image_and_of_compose_is_a_setting() -> None:
    texts = [path.read_text() for path in (FOLDER / "Dockerfile", FOLDER / "compose.yaml", FOLDER / "Caddyfile")]
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+", "\n".join([*texts, (FOLDER / ".env.example").read_text()])))
    assert named - SETTINGS == set()


class _Answers(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_whether_the_process_lives(
    status: int, healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answers, "status", status)
    monkeypatch.setattr(_Answers, "asked", [])
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert command[0] == "python"
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            environment = {**os.environ, "SURVEY_PORT": str(server.server_port)}
            checked = subprocess.run(
                [sys.executable, *command[1:]], env=environment, capture_output=True, check=False, timeout=30
            )
        finally:
            server.shutdown()
            thread.join()
    assert (checked.returncode == 0) is healthy
    assert _Answers.asked == ["/livez"]
    assert "/livez" in {endpoint.path for endpoint in health.ENDPOINTS}


@pytest.mark.parametrize("name", OUR_SERVICES)
def test_compose_starts_a_role_of_ours_from_the_dockerfile(name: str) -> None:
    service = compose()["services"][name]
    assert service["command"] == [name]
    assert name in COMMANDS
    build = service["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", OUR_SERVICES)
def test_the_settings_of_compose_let_the_service_start(name: str) -> None:
    settings = read_settings(service_environment(name, FILLED))
    assert not settings.embedded
    assert settings.host == "0.0.0.0"  # noqa: S104 -- inside a container
    assert settings.smtp_url is not None
    assert settings.smtp_url.get_secret_value() == "smtp://mailpit:1025"
    assert (settings.api_key is None) is (name == "worker")


@pytest.mark.parametrize("name", OUR_SERVICES)
def test_every_setting_can_stand_in_the_example(name: str) -> None:
    own = {"SURVEY_RETAIN_EVENTS_DAYS": "90", "SURVEY_REDIRECT_HOSTS": "acme.example", "SURVEY_ONLY_TO": "*@x.example"}
    settings = read_settings(service_environment(name, FILLED | own))
    assert (settings.retain_events_days, settings.redirect_hosts, settings.only_to) == (
        90,
        "acme.example",
        "*@x.example",
    )


def test_the_api_believes_the_edge_alone_about_who_asks() -> None:
    services, (subnet,) = compose()["services"], compose()["networks"]["edge"]["ipam"]["config"]
    joined = {name: service.get("networks", ["default"]) for name, service in services.items()}
    assert {name for name, networks in joined.items() if "edge" in networks} == {"api", "edge"}
    assert joined["edge"] == ["edge"], "the API's address that it finds is in the network that is believed"
    settings = read_settings(service_environment("api", FILLED))
    assert [str(network) for network in settings.trusted_networks] == [subnet["subnet"]]
    visitor = "93.184.215.14"
    assert str(customer_address("172.30.81.2", visitor, settings.trusted_networks)) == visitor
    elsewhere = FILLED | {"SURVEY_TRUSTED_PROXIES": "10.0.0.0/8"}
    assert service_environment("api", elsewhere)["SURVEY_TRUSTED_PROXIES"] == "10.0.0.0/8"


@pytest.mark.parametrize("missing", ["SURVEY_SECRET", "SURVEY_API_KEY", "SURVEY_PUBLIC_URL"])
def test_compose_says_which_variable_is_missing_and_where_to_set_it(missing: str) -> None:
    with pytest.raises(Missing, match=rf"set {missing} in docker/\.env"):
        service_environment("api", FILLED | {missing: ""})
    assert missing in example()


def test_the_example_holds_no_secret() -> None:
    assert [name for name in ("SURVEY_SECRET", "SURVEY_API_KEY") if example()[name]] == []


def test_compose_waits_for_a_replica_set() -> None:
    services = compose()["services"]
    for name in OUR_SERVICES:
        assert services[name]["depends_on"]["mongo"]["condition"] == "service_healthy"
    mongo = services["mongo"]
    (replica_set,) = [word.removeprefix("--replSet=") for word in mongo["command"] if "--replSet" in word]
    check = mongo["healthcheck"]["test"][-1]
    assert f'_id: "{replica_set}"' in check
    assert "isWritablePrimary" in check
    uri = service_environment("worker", FILLED)["SURVEY_MONGODB_URI"]
    assert re.match(rf"mongodb://{re.search(r'host: .([a-z:0-9]+)', check)[1]}/", uri)  # type: ignore[index] # or fail
    assert uri.endswith(f"replicaSet={replica_set}")
    assert "$" not in check, "Compose would take it for a variable"


def test_compose_leaves_a_stopping_service_the_time_it_takes() -> None:
    needed = HTTP_GRACE + Settings.model_fields["drain_seconds"].default
    for name in OUR_SERVICES:
        assert int(compose()["services"][name]["stop_grace_period"].removesuffix("s")) > needed


def test_compose_publishes_the_edge_and_shows_caught_mails_to_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert published == {"edge": ["80:80", "443:443"], "mailpit": ["127.0.0.1:8025:8025"]}


def test_every_file_and_volume_that_compose_mounts_exists() -> None:
    parsed = compose()
    for service in parsed["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            exists = (FOLDER / source).is_file() if source.startswith(".") else source in parsed["volumes"]
            assert exists, mount


def test_the_edge_keeps_figures_inside() -> None:
    text = (FOLDER / "Caddyfile").read_text()
    assert "{$SURVEY_PUBLIC_URL} {" in text
    assert re.search(r"@inside path .*/metrics", text)
    assert text.count("{") == text.count("}")
