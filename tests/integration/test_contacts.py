"""Contacts and their places in the budget: any number of workers at once never grant more than there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pymongo.errors import OperationFailure

from survey_service.models.contact import Contact, Frequency, Hold
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.store.contacts import MADE_WITHIN, REMEMBERED
from survey_service.store.store import Store
from survey_service.work.budget import Refusal, Rules
from survey_service.work.reserving import Answer, Granted, Reserving, Wish
from tests.support.failpoints import failing
from tests.support.service import open_store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERSON, ADDRESS = "cus_1", "adr_1"
BAD_VALUE = 2


@asynccontextmanager
async def workers(mongodb_uri: str, database_name: str, count: int) -> AsyncIterator[list[Store]]:
    """Connections of their own to one database, as that many processes have."""
    async with AsyncExitStack() as stack:
        yield [stack.enter_context(closing(await open_store(mongodb_uri, database_name))) for _ in range(count)]


def wish(number: int, *contacts: str, at: datetime, most: int = 3, exempt: bool = False) -> Wish:
    """A wish for one of `most` places in 90 days, with a text of its own."""
    rules = Rules(((most, 90 * DAY),), None, "t", None, None, text=f"survey-{number}")
    return Wish(f"inv_{number}", contacts or (PERSON,), rules, at, None, lambda instant: instant, exempt, "t")


def hold(name: str, at: datetime) -> Hold:
    return Hold(invitation=name, at=at, trigger="t", text=name, since=at)


def granted(answers: dict[str, Answer]) -> set[str]:
    return {name for name, answer in answers.items() if isinstance(answer, Granted)}


async def held(store: Store, *contacts: str) -> list[set[str]]:
    """The invitations that hold a place, for each contact."""
    found = await store.contacts.get_many(contacts)
    return [{hold.invitation for hold in found[name].holds} for name in contacts]


async def reserve_at_once(stores: Sequence[Store], wishes: Sequence[Wish], batch: int) -> dict[str, Answer]:
    """Each of the workers takes its share of the wishes, in batches, all at the same time; the answers of all."""

    async def work(number: int, store: Store) -> dict[str, Answer]:
        own = wishes[number :: len(stores)]
        answers: dict[str, Answer] = {}
        for start in range(0, len(own), batch):
            answers |= await Reserving(store.contacts).reserve(own[start : start + batch])
        return answers

    parts = await asyncio.gather(*(work(number, store) for number, store in enumerate(stores)))
    return {name: answer for part in parts for name, answer in part.items()}


async def test_a_contact_that_was_never_written_is_empty(store: Store) -> None:
    assert await store.contacts.get_many([PERSON]) == {PERSON: Contact(id=PERSON)}
    assert await store.contacts.get_many([]) == {}


async def test_whoever_saves_second_is_told_what_stands(store: Store) -> None:
    now = store.clock.now()
    for reads in range(2):
        seen = (await store.contacts.get_many([PERSON]))[PERSON]
        first, second = (seen.model_copy(update={"holds": (*seen.holds, hold(f"{name}{reads}", now))}) for name in "ab")
        written = await store.contacts.save_holds([first])
        told = await store.contacts.save_holds([second])
        assert written[PERSON].holds == told[PERSON].holds == first.holds
        assert written[PERSON].revision == told[PERSON].revision == reads + 1
    assert await held(store, PERSON) == [{"a0", "a1"}]


async def test_holds_older_than_any_rule_are_forgotten(store: Store) -> None:
    now = store.clock.now()
    old, recent = hold("old", now - REMEMBERED - HOUR), hold("recent", now - REMEMBERED + HOUR)
    saved = await store.contacts.save_holds([Contact(id=PERSON, holds=(old, recent))])
    assert saved[PERSON].holds == (recent,)
    assert await held(store, PERSON) == [{"recent"}]


async def test_a_released_place_is_free_again_for_person_and_address(store: Store) -> None:
    now, reserving = store.clock.now(), Reserving(store.contacts)
    first, second, third = (wish(number, PERSON, ADDRESS, at=now, most=1) for number in range(3))
    assert granted(await reserving.reserve([first, second])) == {"inv_0"}
    await reserving.release(["inv_0", "inv_unknown"])
    assert await held(store, PERSON, ADDRESS) == [set(), set()]
    assert granted(await reserving.reserve([third, second])) == {"inv_2"}
    await reserving.release([])
    assert await held(store, PERSON, ADDRESS) == [{"inv_2"}, {"inv_2"}]


async def test_a_hold_moves_with_its_message(store: Store) -> None:
    now, reserving = store.clock.now(), Reserving(store.contacts)
    await reserving.reserve([wish(0, PERSON, ADDRESS, at=now), wish(1, at=now)])
    moving = replace(wish(0, PERSON, ADDRESS, at=now + HOUR), moves=True)
    assert await reserving.reserve([moving]) == {"inv_0": Granted(now + HOUR)}
    found = await store.contacts.get_many([PERSON, ADDRESS])
    assert {hold.invitation: hold.at - now for hold in found[PERSON].holds} == {"inv_0": HOUR, "inv_1": timedelta()}
    assert {hold.invitation: hold.at - now for hold in found[ADDRESS].holds} == {"inv_0": HOUR}
    assert await reserving.reserve([wish(0, PERSON, ADDRESS, at=now)]) == {"inv_0": Granted(now + HOUR)}


async def test_the_holders_of_a_place_are_found_the_person_first(store: Store) -> None:
    now = store.clock.now()
    await Reserving(store.contacts).reserve([wish(0, PERSON, ADDRESS, at=now), wish(1, "cus_2", ADDRESS, at=now)])
    holders = await store.contacts.holding(["inv_0", "inv_1", "inv_unknown"])
    assert {name: [contact.id for contact in found] for name, found in holders.items()} == {
        "inv_0": [PERSON, ADDRESS],
        "inv_1": ["cus_2", ADDRESS],
    }


@pytest.mark.parametrize("change", ["release", "prefer"])
async def test_whoever_decided_before_a_change_decides_again(store: Store, change: str) -> None:
    now = store.clock.now()
    await Reserving(store.contacts).reserve([wish(0, at=now)])
    seen = (await store.contacts.get_many([PERSON]))[PERSON]
    if change == "release":
        await store.contacts.release(["inv_0"])
    else:
        await store.contacts.prefer(PERSON, frequency=Frequency.LESS)
    told = await store.contacts.save_holds([seen.model_copy(update={"holds": (*seen.holds, hold("late", now))})])
    assert told[PERSON].revision == seen.revision + 1
    assert "late" not in {hold.invitation for hold in told[PERSON].holds}


async def test_what_a_person_asks_for_is_remembered_and_nothing_else_changes(store: Store) -> None:
    now = store.clock.now()
    await store.contacts.prefer(PERSON, frequency=Frequency.LESS)
    await Reserving(store.contacts).reserve([wish(0, at=now)])
    await store.contacts.prefer(PERSON, channel=ChannelName.SMS)
    contact = (await store.contacts.get_many([PERSON]))[PERSON]
    assert (contact.frequency, contact.channel) == (Frequency.LESS, ChannelName.SMS)
    assert await held(store, PERSON) == [{"inv_0"}]


async def test_a_preference_and_the_first_hold_find_room_in_one_contact(store: Store) -> None:
    now = store.clock.now()
    await asyncio.gather(
        Reserving(store.contacts).reserve([wish(0, at=now)]),
        *(store.contacts.prefer(PERSON, frequency=Frequency.LESS) for _ in range(8)),
    )
    contact = (await store.contacts.get_many([PERSON]))[PERSON]
    assert contact.frequency is Frequency.LESS
    assert await held(store, PERSON) == [{"inv_0"}]


@pytest.mark.parametrize("contacts", [(PERSON,), (PERSON, ADDRESS)])
@pytest.mark.parametrize("count", [2, 8])
async def test_a_thousand_wishes_of_one_person_get_exactly_what_there_is(
    mongodb_uri: str, database_name: str, count: int, contacts: tuple[str, ...]
) -> None:
    async with workers(mongodb_uri, database_name, count) as stores:
        now = stores[0].clock.now()
        wishes = [wish(number, *contacts, at=now + number * HOUR / 60) for number in range(1_000)]
        answers = await reserve_at_once(stores, wishes, batch=50)
        assert len(answers) == 1_000
        assert len(granted(answers)) == 3
        assert await held(stores[0], *contacts) == [granted(answers)] * len(contacts)
        assert {answer.reason for answer in answers.values() if isinstance(answer, Refusal)} == {Reason.CONTACT_LIMIT}


@pytest.mark.parametrize("count", [2, 8])
async def test_many_people_behind_one_address_get_exactly_what_it_has(
    mongodb_uri: str, database_name: str, count: int
) -> None:
    async with workers(mongodb_uri, database_name, count) as stores:
        now = stores[0].clock.now()
        wishes = [wish(number, f"cus_{number}", ADDRESS, at=now) for number in range(200)]
        answers = await reserve_at_once(stores, wishes, batch=10)
        assert len(granted(answers)) == 3
        assert await held(stores[0], ADDRESS) == [granted(answers)]
        people = await held(stores[0], *(one.contacts[0] for one in wishes))
        assert set().union(*people) == granted(answers)


async def test_people_and_addresses_in_any_mixture_are_never_asked_too_often(
    mongodb_uri: str, database_name: str
) -> None:
    async with workers(mongodb_uri, database_name, 4) as stores:
        now = stores[0].clock.now()
        wishes = [
            wish(number, f"cus_{number * 7 % 20}", f"adr_{number * 11 % 12}", at=now + number * HOUR)
            for number in range(240)
        ]
        answers = await reserve_at_once(stores, wishes, batch=20)
        names = sorted({name for one in wishes for name in one.contacts})
        places = dict(zip(names, await held(stores[0], *names), strict=True))
        assert all(len(holds) <= 3 for holds in places.values())
        for one in wishes:
            stands = [one.invitation in places[name] for name in one.contacts]
            assert stands == [one.invitation in granted(answers)] * 2
        # Whoever was refused has a reason: person or address is full.
        assert all(
            any(len(places[name]) == 3 for name in one.contacts)
            for one in wishes
            if one.invitation not in granted(answers)
        )


async def test_two_passes_over_the_same_wishes_hold_them_once(mongodb_uri: str, database_name: str) -> None:
    async with workers(mongodb_uri, database_name, 2) as stores:
        now = stores[0].clock.now()
        wishes = [wish(number, f"cus_{number % 10}", ADDRESS, at=now, most=30) for number in range(60)]
        one, other = await asyncio.gather(*(Reserving(store.contacts).reserve(wishes) for store in stores))
        assert granted(one) == granted(other)
        assert len(granted(one)) == 30
        found = (await stores[0].contacts.get_many([ADDRESS]))[ADDRESS]
        assert len(found.holds) == 30


async def test_wishes_of_one_process_that_meet_are_all_answered(store: Store) -> None:
    now = store.clock.now()
    wishes = [wish(number, PERSON, ADDRESS, at=now, exempt=True) for number in range(10)]
    answers = await asyncio.gather(*(Reserving(store.contacts).reserve([one]) for one in wishes))
    assert set().union(*map(granted, answers)) == {one.invitation for one in wishes}
    assert await held(store, PERSON, ADDRESS) == [{one.invitation for one in wishes}] * 2


async def test_a_pass_that_died_between_person_and_address_is_completed(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    reserving, own = Reserving(store.contacts), wish(0, PERSON, ADDRESS, at=store.clock.now())
    async with failing(mongodb_uri, f"{database_name}.contacts", ["insert"], {"skip": 1}, errorCode=BAD_VALUE):
        with pytest.raises(OperationFailure):
            await reserving.reserve([own])
    assert await held(store, PERSON, ADDRESS) == [{"inv_0"}, set()]
    assert await reserving.reserve([own]) == {"inv_0": Granted(own.at)}
    assert await held(store, PERSON, ADDRESS) == [{"inv_0"}, {"inv_0"}]


async def test_a_pass_that_died_gives_its_half_back_when_the_address_is_taken(store: Store) -> None:
    now, reserving = store.clock.now(), Reserving(store.contacts)
    await store.contacts.save_holds([Contact(id=PERSON, holds=(hold("inv_0", now),))])
    assert granted(await reserving.reserve([wish(1, "cus_2", ADDRESS, at=now, most=1)])) == {"inv_1"}
    answers = await reserving.reserve([wish(0, PERSON, ADDRESS, at=now, most=1), wish(2, at=now, most=1)])
    assert granted(answers) == {"inv_2"}
    assert await held(store, PERSON, ADDRESS) == [{"inv_2"}, {"inv_1"}]


@pytest.mark.parametrize("made", [True, False])
async def test_a_place_whose_invitation_was_never_made_bars_nobody_for_long(store: Store, made: bool) -> None:
    reserving = Reserving(store.contacts)
    begin = store.clock.now()
    assert granted(await reserving.reserve([wish(0, PERSON, ADDRESS, at=begin, most=1)])) == {"inv_0"}
    if made:
        await store.database["invitations"].insert_one({"_id": "inv_0"})
    other = wish(1, "cus_2", ADDRESS, at=begin + HOUR, most=1)
    assert granted(await reserving.reserve([other])) == set()
    store.clock.shift += MADE_WITHIN + timedelta(seconds=1)
    assert granted(await reserving.reserve([other])) == (set() if made else {"inv_1"})
    assert await held(store, PERSON, ADDRESS) == ([{"inv_0"}, {"inv_0"}] if made else [set(), {"inv_1"}])


async def test_a_pass_that_died_long_ago_left_no_place_that_others_may_take_away(store: Store) -> None:
    own = wish(0, PERSON, ADDRESS, at=store.clock.now() + DAY)
    await Reserving(store.contacts).reserve([own])
    store.clock.shift += MADE_WITHIN + timedelta(seconds=1)
    assert await Reserving(store.contacts).reserve([own]) == {"inv_0": Granted(own.at)}
    found = await store.contacts.get_many([PERSON, ADDRESS])
    assert await store.contacts.left_behind([hold for contact in found.values() for hold in contact.holds]) == []
    assert await held(store, PERSON, ADDRESS) == [{"inv_0"}, {"inv_0"}]


async def test_holds_are_found_by_their_invitation(store: Store) -> None:
    indexes = await store.database["contacts"].index_information()
    assert indexes["of_invitation"]["key"] == [("holds.invitation", 1)]
