"""News reach their receivers, signed, under one id, whatever a receiver or a worker does meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from survey_service.followup.webhook_lanes import PLACES
from survey_service.followup.webhook_sending import PATIENCE
from survey_service.followup.webhooks import new_call
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.ids import random_id
from survey_service.models.outbox import NewsType
from survey_service.models.person import PersonContent
from survey_service.models.webhook import CallError, CallState, OffReason
from survey_service.work.retry import CALL_SCHEDULE
from tests.support.failpoints import failing
from tests.support.hooked import Hooked
from tests.support.receiver import Behaviour, Receiver, answer, drip, drop, flood, hang

MINUTE = timedelta(minutes=1)
INTERNAL_ERROR = 1  # of MongoDB; it is not retried
LONGEST_WAIT = CALL_SCHEDULE[-1] * 1.2


async def test_an_answer_is_told_once_a_kind_and_the_library_verifies_it(hooked: Hooked, receiver: Receiver) -> None:
    webhook = await hooked.add(receiver.url)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    assert sorted(receiver.told) == ["response.finished", "response.scored"]
    (response,) = await hooked.pipeline.responses()
    for call in receiver.calls:
        content = call.verify(*webhook.secrets)
        assert content["data"]["id"] == response.id
        assert content["data"]["score"] == 9
        assert content["timestamp"].endswith("Z")
        assert call.headers["content-type"] == "application/json"
    calls = await hooked.calls()
    assert {call.state for call in calls} == {CallState.DELIVERED}
    assert {call.message for call in calls} == set(receiver.messages)


async def test_while_secrets_change_both_sign_and_afterwards_only_the_one_that_was_kept(
    hooked: Hooked, receiver: Receiver
) -> None:
    first = (await hooked.add(receiver.url)).secrets[0]
    webhooks = hooked.pipeline.store.configuration.webhooks
    second = (await webhooks.rotate("crm")).secrets[0]
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    for call in receiver.calls:
        assert len(call.headers["webhook-signature"].split(" ")) == 2
        call.verify(first)
        call.verify(second)
    await webhooks.retire("crm", keep_new=True)
    await hooked.answer("bob")
    await hooked.run("following", "webhooks")
    last = receiver.calls[-1]
    last.verify(second)
    assert len(last.headers["webhook-signature"].split(" ")) == 1


async def test_only_the_types_that_a_webhook_names_are_told(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    assert receiver.told == ["response.finished"]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("message.data.score <= 6.0", 0),
        ("message.data.score >= 9.0 && message.type == 'response.finished'", 1),
        ("message.data.touchpoint == null", 2),
        # It cannot be answered: to tell too much is mended, to lose is not.
        ("message.data.no_such_thing == 1.0", 2),
    ],
)
async def test_a_condition_decides_what_is_told(hooked: Hooked, receiver: Receiver, condition: str, told: int) -> None:
    await hooked.add(receiver.url, condition=condition)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    assert len(receiver.calls) == told


async def test_a_webhook_that_is_switched_off_is_told_nothing(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, enabled=False)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    assert (receiver.calls, await hooked.calls()) == ([], [])


async def test_what_waits_when_a_webhook_is_switched_off_is_dead_and_can_be_replayed(
    hooked: Hooked, receiver: Receiver
) -> None:
    await hooked.add(receiver.url)
    await hooked.answer("ada")
    await hooked.run("following")
    await hooked.add(receiver.url, enabled=False)
    await hooked.run("webhooks")
    assert {call.attempts[-1].error for call in await hooked.calls(state=CallState.DEAD)} == {CallError.SWITCHED_OFF}
    await hooked.add(receiver.url)
    now = hooked.pipeline.clock.now()
    store = hooked.pipeline.store.webhook_calls
    assert await store.replay("crm", now - MINUTE, now + MINUTE, (), [CallState.DEAD], 100) == (2, None)
    await hooked.run("webhooks")
    assert len(receiver.calls) == 2


@pytest.mark.parametrize(
    ("behaviour", "status", "error"),
    [
        (answer(500), 500, None),
        (answer(404), 404, None),
        (answer(302, Location="http://127.0.0.1:1/"), 302, None),
        (drop, None, CallError.DROPPED),
    ],
)
async def test_a_failure_is_tried_again_under_the_same_id_with_the_same_bytes(
    hooked: Hooked, receiver: Receiver, behaviour: Behaviour, status: int | None, error: CallError | None
) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    receiver.script(behaviour)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    (call,) = await hooked.calls()
    assert (call.state, call.attempts[0].status, call.attempts[0].error) == (CallState.WAITING, status, error)
    await hooked.pass_time_and_run(CALL_SCHEDULE[0] * 1.2)
    (call,) = await hooked.calls()
    assert (call.state, [attempt.status for attempt in call.attempts]) == (CallState.DELIVERED, [status, 204])
    first, second = receiver.calls
    assert (first.message, first.body) == (second.message, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


async def test_a_redirect_is_not_followed(hooked: Hooked, receiver: Receiver) -> None:
    async with Receiver() as elsewhere:
        await hooked.add(receiver.url)
        receiver.always(answer(307, Location=elsewhere.url))
        await hooked.answer("ada")
        await hooked.run("following", "webhooks")
        assert len(receiver.calls) == 2
        assert elsewhere.calls == []


@pytest.mark.parametrize("behaviour", [drip, flood])
async def test_a_2xx_counts_whatever_its_body_does(hooked: Hooked, receiver: Receiver, behaviour: Behaviour) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    receiver.always(behaviour)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    (call,) = await hooked.calls()
    assert (call.state, call.attempts[0].status) == (CallState.DELIVERED, 200)


async def test_retry_after_holds_back_every_call_of_the_webhook(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    receiver.script(answer(429, Retry_After="3600"))
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    await hooked.answer("bob")
    await hooked.pass_time_and_run(30 * MINUTE)
    assert len(receiver.calls) == 1
    await hooked.pass_time_and_run(45 * MINUTE)
    assert Counter(receiver.messages).total() == 3
    assert {call.state for call in await hooked.calls()} == {CallState.DELIVERED}


async def test_410_switches_the_webhook_off_with_the_reason(hooked: Hooked, receiver: Receiver) -> None:
    webhook = await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    await hooked.answer("ada", "bob", "cyd")
    receiver.always(answer(410))
    await hooked.run("following", "webhooks")
    off = await hooked.webhook()
    assert (off.enabled, off.disabled_reason, off.secrets) == (False, OffReason.GONE, webhook.secrets)
    assert off.revision == webhook.revision + 1
    assert {call.state for call in await hooked.calls()} == {CallState.DEAD}
    on = await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    assert (on.enabled, on.disabled_reason, on.secrets) == (True, None, webhook.secrets)


async def test_the_people_of_a_webhook_hear_that_it_was_switched_off(hooked: Hooked, receiver: Receiver) -> None:
    people = hooked.pipeline.store.configuration.people
    await people.put("mia", PersonContent(name="Mia", email="mia@acme.example", language="de"))
    await people.put("gone", PersonContent(name="Left", email="left@acme.example", active=False))
    await people.put("mute", PersonContent(name="Without an address"))
    await hooked.add(receiver.url, alert=("mia", "gone", "mute", "mia"))
    receiver.always(answer(410))
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    (letter,) = [row for row in await hooked.pipeline.deliveries() if row.kind is DeliveryKind.ALERT]
    assert (letter.to, letter.state) == ("mia@acme.example", DeliveryState.REQUESTED)
    assert letter.subject == "Der Webhook crm wurde abgeschaltet"


async def test_a_receiver_that_is_down_for_72_hours_gets_everything_afterwards(
    hooked: Hooked, receiver: Receiver
) -> None:
    webhook = await hooked.add(receiver.url)
    await receiver.stop()
    names = [f"person-{number}" for number in range(12)]
    await hooked.answer(*names[:6])
    await hooked.run("following", "webhooks")
    for hour in range(72):
        if hour == 36:
            await hooked.answer(*names[6:])
        await hooked.pass_time_and_run(timedelta(hours=1))
    assert receiver.calls == []
    assert (await hooked.webhook()).enabled
    await receiver.start()
    for _ in range(2):
        await hooked.pass_time_and_run(LONGEST_WAIT)
    assert sorted(receiver.messages) == sorted(call.message for call in await hooked.calls())
    assert Counter(receiver.told) == {"response.scored": 12, "response.finished": 12}
    for call in receiver.calls:
        call.verify(*webhook.secrets)
    assert await hooked.pipeline.store.webhook_calls.health() == {}


async def test_a_call_that_fails_to_the_end_is_dead_after_ten_tries(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    receiver.always(answer(500))
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    for wait in CALL_SCHEDULE:
        await hooked.pass_time_and_run(wait * 1.2)
    (call,) = await hooked.calls()
    assert (call.state, len(call.attempts), call.due_at) == (CallState.DEAD, 10, None)
    await hooked.pass_time_and_run(LONGEST_WAIT)
    assert receiver.messages == [call.message] * 10


async def test_after_five_days_of_nothing_but_failures_a_webhook_is_switched_off(
    hooked: Hooked, receiver: Receiver
) -> None:
    await hooked.add(receiver.url)
    receiver.always(answer(500))
    for day in range(PATIENCE.days):
        assert (await hooked.webhook()).enabled
        await hooked.answer(f"person-{day}")
        await hooked.run("following", "webhooks")
        await hooked.pass_time_and_run(timedelta(days=1))
    off = await hooked.webhook()
    assert (off.enabled, off.disabled_reason) == (False, OffReason.FAILING)
    assert await hooked.calls(state=CallState.WAITING) == []


async def test_a_failure_long_after_the_last_one_is_the_first_again(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url)
    receiver.script(*[answer(500)] * 20)
    await hooked.answer("ada")
    await hooked.run("following", "webhooks")
    for wait in CALL_SCHEDULE:
        await hooked.pass_time_and_run(wait * 1.2)
    hooked.pipeline.pass_time(timedelta(days=30))
    receiver.script(*[answer(500)] * 2)
    await hooked.answer("bob")
    await hooked.run("following", "webhooks")
    assert (await hooked.webhook()).enabled


async def test_a_receiver_that_hangs_with_a_thousand_due_calls_keeps_no_other_waiting(
    hooked: Hooked, receiver: Receiver
) -> None:
    store, clock = hooked.pipeline.store, hooked.pipeline.clock
    async with Receiver() as slow:
        slow.always(hang)
        await hooked.add(slow.url, "slow")
        await hooked.add(receiver.url, "quick")
        messages = [random_id("msg") for _ in range(1000)]
        now = clock.now()
        await store.webhook_calls.insert([new_call("slow", each, "webhook.test", b"{}", now) for each in messages])
        worker = hooked.pipeline.service.worker
        worker.start()
        try:
            await slow.until_called(PLACES)
            # Every place of the slow one is taken, and nine hundred and more of its calls are due before this one.
            await store.webhook_calls.insert([new_call("quick", "msg_1", "webhook.test", b"{}", clock.now())])
            await receiver.until_called(1)
            assert len(slow.calls) == PLACES
            assert await hooked.calls("slow", state=CallState.DELIVERED) == []
        finally:
            await worker.stop(0.1)


async def test_a_webhook_that_fails_holds_back_its_own_further_calls(hooked: Hooked, receiver: Receiver) -> None:
    store, now = hooked.pipeline.store, hooked.pipeline.clock.now()
    await hooked.add(receiver.url)
    receiver.always(answer(503))
    messages = [random_id("msg") for _ in range(100)]
    await store.webhook_calls.insert([new_call("crm", each, "webhook.test", b"{}", now) for each in messages])
    await hooked.run("webhooks")
    assert len(receiver.calls) <= PLACES
    await hooked.run("webhooks")
    assert len(receiver.calls) <= PLACES
    receiver.always(answer(204))
    await hooked.pass_time_and_run(timedelta(minutes=6))
    assert set(receiver.messages) == set(messages)


async def test_one_message_that_always_fails_does_not_hold_back_the_others(hooked: Hooked, receiver: Receiver) -> None:
    store, now = hooked.pipeline.store, hooked.pipeline.clock.now()
    await hooked.add(receiver.url)
    receiver.script(answer(500))
    messages = [random_id("msg") for _ in range(20)]
    await store.webhook_calls.insert([new_call("crm", each, "webhook.test", b"{}", now) for each in messages])
    await hooked.run("webhooks")
    assert Counter(call.state for call in await hooked.calls()) == {CallState.DELIVERED: 19, CallState.WAITING: 1}


async def test_a_worker_that_dies_after_the_post_posts_again_under_the_same_id(
    hooked: Hooked, receiver: Receiver
) -> None:
    await hooked.add(receiver.url, types=(NewsType.RESPONSE_FINISHED,))
    await hooked.answer("ada")
    await hooked.run("following")
    receiver.script(hang)
    stage = hooked.loop("webhooks").stage
    claim = await stage.claims.claim(10)
    assert claim is not None
    dying = asyncio.create_task(stage.handle(claim))
    await receiver.until_called(1)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await hooked.pass_time_and_run(MINUTE)
    assert len(receiver.calls) == 2
    assert len(set(receiver.messages)) == 1
    assert len({call.body for call in receiver.calls}) == 1
    (call,) = await hooked.calls()
    assert call.state is CallState.DELIVERED


async def test_a_worker_that_dies_while_telling_tells_again_under_the_same_ids(
    mongodb_uri: str, database_name: str, hooked: Hooked, receiver: Receiver
) -> None:
    await hooked.add(receiver.url)
    await hooked.answer("ada", "bob")
    # The calls are stored, then the outboxes cannot be emptied: that is the second update, after the claim.
    collection = f"{database_name}.responses"
    async with failing(mongodb_uri, collection, ["update"], {"skip": 1}, errorCode=INTERNAL_ERROR):
        await hooked.run("following")
    assert all(response.outbox.entries for response in await hooked.pipeline.responses())
    told = {call.message for call in await hooked.calls()}
    assert len(told) == 4
    await hooked.pass_time_and_run(MINUTE)
    assert sorted(receiver.messages) == sorted(told)
    for response in await hooked.pipeline.responses():
        assert response.outbox.entries == ()
