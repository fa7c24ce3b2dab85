"""`/v1/brands`: in whose name we ask, in and out."""

from __future__ import annotations

from survey_service.api.checks import check_brand
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import BrandView
from survey_service.errors import Conflict
from survey_service.models.api_key import Scope
from survey_service.models.brand import BrandContent


@endpoint("GET", "/v1/brands", tag="brands", scope=Scope.CONFIG_READ, answers={200: ListOf[BrandView]})
async def list_brands(call: Call, query: ListQuery) -> Reply:
    """List the brands by id."""
    rows = await call.parts.store.configuration.brands.all()
    return list_by(call, query, rows, lambda row: row.id, BrandView.of)


@endpoint("GET", "/v1/brands/{id}", tag="brands", scope=Scope.CONFIG_READ, answers={200: BrandView})
async def get_brand(call: Call) -> Reply:
    """Read a brand."""
    name = resource_id(call)
    row = found(await call.parts.store.configuration.brands.get(name), "brand", name)
    return Reply(BrandView.of(row), etag=row.revision)


@endpoint("PUT", "/v1/brands/{id}", tag="brands", scope=Scope.CONFIG_WRITE, answers={200: BrandView, 201: BrandView})
async def put_brand(call: Call, body: BrandContent) -> Reply:
    """Create or replace a brand."""
    name = resource_id(call)
    check_brand(body, call.parts.settings.allowed_redirect_hosts)
    row, changed = await call.parts.store.configuration.brands.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(BrandView.of(row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/brands/{id}", tag="brands", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_brand(call: Call) -> Reply:
    """Delete a brand that no survey uses."""
    name, configuration = resource_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    if users := sorted(row.survey for row in snapshot.surveys.values() if row.brand == name):
        raise Conflict(f"the brand is used by the surveys {', '.join(users)}")
    await configuration.brands.delete(name)
    return Reply(None, status=204)


ENDPOINTS = (list_brands, get_brand, put_brand, delete_brand)
