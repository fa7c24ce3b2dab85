"""The API application: the parts of a running service go in, an aiohttp application with every route comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from survey_service.api import health
from survey_service.api.docs import add_docs
from survey_service.api.health import get_metrics
from survey_service.api.middlewares import ErrorPage, middlewares, name_answer
from survey_service.api.rate_limit import limit_rate, tell_limit
from survey_service.api.reading import MAX_BODY_BYTES
from survey_service.api.routes import ENDPOINTS
from survey_service.parts import PARTS, Parts

# For `web.AppRunner`. Encoded bodies are refused, so nothing may unpack them first; and aiohttp's own access log
# would write addresses with their tokens.
# Bytes of a request line; aiohttp's own limit is 8,190, which many filters of figures exceed.
MAX_LINE_SIZE = 64 * 1024
RUNNER_OPTIONS: Mapping[str, Any] = {"auto_decompress": False, "access_log": None, "max_line_size": MAX_LINE_SIZE}
# One byte more than is taken, so that a body that is too large meets our own answer.
CLIENT_MAX_SIZE = MAX_BODY_BYTES + 1


def create_api(parts: Parts) -> web.Application:
    """An application that holds the API alone."""
    app = web.Application(client_max_size=CLIENT_MAX_SIZE)
    add_api(app, parts)
    return app


def add_api(app: web.Application, parts: Parts, error_page: ErrorPage | None = None) -> None:
    """Add routes, middlewares and signals to `app`, whose `client_max_size` should be `CLIENT_MAX_SIZE`.

    The middlewares run for every route of the application; `error_page` is what a browser sees where one fails.

    Raises:
        ConfigurationError: the rate limit of the settings cannot be read.
    """
    app[PARTS] = parts
    app.middlewares.extend((*middlewares(error_page), limit_rate(parts.settings.rate_limit)))
    app.on_response_prepare.extend((name_answer, tell_limit))
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET":
            app.router.add_get(endpoint.path, endpoint.__call__, allow_head=True)
        else:
            app.router.add_route(endpoint.method, endpoint.path, endpoint.__call__)
    app.router.add_get("/metrics", get_metrics)
    add_docs(app)


def create_health(parts: Parts) -> web.Application:
    """An application for a process that only works: `/livez`, `/readyz` and `/metrics`."""
    app = web.Application()
    app[PARTS] = parts
    app.middlewares.extend(middlewares())
    app.on_response_prepare.append(name_answer)
    for endpoint in health.ENDPOINTS:
        app.router.add_get(endpoint.path, endpoint.__call__, allow_head=True)
    app.router.add_get("/metrics", get_metrics)
    return app
