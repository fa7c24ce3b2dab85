"""docs/recipes.md comes in; its blocks of code go out, as they stand there."""

from __future__ import annotations

import re

from tests.support.processes import ROOT

TEXT = (ROOT / "docs/recipes.md").read_text()
DASHBOARD = ROOT / "docs/recipes/grafana.json"


def blocks(language: str) -> list[str]:
    """The code in one language, in its order."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
