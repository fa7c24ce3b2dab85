"""RFC 9457: every error of the service as problem+json; the only place that knows which HTTP status an error has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from survey_service import errors
from survey_service.errors import FieldProblem

CONTENT_TYPE = "application/problem+json"
TYPE_PATH = "/problems/"

STATUS: Mapping[type[errors.SurveyServiceError], tuple[int, str]] = {
    errors.MalformedInput: (400, "The body cannot be read"),
    errors.Unauthorized: (401, "An API key is needed"),
    errors.Forbidden: (403, "Not allowed"),
    errors.NotFound: (404, "Not found"),
    errors.Conflict: (409, "Conflict"),
    errors.NotAllowed: (409, "Not allowed by the contact policy"),
    errors.PreconditionFailed: (412, "The resource has changed"),
    errors.TooLarge: (413, "Too large"),
    errors.UnsupportedMedia: (415, "Unsupported content type or encoding"),
    errors.InvalidInput: (422, "A field breaks a rule"),
    errors.Overloaded: (503, "Too much is waiting"),
    errors.Unavailable: (503, "Not possible at the moment"),
}


def status_of(error: errors.SurveyServiceError) -> tuple[int, str]:
    """HTTP status and title of an error, by its nearest class in the table; 500 for a class that is not in it."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500, "Something broke on our side"


def problem_body(
    status: int, code: str, title: str, detail: str | None = None, fields: Sequence[FieldProblem] = ()
) -> dict[str, Any]:
    """The members of a problem: `errors` has one entry a field, each with an RFC 6901 pointer."""
    body: dict[str, Any] = {"type": TYPE_PATH + code, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if fields:
        body["errors"] = [{"pointer": field.pointer, "rule": field.rule, "message": field.message} for field in fields]
    return body


def problem_response(
    status: int,
    code: str,
    title: str,
    detail: str | None = None,
    fields: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> web.Response:
    """A problem as an HTTP answer; `more` are members of its own (RFC 9457, section 3.2)."""
    body = {**problem_body(status, code, title, detail, fields), **(more or {})}
    return web.Response(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_UTC_Z),
        content_type=CONTENT_TYPE,
        headers=headers,
    )


def as_response(error: errors.SurveyServiceError) -> web.Response:
    """The answer to an error of the service."""
    status, title = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    fields = error.problems if isinstance(error, errors.InvalidInput) else ()
    more: dict[str, Any] = {}
    if isinstance(error, errors.NotAllowed):
        more = {"reason": error.reason, "next_eligible_at": error.next_at}
    return problem_response(status, error.code, title, error.detail, fields, headers, more)


def invalid_from(error: ValidationError, root: str = "") -> errors.InvalidInput:
    """A pydantic refusal as field problems; the refused values themselves are left out."""
    entries = error.errors(include_url=False, include_input=False, include_context=False)
    found = []
    for entry in entries:
        depth = len(entry["loc"])
        if entry["type"] == "too_short" and any(
            other["loc"][:depth] == entry["loc"] != other["loc"] for other in entries
        ):
            continue  # pydantic counts a refused item as missing; the item's own fault is the one to tell
        path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in entry["loc"])
        message = entry["msg"].removeprefix("Value error, ")
        found.append(FieldProblem(root + path, str(entry["type"]), message))
    return errors.InvalidInput(found)
