"""No text of an export becomes a formula, whichever of the usual characters a program separates cells by."""

from __future__ import annotations

import csv
import io
from operator import itemgetter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from survey_service.reporting.csv_rows import CsvRows, cell
from survey_service.reporting.tables import Column, Kind

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS = [Column(name, Kind.TEXT, itemgetter(name)) for name in ("id", "comment", "answers")]

texts = st.text(st.sampled_from(["a", " ", "'", '"', ",", ";", "\t", "\r", "\n", *SIGNS]), max_size=12)


@given(comment=texts, answer=texts)
@example(comment="gut;=1+1;@SUM(A1)", answer="")
@example(comment='gut;"=1+1"', answer='\n""-1')
def test_no_cell_begins_a_formula_by_any_separator(comment: str, answer: str) -> None:
    row = {"id": "rsp_1", "comment": comment, "answers": {"why": answer}}
    written = CsvRows(COLUMNS).write([row]).decode()
    for separator in ",;\t":
        for read in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert [found for found in read if found.lstrip("\t\r\n").startswith(SIGNS)] == [], separator


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("gut;=1+1;@SUM(A1)", "gut;'=1+1;'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("a\n-1", "a\n'-1"),
        ("late; not broken", "late; not broken"),
        ("9 - 5 = 4", "9 - 5 = 4"),
    ],
)
def test_only_what_could_begin_a_formula_is_marked(text: str, written: str) -> None:
    assert cell(text) == written
