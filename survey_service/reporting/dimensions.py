"""Dimensions: the names that callers use come in; what they are called in the rollups goes out, and back. Pure."""

from __future__ import annotations

import re

from survey_service.models.rollup import FIXED_DIMENSIONS, LISTED
from survey_service.reporting.rows import COLUMNS, TAKEN_PREFIX

SURVEY, QUESTION = "survey", "question"
# What a survey takes from there says who of our own people it was about, whatever it calls that.
NAMES_PEOPLE = r"^event\.data\.agent(\.|$)"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
# A dimension is called alike in the rows of responses and of figures.
_TAKEN = COLUMNS | frozenset(
    """
    metric scale period_start period_end period_complete score n counts distribution ci_low ci_high ci_level
    source share share_ci_low share_ci_high withheld previous baseline rest rank change change_ci_low
    change_ci_high change_ci_level significant completion_rate events invited sent delivered bounced started
    finished opted_out response_rate bounce_rate opt_out_rate not_invited p25_seconds median_seconds
    p75_seconds currency rewards cost answers cost_per_answer opened active overdue closed band case returned
    return_rate changes
    response_rate_ci_low response_rate_ci_high completion_rate_ci_low completion_rate_ci_high
    bounce_rate_ci_low bounce_rate_ci_high opt_out_rate_ci_low opt_out_rate_ci_high
    """.split()  # noqa: SIM905 -- a name a line would be sixty lines
)


class NoDimension(ValueError):
    """No dimension can be called that; the message says why."""


def dimension_named(name: str) -> str:
    """What a caller's name for a dimension is called in the rollups.

    Raises:
        NoDimension: it is no name, or a column's.
    """
    if name in FIXED_DIMENSIONS or name in {SURVEY, QUESTION}:
        return name
    listed = name.removeprefix(TAKEN_PREFIX)
    if not _NAME.fullmatch(listed):
        raise NoDimension("is not the name of a dimension")
    if listed == name and name in _TAKEN:
        raise NoDimension(f"is a column; a survey's own dimension of that name is {TAKEN_PREFIX}{name}")
    return LISTED + listed


def column_of(dimension: str) -> str:
    """The column that shows a dimension in the rows."""
    if not dimension.startswith(LISTED):
        return dimension
    name = dimension.removeprefix(LISTED)
    taken = name in _TAKEN or name in FIXED_DIMENSIONS or name in {SURVEY, QUESTION}
    return TAKEN_PREFIX + name if taken else name


def is_listed(dimension: str) -> bool:
    """Whether a survey has to list it."""
    return dimension.startswith(LISTED)
