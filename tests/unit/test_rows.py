"""The flat row that BI tools read."""

from __future__ import annotations

import pytest

from survey_service.api.endpoint import dump_json
from survey_service.api.shapes.rows import ResponseRow
from survey_service.models.response import ResponseStatus
from survey_service.reporting.rows import response_row
from tests.support.factories import make_response


def test_a_row_has_every_documented_column_in_order_and_its_dimensions_after_the_place() -> None:
    documented = list(ResponseRow.model_fields)
    after = documented.index("journey_stage") + 1
    assert list(response_row(make_response())) == [*documented[:after], "agent", *documented[after:]]


def test_a_row_is_what_the_api_documents() -> None:
    row = response_row(make_response())
    assert ResponseRow.model_validate(row).model_dump() == row


def test_a_direct_invitations_row_has_no_event() -> None:
    row = response_row(make_response(event=None, trigger=None, trigger_version=None))
    assert {name for name in row if name.startswith("event") and row[name] is not None} == set()


@pytest.mark.parametrize("column", ["id", "customer", "score", "answers", "updated_at"])
def test_a_dimension_never_replaces_a_column(column: str) -> None:
    plain = response_row(make_response(dimensions={}))
    row = response_row(make_response(dimensions={column: "mine"}))
    assert row.pop(f"dimension_{column}") == "mine"
    assert row == plain


def test_a_partial_row_is_marked() -> None:
    row = response_row(make_response(status=ResponseStatus.PARTIAL, finished_by=None, finished_at=None))
    assert (row["status"], row["finished_by"], row["finished_at"]) == ("partial", None, None)


def test_instants_are_written_in_utc_with_z() -> None:
    assert b'"started_at":"2025-11-22T12:00:00Z"' in dump_json(response_row(make_response()))
