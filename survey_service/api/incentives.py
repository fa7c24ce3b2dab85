"""`/v1/incentives`: what is offered for answers, in; out with what became of it so far."""

from __future__ import annotations

from survey_service.api.checks import check_incentive
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.incentives import IncentiveView
from survey_service.models.api_key import Scope
from survey_service.models.incentive import Incentive, IncentiveContent, RewardState
from survey_service.store.store import Store


@endpoint("GET", "/v1/incentives", tag="incentives", scope=Scope.CONFIG_READ, answers={200: ListOf[IncentiveView]})
async def list_incentives(call: Call, query: ListQuery) -> Reply:
    """List the incentives by id."""
    store = call.parts.store
    rows = await store.configuration.incentives.all()
    views = {row.id: await _view(store, row) for row in rows}
    return list_by(call, query, rows, lambda row: row.id, lambda row: views[row.id])


@endpoint("GET", "/v1/incentives/{id}", tag="incentives", scope=Scope.CONFIG_READ, answers={200: IncentiveView})
async def get_incentive(call: Call) -> Reply:
    """Read an incentive, with what became of it so far."""
    row = await read_incentive(call)
    return await _reply(call, row)


@endpoint(
    "PUT",
    "/v1/incentives/{id}",
    tag="incentives",
    scope=Scope.CONFIG_WRITE,
    answers={200: IncentiveView, 201: IncentiveView},
)
async def put_incentive(call: Call, body: IncentiveContent) -> Reply:
    """Create or replace an incentive; what was promised and given stays as it is."""
    name = resource_id(call)
    check_incentive(body)
    row, changed = await call.parts.store.configuration.incentives.put(name, body, call.expected_version())
    return await _reply(call, row, 201 if changed and row.revision == 1 else 200)


@endpoint("DELETE", "/v1/incentives/{id}", tag="incentives", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_incentive(call: Call) -> Reply:
    """Remove an incentive: nothing more is offered or granted, its rewards stay."""
    await call.parts.store.configuration.incentives.delete(resource_id(call))
    return Reply(None, status=204)


async def read_incentive(call: Call) -> Incentive:
    """The incentive that the path names.

    Raises:
        InvalidInput: none can have that id.
        NotFound: there is none.
    """
    name = resource_id(call)
    return found(await call.parts.store.configuration.incentives.get(name), "incentive", name)


async def _reply(call: Call, row: Incentive, status: int = 200) -> Reply:
    # Not as `etag`: the counts change under the same revision, so that no caller is told "not modified".
    return Reply(await _view(call.parts.store, row), status, {"ETag": f'"{row.revision}"'})


async def _view(store: Store, row: Incentive) -> IncentiveView:
    states = await store.incentive_states.get_many([row.id])
    return IncentiveView.of(row, states.get(row.id), await store.rewards.count(row.id, RewardState.HELD))


ENDPOINTS = (list_incentives, get_incentive, put_incentive, delete_incentive)
