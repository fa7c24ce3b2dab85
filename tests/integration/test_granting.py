"""Granting: who is thanked with what, once, whoever asks and however many at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from survey_service.errors import Conflict
from survey_service.followup.granting import Granting, GrantRewards, GrantWaiting
from survey_service.followup.telling import Told
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.incentive import Reward, RewardReason, RewardState
from survey_service.models.outbox import NewsType, news_of
from survey_service.models.response import FinishedBy, ResponseStatus
from survey_service.store.forgetting import KINDS, Forgetting
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from tests.support.thanking import (
    SHARED,
    VOUCHER,
    granted_at_once,
    many_promised,
    new_granting,
    promised,
    put_incentive,
    results,
    rewards,
    spent,
)

KEY = "key_1"


async def messages(store: Store) -> tuple[Delivery, ...]:
    return (await store.deliveries.page({}, PageRequest(limit=1000))).rows


async def test_an_answer_that_was_promised_a_code_gets_one(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1"], value=5.0, currency="EUR", expires_after="P30D")
    response = await promised(store, 1)
    reward = await granting.grant(response)
    assert reward is not None
    assert (reward.state, reward.reason, reward.code) == (RewardState.GRANTED, None, "A-1")
    assert (reward.value, reward.currency, reward.customer_ref) == (5.0, "EUR", "c-1")
    assert reward.granted_at is not None
    assert reward.expires_at == reward.granted_at + timedelta(days=30)
    assert [news.type for news in reward.outbox.entries] == [NewsType.REWARD_GRANTED]
    assert await spent(store) == (1, 5.0)


@pytest.mark.parametrize(("kind", "code"), [(SHARED, "THANKS"), ({"kind": "gesture"}, None)])
async def test_other_kinds_give_the_same_to_all(
    store: Store, granting: Granting, kind: dict[str, str], code: str | None
) -> None:
    await put_incentive(store, **kind)
    for number in (1, 2):
        reward = await granting.grant(await promised(store, number))
        assert reward is not None
        assert (reward.state, reward.code) == (RewardState.GRANTED, code)


async def test_nothing_is_granted_for_what_was_not_promised_or_is_not_finished(
    store: Store, granting: Granting
) -> None:
    await put_incentive(store, **SHARED)
    assert await granting.grant(await promised(store, 1, status="partial")) is None
    response = await promised(store, 2)
    assert await granting.grant(response.model_copy(update={"incentive": None})) is None
    assert await rewards(store) == []


async def test_whoever_asks_and_however_often_a_response_has_one_reward(store: Store) -> None:
    await put_incentive(store, codes=[f"A-{number}" for number in range(10)], per_person=1, total=10)
    response = await promised(store, 1)
    found = await granted_at_once(store, [lambda granting: granting.grant(response)] * 60)
    assert len({(reward.id, reward.code) for reward in found}) == 1
    assert len(await rewards(store)) == 1
    assert await store.codes.count(VOUCHER) == (9, 1)
    assert await spent(store) == (1, 0.0)


async def test_the_listener_and_the_page_give_the_same(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1", "A-2"])
    response = await promised(store, 1)
    finished = Told(news_of(response.id, NewsType.RESPONSE_FINISHED, response.started_at), response)
    scored = Told(news_of(response.id, NewsType.RESPONSE_SCORED, response.started_at), response)
    listen = GrantRewards(new_granting(store))
    await listen([scored])
    assert await rewards(store) == []
    shown, _, _ = await asyncio.gather(granting.grant(response), listen([finished]), listen([finished]))
    (reward,) = await rewards(store)
    assert shown is not None
    assert shown.code == reward.code


async def test_a_held_reward_is_granted_or_refused_by_a_person(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1", "A-2"], hold={"most": 1, "most_of_network": 1})
    held = [await granting.grant(await promised(store, number, network="ab" * 16)) for number in range(3)]
    _, second, third = (reward for reward in held if reward)
    approved = await granting.approve(second, KEY)
    assert (approved.state, approved.reason, approved.by) == (RewardState.GRANTED, None, KEY)
    assert approved.code in {"A-1", "A-2"}
    rejected = await granting.reject(third, KEY)
    assert (rejected.state, rejected.reason, rejected.code) == (RewardState.REFUSED, RewardReason.REJECTED, None)
    for reward in (approved, rejected):
        with pytest.raises(Conflict):
            await granting.approve(reward, KEY)
    # Nobody saw it on a page: it is sent.
    assert [message.kind for message in await messages(store)] == [DeliveryKind.REWARD]


async def test_of_two_people_who_decide_at_once_one_is_heard(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1", "A-2"], hold={"most": 1, "most_of_network": 1})
    for number in range(2):
        await granting.grant(await promised(store, number, network="ab" * 16))
    (held,) = await rewards(store, state="held")
    done = await asyncio.gather(
        *(new_granting(store).approve(held, KEY) for _ in range(3)),
        *(new_granting(store).reject(held, KEY) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(one, Reward | Conflict) for one in done)
    present = await store.rewards.get(held.id)
    assert present is not None
    assert present.revision == 2
    assert (present.state is RewardState.GRANTED) == (present.code is not None)


async def test_a_suspect_answer_gets_none_until_the_suspicion_is_lifted(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1"])
    reward = await granting.grant(await promised(store, 1, suspect="too_fast", suspect_by="service"))
    assert reward is not None
    assert (reward.state, reward.reason) == (RewardState.REFUSED, RewardReason.SUSPECT)
    assert (await granting.grant_again(reward, KEY)).reason is RewardReason.SUSPECT
    await store.database["responses"].update_one({"_id": reward.response}, {"$set": {"suspect": None}})
    again = await store.rewards.get(reward.id)
    assert again is not None
    assert (await granting.grant_again(again, KEY)).code == "A-1"


@pytest.mark.parametrize("gone", [True, False])
async def test_nothing_is_granted_of_what_is_switched_off_or_gone(store: Store, granting: Granting, gone: bool) -> None:
    await put_incentive(store, **SHARED)
    response = await promised(store, 1)
    if gone:
        await store.configuration.incentives.delete(VOUCHER)
    else:
        await put_incentive(store, **SHARED, enabled=False)
    reward = await granting.grant(response)
    assert reward is not None
    assert (reward.reason, reward.text["en"]) == (RewardReason.DISABLED, "10 % off your next order")


async def test_an_empty_pool_refuses_clearly_and_takes_nothing(store: Store, granting: Granting) -> None:
    await put_incentive(store, codes=["A-1"], per_person=1, hold={"most": 1})
    await granting.grant(await promised(store, 1))
    reward = await granting.grant(await promised(store, 2))
    assert reward is not None
    assert (reward.state, reward.reason) == (RewardState.REFUSED, RewardReason.NO_CODES)
    assert await spent(store) == (1, 0.0)
    uses = [document["uses"] async for document in store.database["allowances"].find()]
    assert sorted(len(one) for one in uses) == [0, 1, 1]


async def test_who_found_no_code_is_served_in_turn_once_there_are_codes(store: Store, granting: Granting) -> None:
    incentive = await put_incentive(store)
    waiting = []
    for number in range(3):
        store.clock.shift += timedelta(seconds=1)
        waiting.append(await granting.grant(await promised(store, number)))
    await store.codes.add(VOUCHER, ["A-1", "A-2"])
    await granting.note_codes(incentive)
    serve = GrantWaiting(store, granting)
    while claim := await store.rewards.claims.claim(10):
        await serve(claim)
    found = [await store.rewards.get(reward.id) for reward in waiting if reward]
    assert [reward.state for reward in found if reward] == ["granted", "granted", "refused"]
    assert {message.reward for message in await messages(store)} == {reward.id for reward in waiting[:2] if reward}
    # The last one still waits, and is nobody's work until there are more.
    assert await store.rewards.claims.waiting() == 0


async def test_who_was_forgotten_meanwhile_is_given_nothing(store: Store, granting: Granting) -> None:
    incentive = await put_incentive(store)
    for number in range(2):
        await granting.grant(await promised(store, number))
    row, other = await rewards(store)
    await Forgetting(store.database, store.configuration).forget_rows(KINDS["rewards"], {"_id": row.id})
    await store.codes.add(VOUCHER, ["A-1", "A-2"])
    await granting.note_codes(incentive)
    claim = await store.rewards.claims.claim(10)
    assert claim is not None
    assert [each.id for each in claim.rows] == [other.id]
    forgotten = await store.rewards.get(row.id)
    assert forgotten is not None
    with pytest.raises(Conflict, match="forgotten"):
        await granting.grant_again(forgotten, KEY)
    await Forgetting(store.database, store.configuration).forget_rows(KINDS["responses"], {"_id": row.response})
    answer = await store.responses.get(row.response)
    assert answer is not None
    with pytest.raises(Conflict, match="forgotten"):
        await granting.give(answer, VOUCHER, KEY)
    assert await granting.grant(answer) is None
    assert await store.codes.count(VOUCHER) == (2, 0)


async def test_codes_that_come_while_a_claim_is_refused_are_not_missed(store: Store) -> None:
    incentive = await put_incentive(store)
    responses = await many_promised(store, 20)

    async def fill() -> None:
        for number in range(20):
            await store.codes.add(VOUCHER, [f"A-{number}"])
            await new_granting(store).note_codes(incentive)

    grants = (new_granting(store).grant(response) for response in responses)
    await asyncio.gather(fill(), *grants)
    serve = GrantWaiting(store, new_granting(store))
    while claim := await store.rewards.claims.claim(10):
        await serve(claim)
    found = await rewards(store)
    assert results(found) == {"granted": 20}
    assert len({reward.code for reward in found}) == 20


async def test_we_are_warned_once_before_the_pool_is_empty_and_again_after_it_was_filled(
    store: Store, granting: Granting
) -> None:
    incentive = await put_incentive(store, codes=[f"A-{number}" for number in range(6)], low_at=4)

    async def warnings() -> int:
        document = await store.database["incentive_states"].find_one({"_id": VOUCHER})
        return len((document or {}).get("outbox", {}).get("entries", ()))

    told = []
    for number in range(8):
        await granting.grant(await promised(store, number))
        told.append(await warnings())
    assert told == [0, 0, 1, 1, 1, 1, 1, 1]
    store.clock.shift += timedelta(hours=1)
    await store.codes.add(VOUCHER, [f"B-{number}" for number in range(10)])
    await granting.note_codes(incentive)
    assert await warnings() == 1
    for number in range(8, 16):
        await granting.grant(await promised(store, number))
    assert await warnings() == 2
    claim = await store.incentive_states.outbox.claims.claim(10)
    assert claim is not None
    assert [news.type for news in claim.rows[0].outbox.entries] == [NewsType.INCENTIVE_LOW] * 2


async def test_a_process_that_dies_after_it_took_a_code_leaves_it_to_whoever_goes_on(store: Store) -> None:
    await put_incentive(store, codes=[f"A-{number}" for number in range(5)], per_person=1, per_day=5, total=5)
    response = await promised(store, 1)

    async def die(*_: Any) -> bool:
        raise ConnectionResetError("the process is gone")

    doomed = new_granting(store)
    insert, store.rewards.insert = store.rewards.insert, die  # type: ignore[method-assign] -- dies between two writes
    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            await doomed.grant(response)
    store.rewards.insert = insert  # type: ignore[method-assign]
    (document,) = await store.database["codes"].find({"reward": {"$exists": True}}).to_list(None)
    reward = await new_granting(store).grant(response)
    assert reward is not None
    assert reward.code == document["code"]
    assert await store.codes.count(VOUCHER) == (4, 1)
    assert await spent(store) == (1, 0.0)


async def test_a_claim_that_comes_back_after_many_others_costs_one_place_and_gives_no_second_reward(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("survey_service.store.incentive_states.REMEMBERED", 3)
    incentive = await put_incentive(store, **SHARED, total=6)
    response = await promised(store, 0)
    day = store.clock.now().date()
    await store.incentive_states.take(incentive, "rwd_of_the_dead", day)
    for number in range(1, 4):
        await new_granting(store).grant(await promised(store, number))
    await store.incentive_states.take(incentive, "rwd_of_the_dead", day)
    found = [await new_granting(store).grant(response), await new_granting(store).grant(await promised(store, 9))]
    assert results([reward for reward in found if reward]) == {"granted": 1, "total": 1}


@pytest.mark.parametrize(
    ("changes", "incentive", "sent"),
    [
        ({}, {}, False),
        ({}, {"send": True}, True),
        ({"finished_by": FinishedBy.TIMEOUT}, {}, True),
        ({"texts": ("SM1",), "channel": "sms"}, {}, True),
    ],
    ids=["shown on the page", "wished for", "nobody saw the page", "answered by text"],
)
async def test_a_reward_is_sent_where_it_is_wished_for_or_no_page_shows_it(
    store: Store, granting: Granting, changes: dict[str, Any], incentive: dict[str, Any], sent: bool
) -> None:
    await put_incentive(store, **SHARED, **incentive, expires_after="P30D")
    profile = CustomerProfile(email="ada@example.com", phone="+4915123456789", timezone="Asia/Tokyo")
    reward = await granting.grant(await promised(store, 1, recipient=profile, language="en", **changes))
    assert reward is not None
    found = await messages(store)
    assert len(found) == sent
    for message in found:
        by_text = "texts" in changes
        assert (message.kind, message.state) == (DeliveryKind.REWARD, DeliveryState.REQUESTED)
        assert message.channel is (ChannelName.SMS if by_text else ChannelName.EMAIL)
        assert message.expires_at == reward.expires_at
        assert message.subject == "Your thank-you from Acme"
        assert message.text is not None
        assert message.text.startswith("Acme: Thank you" if by_text else "Thank you for your answer. As a thank-you:")
        assert "THANKS" in message.text


async def test_a_person_may_thank_by_hand_past_a_customers_share_but_not_past_the_money(
    store: Store, granting: Granting
) -> None:
    await put_incentive(store, **SHARED, per_person=1, total=2)
    given = []
    for number in range(3):
        response = await promised(store, number, customer="cus_ada")
        given.append(await granting.give(response, VOUCHER, KEY))
        assert (await granting.give(response, VOUCHER, KEY)).id == given[-1].id
    assert results(given) == {"granted": 2, "total": 1}
    assert {reward.by for reward in given} == {KEY}
    with pytest.raises(Conflict):
        await granting.give(await promised(store, 9), "unknown", KEY)


async def test_an_answer_that_is_still_open_gets_its_reward_with_its_last_page(
    store: Store, granting: Granting
) -> None:
    await put_incentive(store, **SHARED)
    open_answer = await promised(store, 1, status=ResponseStatus.PARTIAL, finished_by=None)
    assert await granting.grant(open_answer) is None
    finished = open_answer.model_copy(update={"status": ResponseStatus.FINISHED})
    reward = await granting.grant(finished)
    assert reward is not None
    assert reward.state is RewardState.GRANTED
