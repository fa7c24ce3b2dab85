"""Every benchmark runs through on real processes and prints a ratio; what the ratio is, no test may say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RATIO = re.compile(r"│ +\d+\.\d{3} │")


@pytest.mark.parametrize(
    ("name", "ratios"),
    [
        pytest.param("ingest-single", 4, marks=pytest.mark.long),
        pytest.param("ingest-batch", 2, marks=pytest.mark.long),
        ("intake", 1),
        pytest.param("sending", 1, marks=pytest.mark.long),
        pytest.param("backtest", 1, marks=pytest.mark.long),
        ("conditions", 1),
        pytest.param("sms", 1, marks=pytest.mark.long),
        pytest.param("page", 1, marks=pytest.mark.long),
        pytest.param("metrics", 1, marks=pytest.mark.long),
        pytest.param("exports", 2, marks=pytest.mark.long),
        pytest.param("webhooks", 2, marks=pytest.mark.long),
        pytest.param("webhooks-apart", 1, marks=pytest.mark.long),
        pytest.param("cases", 4, marks=pytest.mark.long),
    ],
)
def test_a_benchmark_prints_its_ratios(name: str, ratios: int) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", name]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert len(RATIO.findall(run.stdout)) == ratios, run.stdout


def test_an_unknown_benchmark_is_refused_before_anything_starts() -> None:
    command = [sys.executable, "-m", "benchmarks", "ingest"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert "there is no ingest" in run.stderr
