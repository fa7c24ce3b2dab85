"""`/v1/incentives/{id}/codes`: unique codes come in, of any number; how many are left goes out, never a code."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from survey_service.api.code_import import CodeFormat, CodesRead, import_codes
from survey_service.api.endpoint import Call, Reply, dump_json, endpoint
from survey_service.api.incentives import read_incentive
from survey_service.api.reading import body_chunks
from survey_service.api.shapes.incentives import CodeCounts, CodesAdded, CodesDeleted
from survey_service.errors import Conflict, SurveyServiceError
from survey_service.models.api_key import Scope
from survey_service.models.incentive import Incentive, IncentiveKind
from survey_service.store.faults import as_service_error

MAX_UPLOAD_BYTES = 256 * 1024 * 1024
_TOLD_EVERY = 10_000  # lines, where progress is told
_FORMATS = tuple(form.value for form in CodeFormat)


@endpoint(
    "POST",
    "/v1/incentives/{id}/codes",
    tag="incentives",
    scope=Scope.REWARDS_WRITE,
    answers={200: CodesAdded},
    accepts={
        CodeFormat.CSV.value: "UTF-8, at most 256 MiB; one column, or several of which one is called `code`",
        CodeFormat.NDJSON.value: 'at most 256 MiB; `{"code": "…"}` a line',
    },
)
async def post_codes(call: Call) -> Reply | web.StreamResponse:
    """Add unique codes; posted again they are added once. Who accepts application/x-ndjson is told the progress."""
    incentive = await _pool(call)
    chunks = body_chunks(call.request, _FORMATS, MAX_UPLOAD_BYTES)
    form = CodeFormat(call.request.content_type) if call.request.content_type in _FORMATS else CodeFormat.CSV
    steps = _fill(call, incentive, import_codes(chunks, form, incentive.id, call.parts.store.codes))
    if CodeFormat.NDJSON.value in call.request.headers.get("Accept", ""):
        return await _stream(call.request, steps)
    *_, done = [step async for step in steps]
    return Reply(done.shown())


@endpoint("GET", "/v1/incentives/{id}/codes", tag="incentives", scope=Scope.REWARDS_READ, answers={200: CodeCounts})
async def get_codes(call: Call) -> CodeCounts:
    """Count the codes; they are money, and none is shown."""
    incentive = await _pool(call)
    left, used = await call.parts.store.codes.count(incentive.id)
    return CodeCounts(left=left, used=used)


@endpoint(
    "DELETE", "/v1/incentives/{id}/codes", tag="incentives", scope=Scope.REWARDS_WRITE, answers={200: CodesDeleted}
)
async def delete_codes(call: Call) -> CodesDeleted:
    """Delete the codes that nobody has; those that were given stay good."""
    incentive = await _pool(call)
    deleted = await call.parts.store.codes.delete_unused(incentive.id)
    await call.parts.granting.note_codes(incentive)
    return CodesDeleted(deleted=deleted)


async def _pool(call: Call) -> Incentive:
    incentive = await read_incentive(call)
    if incentive.kind is not IncentiveKind.UNIQUE_CODE:
        raise Conflict(f"only a unique_code has codes of its own; this one is a {incentive.kind.value}")
    return incentive


async def _fill(call: Call, incentive: Incentive, steps: AsyncIterator[CodesRead]) -> AsyncIterator[CodesRead]:
    """The steps of an import, and then, however it ends, whoever waited for a code is served."""
    try:
        async for step in steps:
            yield step
    finally:
        await call.parts.granting.note_codes(incentive)


async def _stream(request: web.Request, steps: AsyncIterator[CodesRead]) -> web.StreamResponse:
    """A line now and then, and the last one with `done`; an answer without it was interrupted: post the same again."""
    response = web.StreamResponse(headers={"Content-Type": CodeFormat.NDJSON.value})
    told, step = 0, CodesRead()
    try:
        async for step in steps:
            if not response.prepared:
                await response.prepare(request)
            if step.lines - told >= _TOLD_EVERY:
                told = step.lines
                await response.write(dump_json(step.shown()) + b"\n")
        end: dict[str, object] = {**step.shown().model_dump(), "done": True}
    except Exception as error:
        known = as_service_error(error)
        if known is None or not response.prepared:
            raise
        # The status has left: the fault can only be told in the answer itself.
        end = {**step.shown().model_dump(), "done": False, "error": _told(known)}
    await response.write(dump_json(end) + b"\n")
    await response.write_eof()
    return response


def _told(error: SurveyServiceError) -> dict[str, str]:
    return {"code": error.code, "detail": error.detail}


ENDPOINTS = (post_codes, get_codes, delete_codes)
