"""Rates against those of another row: which changes can be told, and which are more than chance."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.reporting.rates_compared import with_changes


def returns(answers: int | None, returned: int | None) -> dict[str, Any]:
    rate = 100 * returned / answers if answers and returned is not None else None
    return {"answers": answers, "returned": returned, "return_rate": rate}


def test_a_change_of_a_rate_has_the_interval_of_newcombe() -> None:
    # Newcombe 1998, table II: 56/70 against 48/80 by his method 10.
    change = with_changes(returns(70, 56), returns(80, 48))["changes"]["return_rate"]
    assert (change["rate"], change["n"], change["change"]) == (60.0, 80, pytest.approx(20.0))
    assert (change["ci_low"], change["ci_high"]) == (pytest.approx(5.24, abs=0.005), pytest.approx(33.39, abs=0.005))
    assert change["significant"]


@pytest.mark.parametrize(
    ("row", "other"),
    [
        (returns(10, 5), None),
        (returns(10, 5), returns(0, 0)),
        (returns(0, 0), returns(10, 5)),
        (returns(10, 5), returns(None, None)),  # withheld
        (returns(10, 12), returns(10, 5)),  # more than it is a share of
    ],
)
def test_a_change_that_cannot_be_told_is_none(row: dict[str, Any], other: dict[str, Any] | None) -> None:
    assert with_changes(row, other)["changes"] == {"return_rate": None}
