"""Rows come in; a Parquet file goes out as it grows: each full row group leaves at once, the directory at the end.

Needs pyarrow, which is not installed with the service: `pip install survey-service[parquet]`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from survey_service.errors import InvalidInput
from survey_service.reporting.tables import Column, Kind, Row

MISSING = "Parquet needs another package on the server: pip install survey-service[parquet]"
GROUP_ROWS = 5_000  # of a row group; so many rows are held, and four times as many take 40 MB more
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class _Outgoing(io.RawIOBase):
    """Where the writer writes: kept until it is taken, and never looked back at."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class ParquetRows:
    """Writes rows as Parquet; instants are UTC to the millisecond, what nests is JSON text."""

    content_type = "application/vnd.apache.parquet"
    suffix = "parquet"
    is_heavy = True

    def __init__(self, columns: Sequence[Column]) -> None:
        """Begin a file.

        Raises:
            InvalidInput: pyarrow is not installed.
        """
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise InvalidInput.at("/format", "unavailable", MISSING) from None
        kinds: Mapping[Kind, Any] = {
            Kind.TEXT: pyarrow.string(),
            Kind.WHOLE: pyarrow.int64(),
            Kind.NUMBER: pyarrow.float64(),
            Kind.FLAG: pyarrow.bool_(),
            Kind.INSTANT: pyarrow.timestamp("ms", tz="UTC"),
            Kind.JSON: pyarrow.string(),
        }
        self._pyarrow = pyarrow
        self._columns = [(column.read, _CELLS[column.kind]) for column in columns]
        self._schema = pyarrow.schema([(column.name, kinds[column.kind]) for column in columns])
        self._out = _Outgoing()
        self._writer = parquet.ParquetWriter(self._out, self._schema, compression="zstd")
        self._values: list[list[Any]] = [[] for _ in columns]

    def begin(self) -> bytes:
        """The first bytes of the file."""
        return self._out.take()

    def write(self, rows: Iterable[Row]) -> bytes:
        """The row groups that are full now; empty until one is."""
        for row in rows:
            for values, (read, cell) in zip(self._values, self._columns, strict=True):
                value = read(row)
                values.append(None if value is None else cell(value))
        if len(self._values[0]) >= GROUP_ROWS:
            self._write_group()
        return self._out.take()

    def end(self) -> bytes:
        """The last row group and the directory."""
        if self._values[0]:
            self._write_group()
        self._writer.close()
        return self._out.take()

    def _write_group(self) -> None:
        arrays = [
            self._pyarrow.array(values, type=field.type)
            for values, field in zip(self._values, self._schema, strict=True)
        ]
        self._writer.write_table(self._pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._values = [[] for _ in self._columns]


def _json(value: Any) -> str:
    return orjson.dumps(value, option=_OPTIONS).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _instant(value: Any) -> datetime | None:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


_CELLS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.INSTANT: _instant,
    Kind.JSON: _json,
}
