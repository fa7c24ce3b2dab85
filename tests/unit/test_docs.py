"""What people read is held against the code: reasons, settings, metrics, scopes, routes, links, decisions."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from enum import Enum
from pathlib import Path
from urllib.parse import unquote

import pytest
from pydantic.fields import FieldInfo

from survey_service.api.routes import ENDPOINTS
from survey_service.delivery.gate import MAX_DEATHS
from survey_service.models.api_key import Scope
from survey_service.models.decision import Reason
from survey_service.settings import PREFIX, Settings
from survey_service.telemetry import REGISTRY
from survey_service.work.retry import SEND_SCHEDULE

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def files_of_the_project() -> list[Path]:
    """Every file that git holds or would take."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (ROOT / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file()]


FILES = files_of_the_project()
PAGES = sorted(path for path in FILES if path.suffix == ".md")


def table_rows(text: str) -> list[list[str]]:
    """The cells of every table row whose first cell is one word of code."""
    rows = re.findall(r"^\| `[^`]+` \|.*\|$", text, flags=re.MULTILINE)
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def by_first_cell(text: str) -> dict[str, list[str]]:
    """Table rows by what stands in their first cell."""
    return {row[0].strip("`"): row[1:] for row in table_rows(text)}


def shown_default(field: FieldInfo) -> str:
    """A default as the README writes it: as one would set it."""
    default = field.default
    if default is None:
        return "not set"
    if isinstance(default, Enum):
        default = default.value
    text = (
        str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else default
    )
    return f"`{text}`"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason: Reason) -> None:
    cells = by_first_cell((ROOT / "docs/reasons.md").read_text())[reason.value]
    assert len(cells) == 3
    assert all(cells), "where it is found, what it means, what to do"


def test_no_reason_is_explained_that_does_not_exist() -> None:
    assert set(by_first_cell((ROOT / "docs/reasons.md").read_text())) == set(Reason)


def test_the_numbers_in_the_reasons_are_those_of_the_code() -> None:
    words = {3: "Three", 4: "Four", 5: "Five", 6: "Six", 10: "ten"}
    reasons = by_first_cell((ROOT / "docs/reasons.md").read_text())
    assert f"{words[MAX_DEATHS]} workers" in reasons["poison"][1]
    tries = f"{words[len(SEND_SCHEDULE) + 1]} in about {sum(SEND_SCHEDULE, timedelta()) / timedelta(hours=1):.0f} hours"
    assert tries in reasons["retries_exhausted"][1]
    assert tries.replace("in about", "tries in about") in (ROOT / "docs/operating.md").read_text()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_the_readme_shows_every_setting_with_its_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    assert by_first_cell(README.read_text())[PREFIX + name.upper()] == [shown_default(field), field.description]


def test_the_readme_shows_no_setting_that_does_not_exist() -> None:
    shown = [name for name in by_first_cell(README.read_text()) if name.startswith(PREFIX)]
    assert shown == [PREFIX + name.upper() for name in Settings.model_fields]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", page.read_text()))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


def test_operating_names_every_metric() -> None:
    text = (ROOT / "docs/operating.md").read_text()
    names = {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in REGISTRY.collect()}
    assert names == set(re.findall(r"^\| `(survey_\w+)` \|", text, flags=re.MULTILINE))


def test_operating_names_every_scope() -> None:
    (line,) = re.findall(r"^The scopes: (.*)\.$", (ROOT / "docs/operating.md").read_text(), flags=re.MULTILINE)
    assert [scope.strip("` ") for scope in line.split(",")] == list(Scope)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_route_that_a_page_names_exists(page: Path) -> None:
    routes = [(route.method, re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path))) for route in ENDPOINTS]
    for method, path in re.findall(r"\b(GET|POST|PUT|DELETE) (/v1/[\w/{}:.-]*[\w}])", page.read_text()):
        assert any(method == known and re.fullmatch(template, path) for known, template in routes), f"{method} {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_files_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert ROOT in found.parents, target
        assert not anchor or anchor in headings(found), target


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_decision_says_what_why_what_else_and_what_would_change_it() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    index = (ROOT / "docs/architecture.md").read_text()
    for number, decision in enumerate(decisions, start=1):
        text = decision.read_text()
        assert decision.name.startswith(f"{number:03}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(.+?)\.\*\* \S", text, flags=re.MULTILINE) == [
            "What",
            "Why",
            "Weighed",
            "What would change it",
        ]
        assert f"(decisions/{decision.name})" in index


# A checkout, a home folder, a package index: true on one machine alone.
_LOCAL = re.compile(
    r"(?<![\w.~/}-])/(?:home|Users|root|work)/[\w.-]"
    r"|(?:pypi|pythonhosted|npmjs)\.(?:org|com)/(?:simple|packages)"
    r"|--(?:extra-)?index-url[= ]|--find-links[= ]|registry\.\w+\.\w+/",
)
_VENDORED = "swagger-ui"


def test_no_file_names_a_place_that_exists_on_one_machine_alone() -> None:
    here = [re.escape(str(place)) + r"\b" for place in (ROOT, Path.home()) if len(place.parts) > 2]
    patterns = [_LOCAL, *map(re.compile, here)]
    found = []
    for path in FILES:
        if _VENDORED in path.name or path == Path(__file__):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # an image
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for pattern in patterns for match in pattern.finditer(text)]
    assert found == []
