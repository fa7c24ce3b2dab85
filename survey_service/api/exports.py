"""`/v1/{rows}/export`: filters come in; all rows that match go out as they are read, in constant memory."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiohttp import web
from pydantic import BaseModel

from survey_service.api.cases import CaseFilters
from survey_service.api.decisions import DecisionFilters
from survey_service.api.deliveries import DeliveryFilters
from survey_service.api.endpoint import Call, endpoint
from survey_service.api.event_reads import EventFilters
from survey_service.api.invitations import InvitationFilters
from survey_service.api.pagination import Changes, ExportQuery
from survey_service.api.responses import ResponseFilters
from survey_service.api.shapes.cases import CaseRow
from survey_service.api.shapes.rows import DecisionRow, DeliveryRow, EventRow, InvitationRow, ResponseRow
from survey_service.api.shapes.stored_rows import (
    ShowDocument,
    show_case,
    show_decision,
    show_delivery,
    show_event,
    show_invitation,
)
from survey_service.errors import Overloaded
from survey_service.models.api_key import Scope
from survey_service.reporting.csv_rows import CsvRows
from survey_service.reporting.json_rows import JsonRows
from survey_service.reporting.parquet_rows import ParquetRows
from survey_service.reporting.rows import ROW_FIELDS, stored_response_row
from survey_service.reporting.tables import Column, columns_of, response_columns
from survey_service.store.events import decisions_reading
from survey_service.store.streams import Reading, stream_batches

STALLED_SECONDS = 60.0  # that a caller may take to read what fits into the buffers, before we let go
_AT_ONCE = 250  # rows that are written in one piece, so that other requests get their turn

log = structlog.get_logger()


class RowWriter(Protocol):
    """Turns rows into the bytes of one file."""

    content_type: str
    suffix: str
    is_heavy: bool  # what it does with rows takes long, and leaves the loop for it

    def begin(self) -> bytes:
        """What stands before the first row."""
        ...

    def write(self, rows: Iterable[Mapping[str, Any]]) -> bytes:
        """What can leave once these rows are known."""
        ...

    def end(self) -> bytes:
        """What stands after the last row."""
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """One resource: what is read, how a document is shown, and which columns a table of it has."""

    name: str
    reading: Reading
    show: ShowDocument
    columns: Callable[[], Sequence[Column]]


class ResponsesExport(ResponseFilters, Changes, ExportQuery):
    """All that are given must hold; with `survey` every answer, score and dimension of it is a column of a table."""


class EventsExport(EventFilters, Changes, ExportQuery):
    """Filters; all that are given must hold."""


class DecisionsExport(DecisionFilters, Changes, ExportQuery):
    """Filters; all that are given must hold. A decision changes when its event does."""


class InvitationsExport(InvitationFilters, Changes, ExportQuery):
    """Filters; all that are given must hold."""


class DeliveriesExport(DeliveryFilters, Changes, ExportQuery):
    """Filters; all that are given must hold."""


class CasesExport(CaseFilters, Changes, ExportQuery):
    """Filters; all that are given must hold."""


@endpoint("GET", "/v1/responses/export", tag="responses", scope=Scope.RESPONSES_READ, answers={200: None})
async def export_responses(call: Call, query: ResponsesExport) -> web.StreamResponse:
    """Export responses as NDJSON, CSV or Parquet, as they are read."""
    surveys = call.parts.store.configuration.surveys
    versions = await surveys.history(query.survey) if query.survey and query.format != "ndjson" else []
    reading = Reading("responses", "started_at", query.filters(), query.window(), ROW_FIELDS)
    export = Export("responses", reading, stored_response_row, lambda: response_columns(ResponseRow, versions))
    return await stream_export(call, query, export)


@endpoint("GET", "/v1/events/export", tag="events", scope=Scope.EVENTS_READ, answers={200: None})
async def export_events(call: Call, query: EventsExport) -> web.StreamResponse:
    """Export events as NDJSON, CSV or Parquet, as they are read."""
    reading = Reading("events", "received_at", query.filters(), query.window())
    return await stream_export(call, query, Export("events", reading, show_event, _columns(EventRow)))


@endpoint("GET", "/v1/decisions/export", tag="events", scope=Scope.EVENTS_READ, answers={200: None})
async def export_decisions(call: Call, query: DecisionsExport) -> web.StreamResponse:
    """Export decisions as NDJSON, CSV or Parquet, as they are read."""
    reading = decisions_reading(query.filters(), query.window())
    return await stream_export(call, query, Export("decisions", reading, show_decision, _columns(DecisionRow)))


@endpoint("GET", "/v1/invitations/export", tag="invitations", scope=Scope.INVITATIONS_READ, answers={200: None})
async def export_invitations(call: Call, query: InvitationsExport) -> web.StreamResponse:
    """Export invitations as NDJSON, CSV or Parquet, as they are read."""
    reading = Reading("invitations", "created_at", query.filters(), query.window())
    return await stream_export(call, query, Export("invitations", reading, show_invitation, _columns(InvitationRow)))


@endpoint("GET", "/v1/deliveries/export", tag="deliveries", scope=Scope.INVITATIONS_READ, answers={200: None})
async def export_deliveries(call: Call, query: DeliveriesExport) -> web.StreamResponse:
    """Export deliveries as NDJSON, CSV or Parquet, as they are read; addresses are masked."""
    reading = Reading("deliveries", "created_at", query.filters(), query.window())
    return await stream_export(call, query, Export("deliveries", reading, show_delivery, _columns(DeliveryRow)))


@endpoint("GET", "/v1/cases/export", tag="cases", scope=Scope.CASES_READ, answers={200: None})
async def export_cases(call: Call, query: CasesExport) -> web.StreamResponse:
    """Export cases as NDJSON, CSV or Parquet, as they are read."""
    reading = Reading("cases", "opened_at", query.filters(), query.window())
    return await stream_export(call, query, Export("cases", reading, show_case, _columns(CaseRow)))


async def stream_export(call: Call, query: ExportQuery, export: Export) -> web.StreamResponse:
    """Answer with all rows; see `stream_file`.

    Raises:
        InvalidInput: the format needs a package that is not installed.
        Overloaded: this process exports as much as it can.
    """
    writer = await _writer(query, export.columns)
    return await stream_file(call, f"{export.name}.{writer.suffix}", writer.content_type, _pieces(call, writer, export))


async def stream_file(
    call: Call, name: str, content_type: str, pieces: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    """Answer with a file as it is made; whoever hangs up, or reads nothing for a minute, ends its making.

    An answer that cannot be ended is broken off, so that nobody takes half of the rows for all.

    Raises:
        Overloaded: this process exports as much as it can.
    """
    if call.parts.exporting.locked():
        raise Overloaded("as many exports as one process makes are under way", retry_after=10)
    async with call.parts.exporting:
        headers = {
            "Content-Type": content_type,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Vary": "Accept-Encoding",
        }
        response = web.StreamResponse(headers=headers)
        has_body = call.request.method != "HEAD"
        if has_body and "gzip" in call.request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(call.request)
        if has_body:
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        await _send(response, piece)
            except Exception as error:  # noqa: BLE001 -- see below
                # Whatever it is: the status has left, so only a connection that breaks can say it.
                log.warning("export.broken_off", file=name, error=type(error).__name__)
                if call.request.transport is not None:
                    call.request.transport.abort()
        return response


async def _pieces(call: Call, writer: RowWriter, export: Export) -> AsyncGenerator[bytes, None]:
    yield writer.begin()
    async with aclosing(stream_batches(call.parts.store.database, export.reading)) as batches:
        async for batch in batches:
            rows = map(export.show, batch)
            while part := list(itertools.islice(rows, _AT_ONCE)):
                yield await asyncio.to_thread(writer.write, part) if writer.is_heavy else writer.write(part)
    yield await asyncio.to_thread(writer.end) if writer.is_heavy else writer.end()


async def _send(response: web.StreamResponse, piece: bytes) -> None:
    if piece:
        async with asyncio.timeout(STALLED_SECONDS):
            await response.write(piece)


async def _writer(query: ExportQuery, columns: Callable[[], Sequence[Column]]) -> RowWriter:
    match query.format:
        case "csv":
            return CsvRows(columns(), bom=query.bom)
        case "parquet":
            return await asyncio.to_thread(ParquetRows, columns())  # which imports a large package
        case "ndjson":
            return JsonRows()


def _columns(shape: type[BaseModel]) -> Callable[[], Sequence[Column]]:
    return lambda: columns_of(shape)


ENDPOINTS = (
    export_responses,
    export_events,
    export_decisions,
    export_invitations,
    export_deliveries,
    export_cases,
)
