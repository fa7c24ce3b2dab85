"""`/v1/cases/{id}/reply` and `/reward`: what a person writes or gives to the customer of a case comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from survey_service.api.cases import apply, author, find_case
from survey_service.api.checks import check_channel
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.shapes.cases import ReplyIn, ReplyMade, RewardGiven, RewardIn
from survey_service.errors import Conflict, InvalidInput
from survey_service.followup.changing import Changed, reply_case, reward_case
from survey_service.followup.letters import Wording, letter_to_customer, way_to_customer
from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.ids import hashed_id
from survey_service.models.incentive import RewardState

REPLY, GESTURE = "reply", "gesture"


@dataclass(frozen=True, slots=True)
class _Sent:
    """The case after something was written, and the message; it may be that of an earlier, equal request."""

    case: Case
    delivery: str
    is_new: bool = True


@endpoint(
    "POST", "/v1/cases/{id}/reply", tag="cases", scope=Scope.CASES_WRITE, answers={202: ReplyMade, 200: ReplyMade}
)
async def create_reply(call: Call, body: ReplyIn) -> Reply:
    """Write to the customer in a person's name; with an Idempotency-Key, repeating it writes once."""
    sent = await _write(call, body, REPLY)
    made = ReplyMade(case=sent.case.id, delivery=sent.delivery, revision=sent.case.revision)
    return Reply(made, status=202 if sent.is_new else 200, etag=sent.case.revision)


@endpoint("POST", "/v1/cases/{id}/reward", tag="cases", scope=Scope.CASES_WRITE, answers={200: RewardGiven})
async def create_case_reward(call: Call, body: RewardIn) -> Reply:
    """Give the customer something: an incentive, once a case, or a gesture in words."""
    if body.incentive is None:
        sent = await _write(call, ReplyIn(text=body.gesture or "", by=body.by), GESTURE)
        given = RewardGiven(case=sent.case.id, revision=sent.case.revision, delivery=sent.delivery)
        return Reply(given, etag=sent.case.revision)
    case, by, now = await find_case(call), await author(call, body.by), call.parts.clock.now()
    if body.incentive not in (await call.parts.store.configuration.current()).incentives:
        raise InvalidInput.at("/incentive", "exists", "there is no incentive of that id")
    response = await call.parts.store.responses.get(case.response)
    if response is None:
        raise Conflict("the answer that opened the case is gone")
    reward = await call.parts.granting.give(response, body.incentive, by)
    if reward.state is RewardState.GRANTED:
        case = await apply(call, lambda case: reward_case(case, reward.id, by, now))
    given = RewardGiven(
        case=case.id, revision=case.revision, reward=reward.id, state=reward.state, reason=reward.reason
    )
    return Reply(given, etag=case.revision)


async def _write(call: Call, body: ReplyIn, what: str) -> _Sent:
    case, key = await find_case(call), call.idempotency_key()
    if key is not None and (earlier := await _earlier(call, case, key, body)) is not None:
        return earlier
    people = (await call.parts.store.configuration.current()).people
    by, now = await author(call, body.by), call.parts.clock.now()
    way = await _way(call, case, body.channel)
    writer = body.by or (case.owner if case.owner in people else None)

    def written(case: Case) -> Changed:
        return reply_case(case, _letter_id(case, key), by, now, what)

    def letters(changed: Changed) -> Sequence[Delivery]:
        wording = Wording(body.text, body.subject)
        return [letter_to_customer(changed.case, wording, way, now, letter=_written(changed.case), person=writer)]

    try:
        after = await apply(call, written, letters)
    except Conflict:
        if key is None or (earlier := await _earlier(call, case, key, body)) is None:
            raise
        return earlier
    return _Sent(after, _written(after))


def _letter_id(case: Case, key: str | None) -> str:
    """One message for each Idempotency-Key, else for each number."""
    named = ("number", str(case.replies + 1)) if key is None else ("key", key)
    return hashed_id("dlv", case.id, "reply", *named)


def _written(case: Case) -> str:
    """The message that the newest line of the history names."""
    return case.history[-1].after or ""


async def _earlier(call: Call, case: Case, key: str, body: ReplyIn) -> _Sent | None:
    """What the same request made before.

    Raises:
        Conflict: the key was used for other words.
    """
    delivery = await call.parts.store.deliveries.get(_letter_id(case, key))
    if delivery is None:
        return None
    if (delivery.text, delivery.subject) != (body.text, body.subject):
        raise Conflict("the Idempotency-Key was used for another request")
    return _Sent(await find_case(call), delivery.id, is_new=False)


async def _way(call: Call, case: Case, channel: ChannelName | None) -> tuple[ChannelName, str]:
    """The channel and the address that reach the customer.

    Raises:
        Conflict: nobody knows who they are, or nothing reaches them.
        InvalidInput: the wanted channel does not.
    """
    customers = await call.parts.store.customers.get_many([case.customer]) if case.customer else {}
    customer = customers.get(case.customer or "")
    if customer is None:
        raise Conflict("the answer names no customer, so there is nobody to write to")
    usable = call.parts.usable_channels
    if channel is not None:
        check_channel(channel, usable)
    way = way_to_customer(customer.profile, usable, channel or case.channel)
    if channel is not None and (way is None or way[0] is not channel):
        raise InvalidInput.at("/channel", "no_channel", f"the customer cannot be written to by {channel.value}")
    if way is None:
        raise Conflict("the customer has no address that a message could be sent to")
    return way


ENDPOINTS = (create_reply, create_case_reward)
