"""Rows come in; NDJSON goes out: one JSON object a line, the same that lists show."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from survey_service.reporting.tables import Row

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class JsonRows:
    """Writes rows as lines of JSON."""

    content_type = "application/x-ndjson"
    suffix = "ndjson"
    is_heavy = False

    def begin(self) -> bytes:
        """Nothing stands before the first line."""
        return b""

    def write(self, rows: Iterable[Row]) -> bytes:
        """The lines of these rows."""
        dumps = orjson.dumps
        return b"".join([dumps(row, None, _OPTIONS) for row in rows])

    def end(self) -> bytes:
        """Nothing stands after the last one."""
        return b""
