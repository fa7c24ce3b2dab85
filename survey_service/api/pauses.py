"""`/v1/pauses`: what is held back, in and out; lifting a pause lets go of everything that it held."""

from __future__ import annotations

from survey_service.api.checks import check_resource_id, check_touchpoint_id
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import list_by
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import PauseIn, PauseView
from survey_service.errors import InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.delivery import ChannelName
from survey_service.models.pause import Pause, PauseScope
from survey_service.store.configuration import Snapshot

_IDS = "is everything, channel:…, trigger:…, brand:… or touchpoint:…"


@endpoint("GET", "/v1/pauses", tag="pauses", scope=Scope.OPERATE, answers={200: ListOf[PauseView]})
async def list_pauses(call: Call, query: ListQuery) -> Reply:
    """List the pauses that stand, by id."""
    rows = await call.parts.store.configuration.pauses.all()
    return list_by(call, query, rows, lambda row: row.id, PauseView.of)


@endpoint("PUT", "/v1/pauses/{id}", tag="pauses", scope=Scope.OPERATE, answers={200: PauseView, 201: PauseView})
async def put_pause(call: Call, body: PauseIn) -> Reply:
    """Hold back everything, or a channel, trigger, brand or touchpoint; again: replace the note."""
    scope, target = _read_id(call.path("id"))
    configuration = call.parts.store.configuration
    snapshot = await configuration.current()
    _check_target(scope, target, snapshot)
    name = call.path("id")
    standing = snapshot.pauses.get(name)
    since = standing.created_at if standing else call.parts.clock.now()
    pause = Pause(id=name, scope=scope, target=target, note=body.note, created_at=since)
    await configuration.pauses.put(pause)
    return Reply(PauseView.of(pause), status=200 if standing else 201)


@endpoint("DELETE", "/v1/pauses/{id}", tag="pauses", scope=Scope.OPERATE, answers={204: None})
async def lift_pause(call: Call) -> Reply:
    """Lift a pause; what it held is due at once."""
    name = call.path("id")
    await call.parts.store.configuration.pauses.delete(name)
    await call.parts.store.deliveries.let_go(name, call.parts.clock.now())
    call.parts.bells.ring("sending")
    return Reply(None, status=204)


def _read_id(name: str) -> tuple[PauseScope, str | None]:
    """Scope and target of a pause's id."""
    if name == PauseScope.EVERYTHING:
        return PauseScope.EVERYTHING, None
    scope, _, target = name.partition(":")
    if scope not in set(PauseScope) - {PauseScope.EVERYTHING} or not target:
        raise InvalidInput.at("/id", "pause", _IDS)
    return PauseScope(scope), target


def _check_target(scope: PauseScope, target: str | None, snapshot: Snapshot) -> None:
    """Refuse what cannot exist: a pause that holds nothing, by a slip of the pen, would be found out too late."""
    if target is None:
        return
    if scope is PauseScope.TOUCHPOINT:  # events may name touchpoints that are not registered
        check_touchpoint_id(target)
        return
    check_resource_id(target)
    known = {
        PauseScope.CHANNEL: frozenset(ChannelName),
        PauseScope.TRIGGER: snapshot.triggers,
        PauseScope.BRAND: snapshot.brands,
    }
    if target not in known[scope]:
        raise InvalidInput.at("/id", "exists", f"there is no {scope} {target}")


ENDPOINTS = (list_pauses, put_pause, lift_pause)
