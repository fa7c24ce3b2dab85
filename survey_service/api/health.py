"""Health: `/livez`, `/readyz` and `/metrics` go out, for orchestrators and Prometheus."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from survey_service.api.endpoint import Call, endpoint
from survey_service.errors import Unavailable
from survey_service.telemetry import REGISTRY

DRAINING = web.AppKey("draining", asyncio.Event)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The process takes work."""

    status: Literal["ready"] = "ready"


@endpoint("GET", "/livez", tag="health", scope=None, answers={200: Alive})
async def get_liveness(_: Call) -> Alive:
    """Whether the process answers at all."""
    return Alive()


@endpoint("GET", "/readyz", tag="health", scope=None, answers={200: Ready})
async def get_readiness(call: Call) -> Ready:
    """Whether it takes work: a primary answers, the indexes exist, it is not draining."""
    draining = call.request.app.get(DRAINING)
    if draining is not None and draining.is_set():
        raise Unavailable("the service is draining", retry_after=10)
    await call.parts.store.database.check_ready()
    return Ready()


async def get_metrics(_: web.Request) -> web.Response:
    """Prometheus text; labels hold route templates, never tokens."""
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


ENDPOINTS = (get_liveness, get_readiness)
