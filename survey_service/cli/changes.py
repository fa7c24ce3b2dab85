"""What is stored and what a file wants come in; the difference goes out, as a value and as something to look at."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import yaml
from rich.console import Group
from rich.text import Text

from survey_service.cli.config_files import ConfigFile, Content

_CONTEXT_LINES = 2
_UNWRAPPED = 100_000  # columns


class ChangeState(StrEnum):
    """What a file means for the configuration."""

    NEW = "new"  # there is nothing of that id yet
    CHANGED = "changed"  # it differs from what is stored
    SAME = "same"  # nothing to do


@dataclass(frozen=True, slots=True)
class Change:
    """One file against what is stored; `version` is the stored version or revision, 0 for none."""

    file: ConfigFile
    before: Content | None
    version: int

    @property
    def state(self) -> ChangeState:
        """Whether the file says something new."""
        if self.before is None:
            return ChangeState.NEW
        return ChangeState.SAME if self.before == self.file.content else ChangeState.CHANGED

    def difference(self) -> list[str]:
        """A unified diff of the fields, one a line."""
        return list(
            difflib.unified_diff(
                _lines(self.before),
                _lines(self.file.content),
                fromfile=f"stored, version {self.version}" if self.version else "nothing stored",
                tofile=self.file.path,
                lineterm="",
                n=_CONTEXT_LINES,
            )
        )


_LOOKS = {
    ChangeState.NEW: ("+", "green"),
    ChangeState.CHANGED: ("~", "yellow"),
    ChangeState.SAME: ("=", "dim"),
}


def show_changes(changes: Sequence[Change]) -> Group:
    """The changes for a terminal: a line a file, below it the diff where something changes, at the end the counts."""
    lines: list[Text] = []
    for change in changes:
        sign, style = _LOOKS[change.state]
        lines.append(Text(f"{sign} {change.file.path}  {change.state}", style=style))
        if change.state is ChangeState.CHANGED:
            lines += [Text(f"    {line}", style=_diff_style(line)) for line in change.difference()]
    counts = Counter(change.state for change in changes)
    lines.append(Text(", ".join(f"{counts[state]} {state}" for state in ChangeState), style="bold"))
    return Group(*lines)


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return "dim"
    return {"+": "green", "-": "red"}.get(line[:1], "")


def _lines(content: Content | None) -> list[str]:
    if content is None:
        return []
    fields = content.model_dump(mode="json")
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=_UNWRAPPED).splitlines()
