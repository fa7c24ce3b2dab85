"""Claims: a due row belongs to one worker, until its lease ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from survey_service.models.base import MAX_DEATHS
from survey_service.models.decision import Reason
from survey_service.models.delivery import AWAITED, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.store.claims import POISONOUS_FOR, Claim, due_before
from survey_service.store.indexes import DUE_IN_LANE
from survey_service.store.store import Store
from tests.support.factories import make_delivery, make_event, make_invitation
from tests.support.service import LEASE

INVITATION = make_invitation()
AFTER_THE_LEASE = LEASE + timedelta(seconds=1)


async def plan(store: Store, count: int, **changes: object) -> list[str]:
    """Deliveries that are due, the first one longest."""
    now = store.clock.now()
    rows = [
        make_delivery(INVITATION, number, **{"due_at": now - timedelta(minutes=1, seconds=-number / 1000), **changes})
        for number in range(count)
    ]
    await store.deliveries.insert(rows)
    return [row.id for row in rows]


def names(*claims: Claim[Delivery] | None) -> list[str]:
    return [row.id for claim in claims if claim for row in claim.rows]


async def claim_until_nothing_is_due(store: Store, limit: int) -> list[Claim[Delivery]]:
    claims = []
    while claim := await store.deliveries.claims.claim(limit):
        claims.append(claim)
    return claims


async def state_of(store: Store, name: str) -> Delivery:
    found = await store.deliveries.get(name)
    assert found is not None
    return found


async def test_due_rows_are_claimed_in_batches_the_longest_due_first(store: Store) -> None:
    planned = await plan(store, 5)
    first, second = await store.deliveries.claims.claim(3), await store.deliveries.claims.claim(3)
    assert sorted(names(first)) == sorted(planned[:3])
    assert sorted(names(second)) == sorted(planned[3:])
    assert await store.deliveries.claims.claim(3) is None


async def test_a_row_that_is_not_due_or_done_is_not_claimed(store: Store) -> None:
    await plan(store, 1, due_at=store.clock.now() + timedelta(minutes=1))
    await store.deliveries.insert([make_delivery(INVITATION, 2, due_at=None)])
    assert await store.deliveries.claims.claim(10) is None


async def test_many_claimers_never_share_a_row(store: Store) -> None:
    planned = await plan(store, 200)
    taken = await asyncio.gather(*(store.deliveries.claims.claim(20) for _ in range(8)))
    while more := await store.deliveries.claims.claim(20):
        taken.append(more)
    assert sorted(names(*taken)) == sorted(planned)


async def test_a_claimed_row_carries_its_fence(store: Store) -> None:
    (name,) = await plan(store, 1)
    claim = await store.deliveries.claims.claim(1)
    assert claim is not None
    stored = await state_of(store, name)
    assert (stored.lease, stored.claim, stored.deaths) == (claim.lease, 1, 0)
    assert claim.rows == (stored,)
    assert stored.due_at is not None
    assert LEASE - timedelta(seconds=2) < stored.due_at - store.clock.now() <= LEASE


async def test_the_rows_of_a_dead_lease_are_claimed_again_each_alone(store: Store) -> None:
    planned = await plan(store, 3)
    assert len(names(await store.deliveries.claims.claim(10))) == 3
    store.clock.shift += AFTER_THE_LEASE
    fresh = make_delivery(INVITATION, 99, due_at=store.clock.now())
    await store.deliveries.insert([fresh])
    claims = await claim_until_nothing_is_due(store, 10)
    assert [names(claim) for claim in claims][:3] == [[name] for name in planned]
    assert names(claims[3]) == [fresh.id]
    assert [row.deaths for claim in claims for row in claim.rows] == [1, 1, 1, 0]
    assert [row.claim for claim in claims for row in claim.rows] == [2, 2, 2, 1]


async def test_a_heartbeat_keeps_the_rows(store: Store) -> None:
    await plan(store, 2)
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    store.clock.shift += LEASE / 2
    await store.deliveries.claims.extend(claim.lease)
    store.clock.shift += LEASE / 2 + timedelta(seconds=1)
    assert await store.deliveries.claims.claim(10) is None
    store.clock.shift += LEASE
    assert await store.deliveries.claims.claim(10) is not None


async def test_a_late_heartbeat_takes_nothing_back(store: Store) -> None:
    (name,) = await plan(store, 1)
    dead = await store.deliveries.claims.claim(10)
    store.clock.shift += AFTER_THE_LEASE
    alive = await store.deliveries.claims.claim(10)
    assert dead
    assert alive
    await store.deliveries.claims.extend(dead.lease)
    assert (await state_of(store, name)).lease == alive.lease


async def test_what_is_given_back_is_due_at_once_and_no_death(store: Store) -> None:
    planned = await plan(store, 3)
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    await store.deliveries.claims.release(claim.lease)
    again = await store.deliveries.claims.claim(10)
    assert again is not None
    assert sorted(names(again)) == sorted(planned)
    assert {(row.claim, row.deaths) for row in again.rows} == {(2, 0)}


async def test_what_is_given_back_with_a_pause_is_due_after_it(store: Store) -> None:
    await plan(store, 1)
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    await store.deliveries.claims.release(claim.lease, pause=timedelta(seconds=30))
    assert await store.deliveries.claims.claim(10) is None
    store.clock.shift += timedelta(seconds=31)
    assert await store.deliveries.claims.claim(10) is not None


async def test_what_must_be_kept_stays_leased_when_the_rest_is_given_back(store: Store) -> None:
    await plan(store, 2)
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    sending, planned = claim.rows
    assert await store.deliveries.mark_sending(sending)
    await store.deliveries.claims.release(claim.lease, {"state": DeliveryState.SENDING})
    assert (await state_of(store, sending.id)).lease == claim.lease
    assert (await state_of(store, planned.id)).lease is None


async def test_giving_back_touches_no_row_that_was_finished(store: Store) -> None:
    await plan(store, 1)
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    assert await store.deliveries.record_end(claim.rows[0], DeliveryState.DEAD, Reason.REFUSED)
    await store.deliveries.claims.release(claim.lease)
    assert (await state_of(store, claim.rows[0].id)).due_at is None


async def lose_the_lease(store: Store) -> tuple[Delivery, Delivery]:
    """A row as the worker knows it that lost it, and as the one knows it that holds it now."""
    await plan(store, 1)
    lost = await store.deliveries.claims.claim(1)
    store.clock.shift += AFTER_THE_LEASE
    held = await store.deliveries.claims.claim(1)
    assert lost
    assert held
    return lost.rows[0], held.rows[0]


async def test_a_worker_whose_lease_is_lost_writes_nothing(store: Store) -> None:
    lost, held = await lose_the_lease(store)
    deliveries = store.deliveries
    assert not await deliveries.mark_sending(lost)
    assert not await deliveries.record_wait(lost, store.clock.now())
    assert not await deliveries.record_end(lost, DeliveryState.DEAD, Reason.REFUSED)
    assert await deliveries.mark_sending(held)
    assert not await deliveries.record_sent(lost, "smtp", None, "accepted", 1)
    stored = await state_of(store, held.id)
    assert (stored.state, stored.lease, stored.attempts) == (DeliveryState.SENDING, held.lease, 1)
    assert await deliveries.record_sent(held, "smtp", None, "accepted", 1)


async def test_an_event_or_invitation_whose_lease_is_lost_is_not_finished_either(store: Store) -> None:
    now = store.clock.now()
    await store.events.insert([{**make_event().to_document(), "due_at": now}])
    await store.invitations.insert([INVITATION.model_copy(update={"due_at": now})])
    event, invitation = await store.events.claims.claim(1), await store.invitations.claims.claim(1)
    store.clock.shift += AFTER_THE_LEASE
    again = await store.events.claims.claim(1), await store.invitations.claims.claim(1)
    assert event
    assert invitation
    assert all(again)
    assert not await store.events.finish(event.rows[0])
    assert not await store.invitations.finish_step(invitation.rows[0], None)
    for collection in ("events", "invitations"):
        document = await store.database[collection].find_one({})
        assert document is not None
        assert document["lease"] in {claim.lease for claim in again if claim}


async def test_a_claim_number_fences_even_under_the_same_lease(store: Store) -> None:
    await plan(store, 1)
    claim = await store.deliveries.claims.claim(1)
    assert claim is not None
    older = claim.rows[0].model_copy(update={"claim": claim.rows[0].claim - 1})
    assert not await store.deliveries.mark_sending(older)


async def test_the_end_of_a_lease_is_the_servers_business(store: Store) -> None:
    """A worker whose own clock is an hour slow leases its rows no longer than any other."""
    await plan(store, 1)
    slow = store.clock
    slow._base -= timedelta(hours=1)
    await store.deliveries.insert([make_delivery(INVITATION, 5, due_at=slow.now())])
    claim = await store.deliveries.claims.claim(10)
    assert claim is not None
    await store.database.synchronise_clock()
    for row in claim.rows:
        assert row.due_at is not None
        assert timedelta() < row.due_at - store.clock.now() <= LEASE


async def counted(store: Store) -> Sequence[int]:
    return await store.deliveries.claims.waiting(), await store.deliveries.claims.unfinished()


async def test_what_is_due_and_what_is_held_are_counted(store: Store) -> None:
    await plan(store, 3)
    assert await counted(store) == (3, 3)
    claim = await store.deliveries.claims.claim(2)
    assert claim is not None
    assert await counted(store) == (1, 3)
    for row in claim.rows:
        await store.deliveries.record_end(row, DeliveryState.CANCELLED, Reason.CANCELLED)
    assert await counted(store) == (1, 1)


@pytest.mark.parametrize("together", [False, True])
async def test_a_row_in_words_of_a_newer_process_harms_no_neighbour(store: Store, together: bool) -> None:
    readable = await plan(store, 2 if together else 0)
    unreadable = make_delivery(INVITATION, 50, due_at=store.clock.now() - timedelta(hours=1))
    await store.deliveries.insert([unreadable])
    await store.database["deliveries"].update_one({"_id": unreadable.id}, {"$set": {"channel": "carrier-pigeon"}})
    claims = await claim_until_nothing_is_due(store, 10)
    assert sorted(names(*claims)) == sorted(readable)
    for claim in claims:
        await store.deliveries.claims.release(claim.lease)
    document = await store.database["deliveries"].find_one({"_id": unreadable.id})
    assert document is not None
    assert (document["lease"], document["deaths"]) == (None, 0)
    assert document["due_at"] > store.clock.now() + AFTER_THE_LEASE


async def test_a_row_that_too_many_workers_died_with_is_tried_once_an_hour_and_shown(store: Store) -> None:
    await plan(store, 1)
    claims = store.deliveries.claims
    for _ in range(MAX_DEATHS + 1):
        assert await claims.claim(10) is not None
        assert await claims.poisonous() == 0
        store.clock.shift += AFTER_THE_LEASE
    claim = await claims.claim(10)
    assert claim is not None
    assert await claims.poisonous() == 1
    await claims.extend(claim.lease)
    store.clock.shift += AFTER_THE_LEASE
    assert await claims.claim(10) is None
    store.clock.shift += POISONOUS_FOR
    assert await claims.claim(10) is not None


async def test_a_lane_is_claimed_without_a_look_at_what_waits_in_the_others(store: Store) -> None:
    crowd = await plan(store, 30)
    awaited = await plan_one(store, 100, kind=DeliveryKind.SIGN_IN)
    texted = await plan_one(store, 101, channel=ChannelName.SMS)
    lanes = [
        store.deliveries.lane(channel, kinds)
        for channel in (ChannelName.EMAIL, ChannelName.SMS)
        for kinds in (AWAITED, frozenset(DeliveryKind) - AWAITED)
    ]
    assert [await lane.waiting() for lane in lanes] == [1, 30, 0, 1]
    claims = [await lane.claim(10) for lane in lanes]
    assert [sorted(names(claim)) for claim in claims] == [[awaited], sorted(crowd[:10]), [], [texted]]
    lane = {"channel": "email", "kind": {"$in": sorted(AWAITED)}, **due_before(store.clock.now())}
    find = {"find": "deliveries", "filter": lane, "sort": {"due_at": 1}, "limit": 10, "hint": DUE_IN_LANE}
    plan_of = await store.database["deliveries"].database.command({"explain": find, "verbosity": "executionStats"})
    assert plan_of["executionStats"]["totalDocsExamined"] == 0
    assert "SORT_MERGE" in str(plan_of["queryPlanner"]["winningPlan"])


async def plan_one(store: Store, number: int, **changes: object) -> str:
    row = make_delivery(INVITATION, number, due_at=store.clock.now(), **changes)
    await store.deliveries.insert([row])
    return row.id
