"""The inbound rate limit: calls of one API key come in, the surplus of a window is answered with 429.

Fields as in https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (revision 10). The counters are
this process's own: the limit guards a process against one caller, it is no quota that is sold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from survey_service.api.auth import identify
from survey_service.api.middlewares import endpoint_of
from survey_service.api.problems import problem_response
from survey_service.errors import ConfigurationError
from survey_service.parts import PARTS

RATE_LIMIT = web.RequestKey("rate_limit", Mapping[str, str])


def limit_rate(setting: str) -> Middleware:
    """A middleware that counts each call of an endpoint with a scope against its key.

    Raises:
        ConfigurationError: `setting` is not like `6000/minute`.
    """
    limit = _parse(setting)
    limiter = FixedWindowRateLimiter(MemoryStorage())

    @web.middleware
    async def count_call(request: web.Request, handler: Handler) -> web.StreamResponse:
        endpoint = endpoint_of(request)
        if endpoint is None or endpoint.scope is None:
            return await handler(request)
        key = await identify(request, request.app[PARTS])
        within = await limiter.hit(limit, key.id)
        window = await limiter.get_window_stats(limit, key.id)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        request[RATE_LIMIT] = _fields(limit, max(0, window.remaining), reset)
        if within:
            return await handler(request)
        detail = f"a key may make {limit.amount} requests in {limit.get_expiry()} seconds"
        return problem_response(429, "rate_limited", "Too many requests", detail, headers={"Retry-After": str(reset)})

    return count_call


async def tell_limit(request: web.Request, response: web.StreamResponse) -> None:
    """`on_response_prepare`: what is left of the window."""
    if RATE_LIMIT in request:
        response.headers.update(request[RATE_LIMIT])


def _parse(setting: str) -> RateLimitItem:
    try:
        return parse(setting)
    except ValueError as error:
        raise ConfigurationError(f"SURVEY_RATE_LIMIT must be like 6000/minute, not {setting}") from error


def _fields(limit: RateLimitItem, remaining: int, reset: int) -> Mapping[str, str]:
    return {
        "RateLimit-Policy": f'"key";q={limit.amount};w={limit.get_expiry()}',
        "RateLimit": f'"key";r={remaining};t={reset}',
    }
