"""`POST /v1/triggers/dry-run`: a trigger and an event, or a period of stored events, come in; the outlook goes out.

Nothing is stored, sent or counted. A caller's own condition tells whatever it is put to: customers' profiles and
histories take part for whoever may read them, and stored events are for whoever may read those. A period is answered as
one JSON object at the end, or line by line with its progress for callers that accept `application/x-ndjson`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from aiohttp import web

from channels.base import EmailMessage, Message
from survey_service.api.auth import check_scope
from survey_service.api.checks import check_trigger
from survey_service.api.endpoint import Call, Reply, dump_json, endpoint
from survey_service.api.events import NDJSON
from survey_service.api.shapes.dry_run import DryRunIn, DryRunOut, OutlookOut, PlannedSend, RenderedMessage, TrialOut
from survey_service.api.shapes.event import read_event
from survey_service.calendars import zone
from survey_service.delivery.composing import Draft
from survey_service.delivery.steps import next_step
from survey_service.errors import FieldProblem, InvalidInput, Overloaded, Unavailable
from survey_service.intake.rehearsing import Outlook, Progress, Rehearsal
from survey_service.intake.trying import try_event
from survey_service.models.api_key import Scope
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.models.event import Event
from survey_service.models.ids import event_key
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.trigger import Trigger, TriggerContent
from survey_service.store.configuration import Snapshot
from survey_service.texts.segments import count_segments

INLINE = "dry-run"  # the name of a trigger that is given inline


@endpoint("POST", "/v1/triggers/dry-run", tag="triggers", scope=Scope.CONFIG_READ, answers={200: DryRunOut})
async def post_dry_run(call: Call, body: DryRunIn) -> Reply | web.StreamResponse:
    """Try a trigger on one event, or on the stored events of a period."""
    if body.period is not None:
        check_scope(call.key, Scope.EVENTS_READ)
    snapshot = await call.parts.store.configuration.current()
    trigger = _trigger(call, snapshot, body.trigger)
    if body.event is not None:
        return Reply(DryRunOut(event=await _try(call, trigger, _event(call, body.event), snapshot)))
    assert body.period is not None  # noqa: S101 -- the shape demands one of the two
    if call.parts.rehearsing.locked():
        raise Overloaded("as many periods as one process tries at once are under way", retry_after=10)
    rehearsal = Rehearsal(call.parts.store, call.parts.keyring, trigger)
    async with call.parts.rehearsing, aclosing(rehearsal.run(body.period.start, body.period.end)) as progress:
        if NDJSON in call.request.headers.get("Accept", ""):
            return await _stream(call.request, progress)
        return Reply(DryRunOut(period=OutlookOut.of(await _last(call.request, progress))))


def _trigger(call: Call, snapshot: Snapshot, named: str | TriggerContent) -> Trigger:
    if isinstance(named, str):
        found = snapshot.triggers.get(named)
        if found is None:
            raise InvalidInput.at("/trigger", "exists", "there is no trigger of that id")
        return found
    try:
        check_trigger(named, snapshot.surveys, call.parts.usable_channels, snapshot.incentives)
    except InvalidInput as error:
        raise InvalidInput([_below("/trigger", problem) for problem in error.problems]) from None
    now = call.parts.clock.now()
    return Trigger(id=f"{INLINE}:0", trigger=INLINE, version=0, created_at=now, **dict(named))


def _event(call: Call, value: dict[str, object]) -> Event:
    try:
        posted = read_event(value)
    except InvalidInput as error:
        raise InvalidInput([_below("/event", problem) for problem in error.problems]) from None
    now = call.parts.clock.now()
    data = value["data"]
    assert isinstance(data, dict)  # noqa: S101 -- read_event refused everything else
    return Event(
        id=event_key(posted.source, posted.id),
        source=posted.source,
        event_id=posted.id,
        type=posted.type,
        subject=posted.subject,
        time=posted.time or now,
        received_at=now,
        data=data,
        extensions=posted.extensions,
        content_hash="",
        touchpoint=posted.data.touchpoint,
    )


def _below(pointer: str, problem: FieldProblem) -> FieldProblem:
    return FieldProblem(pointer + problem.pointer, problem.rule, problem.message)


async def _try(call: Call, trigger: Trigger, event: Event, snapshot: Snapshot) -> TrialOut:
    if event.type != trigger.event_type:
        raise InvalidInput.at("/event/type", "event_type", f"the trigger asks about {trigger.event_type}")
    known = call.key is not None and Scope.CUSTOMERS_READ in call.key.scopes
    trial = await try_event(call.parts.store, call.parts.keyring, trigger, event, known=known)
    if trial.invitation is None:
        return TrialOut(decision=trial.decision, customer_known=known, sends=[], messages=[])
    planned = planned_messages(trial.invitation)
    survey, brand = snapshot.surveys[trial.invitation.survey], snapshot.brands[trial.invitation.brand]
    messages = []
    for delivery in planned[:1]:
        message = call.parts.composer.compose(Draft(delivery, survey, brand, trial.invitation, rehearsed=True))
        messages.append(_rendered(message))
    sends = [_send(delivery, trial.invitation) for delivery in planned]
    return TrialOut(decision=trial.decision, customer_known=known, sends=sends, messages=messages)


def _rendered(message: Message) -> RenderedMessage:
    if isinstance(message, EmailMessage):
        return RenderedMessage(channel=ChannelName.EMAIL, subject=message.subject, text=message.text, html=message.html)
    segments = count_segments(message.text)
    warning = None
    if segments.count > 1:
        warning = f"{segments.units} characters in {segments.encoding} are billed as {segments.count} messages"
    return RenderedMessage(
        channel=ChannelName.SMS, subject=None, text=message.text, html=None, segments=segments.count, warning=warning
    )


def planned_messages(invitation: Invitation) -> list[Delivery]:
    """Every message that would leave if all arrived and none was answered, in order. Pure."""
    messages: list[Delivery] = []
    now = invitation.created_at
    while now < invitation.expires_at:
        step = next_step(invitation, messages, now)
        for delivery in step.deliveries:
            left = {"state": DeliveryState.SENT, "sent_at": delivery.planned_at}
            messages.append(delivery.model_copy(update=left))
            invitation = invitation.model_copy(update={"state": InvitationState.SENT})
        following = messages[-1].planned_at if step.deliveries else step.due_at
        if following is None or (following <= now and not step.deliveries):
            break
        now = following
    return messages


def _send(delivery: Delivery, invitation: Invitation) -> PlannedSend:
    local = delivery.planned_at.astimezone(zone(invitation.timezone))
    return PlannedSend(
        kind=delivery.kind,
        channel=delivery.channel,
        at=delivery.planned_at,
        local_time=local.strftime("%a %Y-%m-%d %H:%M"),
        timezone=invitation.timezone,
    )


async def _last(request: web.Request, steps: AsyncIterator[Progress]) -> Outlook:
    """The outlook, unless whoever waits for it hangs up: that ends the rehearsal."""
    async for step in steps:
        if step.outlook is not None:
            return step.outlook
        if request.transport is None or request.transport.is_closing():
            break
    raise Unavailable("whoever asked has hung up")


async def _stream(request: web.Request, steps: AsyncIterator[Progress]) -> web.StreamResponse:
    """One line a step: `{"done": …, "total": …}`, the last one with the `outlook`; whoever hangs up ends it."""
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    first = await anext(steps)  # what is refused is refused before the answer begins
    await response.prepare(request)
    with suppress(ConnectionError):
        await response.write(_line(first))
        async for step in steps:
            await response.write(_line(step))
        await response.write_eof()
    return response


def _line(step: Progress) -> bytes:
    line: dict[str, object] = {"done": step.done, "total": step.total}
    if step.outlook is not None:
        line["outlook"] = OutlookOut.of(step.outlook).model_dump()
    return dump_json(line) + b"\n"


ENDPOINTS = (post_dry_run,)
