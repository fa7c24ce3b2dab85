"""A stored response comes in; the flat row that BI tools read goes out (DESIGN "GET /v1/responses")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from survey_service.models.response import Response

TAKEN_PREFIX = "dimension_"

# Each column that is a stored field by its own name; the survey's dimensions stand behind those of the place.
_OF_THE_QUESTION = (
    "status",
    "finished_by",
    "survey",
    "survey_version",
    "brand",
    "trigger",
    "trigger_version",
    "variant",
)
_OF_THE_PLACE = ("touchpoint", "region", "journey_stage")
_OF_THE_ANSWER = (
    "channel",
    "language",
    "metric",
    "scale",
    "score",
    "scores",
    "answers",
    "comment",
    "comment_language",
    "topics",
    "suspect",
    "suspect_by",
    "started_at",
    "finished_at",
    "updated_at",
)
_NOTHING: Mapping[str, Any] = {}
_ELSEWHERE = ("erased_at", "event", "invitation", "link", "customer_ref", "incentive", "dimensions")

ROW_FIELDS = (*_OF_THE_QUESTION, *_ELSEWHERE, *_OF_THE_PLACE, *_OF_THE_ANSWER)
"""The stored fields that a row is made of, besides the id."""


def response_row(response: Response) -> dict[str, Any]:
    """The row of a response."""
    return stored_response_row(response.to_document())


def stored_response_row(document: Mapping[str, Any]) -> dict[str, Any]:
    """One row: scalars at the top level, the survey's dimensions among them; what was erased is named, and no more.

    A dimension whose name is a column already stands under `dimension_` and its name, so that none is lost. Exports
    make millions of rows, so the document is not read into a `Response` first.
    """
    get = document.get
    if get("erased_at") is not None:
        return erased_row(document["_id"], get("updated_at"))
    event = get("event") or _NOTHING
    return {
        "id": document["_id"],
        **{name: get(name) for name in _OF_THE_QUESTION},
        "event": event.get("key"),
        "event_id": event.get("id"),
        "event_source": event.get("source"),
        "event_type": event.get("type"),
        "event_time": event.get("time"),
        "invitation": get("invitation"),
        "link": get("link"),
        "customer": get("customer_ref"),
        "incentive": get("incentive"),
        **{name: get(name) for name in _OF_THE_PLACE},
        **{dimension_column(name): value for name, value in (get("dimensions") or _NOTHING).items()},
        **{name: get(name) for name in _OF_THE_ANSWER},
        "scores": get("scores") or {},
        "answers": get("answers") or {},
        "topics": list(get("topics") or ()),
    }


def erased_row(own_id: str, updated_at: datetime | None, named_by: str = "id") -> dict[str, Any]:
    """What is left to say of a row whose person asked to be forgotten; `named_by` is the column of the row's own id."""
    return {named_by: own_id, "erased": True, "updated_at": updated_at}


def dimension_column(name: str) -> str:
    """The column of a survey's dimension."""
    return TAKEN_PREFIX + name if name in COLUMNS else name


COLUMNS = frozenset(
    {"id", "erased", "event", "event_id", "event_source", "event_type", "event_time", "invitation", "link", "customer"}
    | {"incentive", *_OF_THE_QUESTION, *_OF_THE_PLACE, *_OF_THE_ANSWER}
)
"""The columns that every row has; a dimension cannot take their names."""
