"""Middlewares: what every answer gets (request id, metrics, a log line), and what is answered when something fails.

Comes in: any request. Goes out: the same answer, counted by route template; an error as a problem, or as a page where a
browser asked for one. What pages themselves say of an error passes through unchanged.
"""

from __future__ import annotations

import re
import secrets
import time
import traceback
from functools import cache
from http import HTTPMethod
from typing import Protocol

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Counter, Histogram
from structlog.contextvars import bound_contextvars

from survey_service.api.endpoint import Endpoint
from survey_service.api.problems import as_response, problem_response, status_of
from survey_service.errors import Unavailable
from survey_service.store.faults import as_service_error
from survey_service.telemetry import REQUEST_SECONDS, REQUESTS

REQUEST_ID = web.RequestKey("request_id", str)
REQUEST_ID_HEADER = "X-Request-Id"
CLIENT_WENT = 499  # no status of HTTP: the caller hung up before the answer; counted so that it is not taken for ours

_OWN_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_METHODS = frozenset(HTTPMethod)
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}

log = structlog.get_logger()


def endpoint_of(request: web.Request) -> Endpoint | None:
    """The endpoint that the request leads to; None for pages and unknown addresses."""
    found = getattr(request.match_info.handler, "__self__", None)
    return found if isinstance(found, Endpoint) else None


def route_template(request: web.Request) -> str:
    """`/s/{token}` instead of the token: the only form of an address that logs and metrics see."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, and count and log it by route template."""
    given = request.headers.get(REQUEST_ID_HEADER, "")
    request[REQUEST_ID] = given if _OWN_REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    started = time.perf_counter()
    status = 500
    with bound_contextvars(request_id=request[REQUEST_ID]):
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        except ConnectionError:
            status = CLIENT_WENT
            raise
        finally:
            _record(request, status, time.perf_counter() - started)


def _record(request: web.Request, status: int, seconds: float) -> None:
    method = request.method if request.method in _METHODS else "other"
    route = route_template(request)
    requests, request_seconds = _metrics_of(method, route, status)
    requests.inc()
    request_seconds.observe(seconds)
    write = log.debug if status < 400 else log.info if status < 500 else log.warning
    write("answered", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))


@cache
def _metrics_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The metrics under these labels, of which there are few: looking them up takes as long as counting."""
    return REQUESTS.labels(method, route, status), REQUEST_SECONDS.labels(method, route)


async def name_answer(request: web.Request, response: web.StreamResponse) -> None:
    """`on_response_prepare`: every answer carries its request id."""
    if REQUEST_ID in request:
        response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]


class ErrorPage(Protocol):
    """What a browser is shown where a page failed; `retry_after` is in seconds, None where that is unknown."""

    def __call__(self, request: web.Request, status: int, retry_after: int | None) -> web.StreamResponse:
        """The page."""
        ...


def answer_errors(error_page: ErrorPage | None) -> Middleware:
    """A middleware that turns what a route raises into problem+json, or into `error_page` for a browser."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400 or not _takes_problems(request):
                raise
            return _http_problem(error)
        except Exception as error:  # the edge: whatever it is, the caller gets an answer and the log the place
            takes_problems = _takes_problems(request)
            if not takes_problems and (error_page is None or isinstance(error, ConnectionError)):
                raise
            known = as_service_error(error)
            if known is None:
                _log_unexpected(request, error)
            if error_page is None or takes_problems:
                return as_response(known) if known is not None else _unexpected_problem(request)
            retry_after = known.retry_after if isinstance(known, Unavailable) else None
            return error_page(request, status_of(known)[0] if known is not None else 500, retry_after)

    return answer


def _takes_problems(request: web.Request) -> bool:
    """Whether errors of this address are for systems; a browser elsewhere gets the pages' own words."""
    return (
        request.path.startswith("/v1")
        or endpoint_of(request) is not None
        or "text/html" not in request.headers.get("Accept", "")
    )


def _http_problem(error: web.HTTPException) -> web.Response:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return problem_response(error.status, _HTTP_CODES.get(error.status, "http"), error.reason, headers=headers)


def _log_unexpected(request: web.Request, error: Exception) -> None:
    # Where it broke and as what, not what it said: an exception's own words may quote the caller's data.
    log.error(
        "request failed",
        method=request.method,
        route=route_template(request),
        error=f"{type(error).__module__}.{type(error).__qualname__}",
        where="".join(traceback.format_tb(error.__traceback__)),
    )


def _unexpected_problem(request: web.Request) -> web.Response:
    request_id = request[REQUEST_ID]
    return problem_response(
        500, "internal", "Something broke on our side", f"The log has it under the request id {request_id}"
    )


def middlewares(error_page: ErrorPage | None = None) -> tuple[Middleware, ...]:
    """Those of every route, the outermost first; without `error_page` aiohttp answers browsers."""
    return observe, answer_errors(error_page)
