"""Caps on rewards: by person, day, total, budget and source, however many ask at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.followup.granting import Granting
from survey_service.models.customer import CustomerProfile
from survey_service.models.incentive import RewardReason, RewardState
from survey_service.store.store import Store
from tests.support.thanking import (
    SHARED,
    VOUCHER,
    granted_at_once,
    many_promised,
    promised,
    put_incentive,
    results,
    spent,
)

MANY = 60


@pytest.mark.parametrize(
    ("caps", "granted", "reason"),
    [
        ({"total": 7}, 7, RewardReason.TOTAL),
        ({"per_day": 7}, 7, RewardReason.PER_DAY),
        ({"budget": 2.3, "value": 0.1}, 23, RewardReason.BUDGET),  # floats of a tenth do not add up
        ({"budget": 50.0, "value": 7.0}, 7, RewardReason.BUDGET),
    ],
)
async def test_many_at_once_get_exactly_what_a_cap_allows(
    store: Store, caps: dict[str, Any], granted: int, reason: RewardReason
) -> None:
    await put_incentive(store, **SHARED, **caps)
    responses = await many_promised(store, MANY)
    found = await granted_at_once(store, [lambda granting, one=one: granting.grant(one) for one in responses])
    assert results(found) == {"granted": granted, reason.value: MANY - granted}
    assert await spent(store) == (granted, pytest.approx(granted * caps.get("value", 0.0)))


@pytest.mark.parametrize("most", [1, 3])
async def test_one_person_gets_no_more_than_their_share_at_once(store: Store, most: int) -> None:
    await put_incentive(store, **SHARED, per_person=most)
    responses = await many_promised(store, 20, customer="cus_ada")
    found = await granted_at_once(store, [lambda granting, one=one: granting.grant(one) for one in responses])
    assert results(found) == {"granted": most, "per_person": 20 - most}
    assert (await spent(store))[0] == most


async def test_a_share_comes_back_when_its_period_is_over(store: Store, granting: Granting) -> None:
    await put_incentive(store, **SHARED, per_person=1, period="P30D")
    reasons = []
    for number, days in enumerate((0, 29, 2)):
        store.clock.shift += timedelta(days=days)
        reward = await granting.grant(await promised(store, number, customer="cus_ada"))
        assert reward is not None
        reasons.append(reward.reason)
    assert reasons == [None, RewardReason.PER_PERSON, None]


async def test_a_new_day_of_the_brands_zone_has_a_new_cap(store: Store, granting: Granting) -> None:
    await put_incentive(store, **SHARED, per_day=1)
    given = []
    for number in range(6):
        reward = await granting.grant(await promised(store, number))
        given.append(reward is not None and reward.state is RewardState.GRANTED)
        store.clock.shift += timedelta(hours=12)
    assert 3 <= sum(given) <= 4
    document = await store.database["incentive_states"].find_one({"_id": VOUCHER})
    assert document is not None
    assert all(count == 1 for count in document["days"].values())


@pytest.mark.parametrize(
    "same",
    [
        {"recipient": CustomerProfile(email="One@Example.com")},
        {"recipient": CustomerProfile(phone="+4915123456789")},
        {"network": "ab" * 16},
    ],
    ids=["address", "phone", "network"],
)
async def test_more_from_one_source_than_people_send_are_held_and_take_no_code(
    store: Store, same: dict[str, Any]
) -> None:
    hold = {"most": 3, "most_of_network": 3}
    await put_incentive(store, codes=[f"A-{number}" for number in range(50)], hold=hold)
    responses = await many_promised(store, 20, **same)
    found = await granted_at_once(store, [lambda granting, one=one: granting.grant(one) for one in responses])
    assert results(found) == {"granted": 3, "same_source": 17}
    assert {reward.state for reward in found if reward.reason} == {RewardState.HELD}
    assert await store.codes.count(VOUCHER) == (47, 3)
    assert await store.rewards.count(VOUCHER, RewardState.HELD) == 17


async def test_a_network_is_given_more_room_than_an_address(store: Store, granting: Granting) -> None:
    await put_incentive(store, **SHARED, hold={"most": 1, "most_of_network": 3})
    found = [await granting.grant(await promised(store, number, network="ab" * 16)) for number in range(4)]
    assert [reward.reason for reward in found if reward] == [None, None, None, RewardReason.SAME_SOURCE]


@pytest.mark.long
async def test_ten_thousand_claims_at_once_on_a_thousand_codes(store: Store) -> None:
    await ten_times_as_many_as_codes(store, 1_000)


async def test_ten_times_as_many_claims_as_codes(store: Store) -> None:
    await ten_times_as_many_as_codes(store, 100)


async def ten_times_as_many_as_codes(store: Store, codes: int) -> None:
    """Through the whole of granting: exactly the winners have a code of their own, all others a clear refusal."""
    await put_incentive(store, codes=[f"A-{number}" for number in range(codes)])
    responses = await many_promised(store, 10 * codes)
    found = await granted_at_once(store, [lambda granting, one=one: granting.grant(one) for one in responses])
    assert results(found) == {"granted": codes, "no_codes": 9 * codes}
    assert len({reward.code for reward in found if reward.code}) == codes
    assert (await spent(store))[0] == codes
    again = await granted_at_once(store, [lambda granting, one=one: granting.grant(one) for one in responses])
    assert {(one.id, one.code) for one in again} == {(one.id, one.code) for one in found}
