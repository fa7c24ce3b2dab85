"""`/v1/invitations`: direct requests come in; invitations with their deliveries and history go out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from survey_service.api.customer_refs import customer_filter
from survey_service.api.endpoint import Call, Reply, check_idempotency_key, endpoint
from survey_service.api.history import invitation_history
from survey_service.api.pagination import Changes, ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.shapes.invitation import (
    BatchIn,
    BatchItemIn,
    BatchMade,
    BatchResult,
    CancelIn,
    Cancelled,
    InvitationDetail,
    InvitationIn,
    InvitationMade,
)
from survey_service.api.shapes.rows import DeliveryRow, ErasedRow, InvitationRow
from survey_service.api.strict_json import check_storable
from survey_service.errors import Conflict, Forbidden, InvalidInput, NotAllowed, NotFound
from survey_service.intake.direct import DirectRequest
from survey_service.models.api_key import Scope
from survey_service.models.decision import Reason
from survey_service.models.ids import response_id
from survey_service.models.invitation import Invitation, InvitationState, states_that_may_become
from survey_service.store.withdrawal import withdraw_waiting

_AT_ONCE = 50  # invitations of a batch that are made at the same time


class InvitationFilters(Changes):
    """Filters; all that are given must hold."""

    may_leave: ClassVar[Mapping[str, object]] = {"state": None, "customer": None}

    state: InvitationState | None = None
    survey: str | None = Field(default=None, max_length=100)
    trigger: str | None = Field(default=None, max_length=100)
    customer: str | None = Field(default=None, max_length=200, description="The caller's own id of the person, or ours")
    event: str | None = Field(default=None, max_length=100, description="Key of the event that caused it")

    def filters(self) -> dict[str, Any]:
        """What the rows must match, by stored names."""
        given = super().filters()
        if self.customer is not None:
            del given["customer"]
            given |= customer_filter(self.customer)
        if self.event is not None:
            given["event.key"] = given.pop("event")
        return given


class InvitationsQuery(InvitationFilters, ChangesQuery):
    """A page of invitations."""


@endpoint(
    "GET",
    "/v1/invitations",
    tag="invitations",
    scope=Scope.INVITATIONS_READ,
    answers={200: ListOf[InvitationRow | ErasedRow]},
)
async def list_invitations(call: Call, query: InvitationsQuery) -> Reply:
    """List invitations, newest first."""
    page = await call.parts.store.invitations.page(query.filters(), page_request(query))
    return page_reply(call, page, InvitationRow.show)


@endpoint(
    "POST",
    "/v1/invitations",
    tag="invitations",
    scope=Scope.INVITATIONS_WRITE,
    answers={201: InvitationMade, 200: InvitationMade},
)
async def create_invitation(call: Call, body: InvitationIn) -> Reply:
    """Invite a customer directly, without an event; with an Idempotency-Key, repeating it invites nobody twice."""
    made = await call.parts.direct.invite(_direct_request(call, body, call.idempotency_key()))
    shown = InvitationMade.of(made.invitation, url=made.url)
    location = {"Location": f"/v1/invitations/{shown.id}"}
    return Reply(shown, status=201 if made.created else 200, headers=location)


@endpoint(
    "GET", "/v1/invitations/{id}", tag="invitations", scope=Scope.INVITATIONS_READ, answers={200: InvitationDetail}
)
async def get_invitation(call: Call) -> InvitationDetail:
    """Read one invitation with its deliveries and its history."""
    return await _detail(call, await _find(call))


@endpoint(
    "POST",
    "/v1/invitations/{id}/cancel",
    tag="invitations",
    scope=Scope.INVITATIONS_WRITE,
    answers={200: InvitationDetail},
)
async def cancel_invitation(call: Call) -> InvitationDetail:
    """Take an invitation back: nothing more is sent, and its link is closed."""
    invitation = await _find(call)
    whose = {"invitation": invitation.id}
    cancelled = await withdraw_waiting(call.parts.store.database, whose, Reason.CANCELLED, _cancellable())
    present = await _find(call)
    if not cancelled:
        raise Conflict(f"the invitation is {present.state.value}, which cannot be cancelled")
    return await _detail(call, present)


@endpoint("POST", "/v1/invitations/batch", tag="invitations", scope=Scope.INVITATIONS_WRITE, answers={200: BatchMade})
async def create_invitations(call: Call, body: BatchIn) -> BatchMade:
    """Invite up to 1,000 customers directly; one that is refused harms no other."""
    results = []
    for start in range(0, len(body.invitations), _AT_ONCE):
        items = body.invitations[start : start + _AT_ONCE]
        results += await asyncio.gather(*(_create_one(call, item) for item in items))
    counts = Counter(result.status for result in results)
    return BatchMade(created=counts["created"], repeated=counts["repeated"], refused=counts["refused"], results=results)


async def _create_one(call: Call, item: BatchItemIn) -> BatchResult:
    try:
        made = await call.parts.direct.invite(_direct_request(call, item, item.idempotency_key))
    except (InvalidInput, Conflict, NotAllowed, Forbidden) as error:
        later = error.next_at if isinstance(error, NotAllowed) else None
        return BatchResult(status="refused", error=error.code, detail=error.detail, next_eligible_at=later)
    status: Literal["created", "repeated"] = "created" if made.created else "repeated"
    return BatchResult(status=status, id=made.invitation.id, url=made.url)


@endpoint("POST", "/v1/invitations/cancel", tag="invitations", scope=Scope.INVITATIONS_WRITE, answers={200: Cancelled})
async def cancel_invitations(call: Call, body: CancelIn) -> Cancelled:
    """Take back every invitation of a trigger that is still open: nothing more is sent, and the links are closed."""
    database = call.parts.store.database
    count = await withdraw_waiting(database, {"trigger": body.trigger}, Reason.CANCELLED, _cancellable())
    return Cancelled(cancelled=count)


def _cancellable() -> tuple[InvitationState, ...]:
    return tuple(InvitationState(state) for state in states_that_may_become(InvitationState.CANCELLED))


def _direct_request(call: Call, body: InvitationIn, idempotency_key: str | None) -> DirectRequest:
    unstorable = [
        *check_storable(body.data, "/data"),
        *check_storable(body.customer.attributes, "/customer/attributes"),
    ]
    if unstorable:
        raise InvalidInput(unstorable)
    if body.ignore_rules and (call.key is None or Scope.INVITATIONS_IGNORE_RULES not in call.key.scopes):
        raise Forbidden(f"ignore_rules needs the scope {Scope.INVITATIONS_IGNORE_RULES.value}")
    check_idempotency_key(idempotency_key)
    return DirectRequest(
        survey=body.survey,
        profile=body.customer.profile(),
        channels=body.channels,
        touchpoint=body.touchpoint,
        data=body.data,
        language=body.language,
        delay=body.delay,
        expires_after=body.expires_after,
        key=call.key.id if call.key else "",
        idempotency_key=idempotency_key,
        content_hash=body.content_hash(),
        ignore_rules=body.ignore_rules,
        incentive=body.incentive,
    )


async def _find(call: Call) -> Invitation:
    invitation = await call.parts.store.invitations.get(call.path("id"))
    if invitation is None or invitation.erased_at is not None:
        raise NotFound("there is no such invitation")
    return invitation


async def _detail(call: Call, invitation: Invitation) -> InvitationDetail:
    deliveries = await call.parts.store.deliveries.of_invitation(invitation.id)
    response = await call.parts.store.responses.get(response_id(invitation.id))
    return InvitationDetail.of(
        invitation,
        deliveries=[DeliveryRow.of(delivery) for delivery in deliveries],
        history=invitation_history(invitation, deliveries, response),
    )


ENDPOINTS = (
    list_invitations,
    create_invitation,
    create_invitations,
    cancel_invitations,
    get_invitation,
    cancel_invitation,
)
