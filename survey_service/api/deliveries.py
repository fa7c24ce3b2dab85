"""`/v1/deliveries`: messages and what became of them go out; an operator's word on dead and unknown ones comes in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import Changes, ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.rows import DeliveryRow, ErasedRow
from survey_service.delivery.news import settle_not_sent, settle_sent
from survey_service.delivery.steps import LOOK_AGAIN
from survey_service.errors import Conflict, NotFound
from survey_service.models.api_key import Scope
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.store.replacement import replace_unknown

PLANNING_STAGE = "planning"
SENDING_STAGE = "sending"


class DeliveryFilters(Changes):
    """Filters; all that are given must hold."""

    may_leave: ClassVar[Mapping[str, object]] = {"state": None, "reason": None}

    state: DeliveryState | None = None
    channel: ChannelName | None = None
    kind: DeliveryKind | None = None
    trigger: str | None = Field(default=None, max_length=100)
    invitation: str | None = Field(default=None, max_length=100)
    reason: Reason | None = None


class DeliveriesQuery(DeliveryFilters, ChangesQuery):
    """A page of deliveries."""


class Resolution(StrEnum):
    """What an operator found out about an unknown delivery."""

    SENT = "sent"  # the provider has it
    NOT_SENT = "not_sent"  # the provider never took it; it may be retried
    SEND_ANEW = "send_anew"  # nobody can tell: give it up, and send a new one


class ResolutionIn(BaseModel):
    """How an unknown delivery is settled."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    resolution: Resolution = Field(alias="as")


@endpoint(
    "GET",
    "/v1/deliveries",
    tag="deliveries",
    scope=Scope.INVITATIONS_READ,
    answers={200: ListOf[DeliveryRow | ErasedRow]},
)
async def list_deliveries(call: Call, query: DeliveriesQuery) -> Reply:
    """List deliveries, newest first."""
    page = await call.parts.store.deliveries.page(query.filters(), page_request(query))
    return page_reply(call, page, DeliveryRow.show)


@endpoint("GET", "/v1/deliveries/{id}", tag="deliveries", scope=Scope.INVITATIONS_READ, answers={200: DeliveryRow})
async def get_delivery(call: Call) -> DeliveryRow:
    """Read one delivery."""
    return DeliveryRow.of(await _find(call))


@endpoint("POST", "/v1/deliveries/{id}/retry", tag="deliveries", scope=Scope.OPERATE, answers={200: DeliveryRow})
async def retry_delivery(call: Call) -> DeliveryRow:
    """Give a dead delivery its tries again."""
    row = await _find(call)
    await _look_soon(call, row)
    if not await call.parts.store.deliveries.retry(row.id, call.parts.clock.now()):
        raise await _conflict(call, "only a dead one can be retried")
    call.parts.bells.ring(SENDING_STAGE)
    return DeliveryRow.of(await _find(call))


@endpoint("POST", "/v1/deliveries/{id}/resolve", tag="deliveries", scope=Scope.OPERATE, answers={200: DeliveryRow})
async def resolve_delivery(call: Call, body: ResolutionIn) -> DeliveryRow:
    """Settle an unknown delivery; `send_anew` answers with the new one."""
    row = await _find(call)
    if body.resolution is Resolution.SEND_ANEW:
        return DeliveryRow.of(await _send_anew(call, row))
    sent = body.resolution is Resolution.SENT
    store = call.parts.store
    if not await (settle_sent(row, store) if sent else settle_not_sent(row, store)):
        raise await _conflict(call, "only an unknown one can be resolved")
    call.parts.bells.ring(PLANNING_STAGE)
    return DeliveryRow.of(await _find(call))


async def _send_anew(call: Call, row: Delivery) -> Delivery:
    await _look_soon(call, row)
    replacement = await replace_unknown(call.parts.store.database, row)
    if replacement is None:
        raise await _conflict(call, "only an unknown one can be resolved")
    call.parts.bells.ring(SENDING_STAGE)
    return replacement


async def _look_soon(call: Call, row: Delivery) -> None:
    """Have planning look what became of a message that is about to be tried again."""
    if row.invitation:
        await call.parts.store.invitations.wake(row.invitation, within=LOOK_AGAIN)


async def _find(call: Call) -> Delivery:
    row = await call.parts.store.deliveries.get(call.path("id"))
    if row is None or row.erased_at is not None:
        raise NotFound("there is no such delivery")
    return row


async def _conflict(call: Call, rule: str) -> Conflict:
    row = await _find(call)
    if row.replaced_by:
        return Conflict(f"the delivery was sent anew as {row.replaced_by}")
    return Conflict(f"the delivery is {row.state.value}; {rule}")


ENDPOINTS = (list_deliveries, get_delivery, retry_delivery, resolve_delivery)
