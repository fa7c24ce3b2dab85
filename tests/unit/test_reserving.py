"""Placing wishes in the budget, in memory: who is answered what, and what is held afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_service.calendars import parse_windows, zone
from survey_service.models.contact import Contact, Hold
from survey_service.models.decision import Reason
from survey_service.store.contacts import contact_ids
from survey_service.tokens import Keyring
from survey_service.work.budget import Refusal, Rules
from survey_service.work.reserving import Answer, Granted, Wish, place
from tests.support.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE_A_DAY = Rules(((1, DAY),), None, trigger="t", trigger_cooldown=None, answer_cooldown=None, text="")
BY_DAY = partial(parse_windows({"mon-sun": ["08:00-21:00"]}).next_allowed, zone=zone("UTC"))


def always(instant: datetime) -> datetime:
    return instant


def wish(name: str, *contacts: str, at: float = 0, latest: float | None = None, **changes: object) -> Wish:
    """One message a day, of a text of its own, for everybody named; times in hours from noon."""
    until = None if latest is None else NOON + latest * HOUR
    rules = replace(ONE_A_DAY, text=name)
    plain = Wish(name, contacts or ("cus_1",), rules, NOON + at * HOUR, until, always, trigger="t")
    return replace(plain, **changes)  # type: ignore[arg-type]


def contact(name: str = "cus_1", **holds: float) -> Contact:
    """A contact with a hold of each named invitation, in hours from noon."""
    return Contact(
        id=name,
        holds=tuple(
            Hold(invitation=invitation, at=NOON + hour * HOUR, trigger="t", text=invitation)
            for invitation, hour in holds.items()
        ),
    )


def placed(wishes: Sequence[Wish], *contacts: Contact) -> tuple[dict[str, Answer], dict[str, dict[str, float]]]:
    """The answers, and the holds of each changed contact in hours from noon."""
    known = {one.id: one for one in contacts}
    every = {name: known.get(name, Contact(id=name)) for wished in wishes for name in wished.contacts}
    answers, changed = place(wishes, every)
    return answers, {name: holds_of(after) for name, after in changed.items()}


def holds_of(contact: Contact) -> dict[str, float]:
    return {hold.invitation: (hold.at - NOON) / HOUR for hold in contact.holds}


def granted(hour: float, reason: Reason | None = None) -> Granted:
    at = NOON + hour * HOUR
    return Granted(at, Refusal(reason, at) if reason else None)


def refused(hour: float, reason: Reason = Reason.CONTACT_LIMIT) -> Refusal:
    return Refusal(reason, NOON + hour * HOUR)


def test_wishes_are_answered_in_order_and_the_first_one_wins() -> None:
    answers, changed = placed([wish("a"), wish("b"), wish("c", "cus_2")])
    assert answers == {"a": granted(0), "b": refused(24), "c": granted(0)}
    assert list(answers) == ["a", "b", "c"]
    assert changed == {"cus_1": {"a": 0}, "cus_2": {"c": 0}}


def test_a_granted_wish_is_held_by_person_and_address() -> None:
    answers, changed = placed([wish("a", "cus_1", "adr_1"), wish("b", "cus_2", "adr_1"), wish("c", "cus_1", "adr_2")])
    assert answers == {"a": granted(0), "b": refused(24), "c": refused(24)}
    assert changed == {"cus_1": {"a": 0}, "adr_1": {"a": 0}}


def test_a_refused_wish_changes_nothing() -> None:
    answers, changed = placed([wish("b", "cus_1", "adr_1")], contact("adr_1", a=-1))
    assert answers == {"b": refused(23)}
    assert changed == {}


def test_what_no_limit_counts_is_granted_and_held_nowhere() -> None:
    assert placed([replace(wish("a"), contacts=())]) == ({"a": granted(0)}, {})


def test_a_hold_says_what_it_asks() -> None:
    _, changed = place([wish("a")], {"cus_1": contact()})
    assert changed["cus_1"].holds == (Hold(invitation="a", at=NOON, trigger="t", text="a"),)


def test_a_wish_finds_its_own_hold_again() -> None:
    earlier = [contact("cus_1", a=-3), contact("adr_1", a=-3)]
    answers, changed = placed([wish("a", "cus_1", "adr_1"), wish("b", "cus_1")], *earlier)
    assert answers == {"a": granted(-3), "b": refused(21)}
    assert changed == {}


@pytest.mark.parametrize(
    ("latest", "expected"), [(None, refused(24)), (24, refused(24)), (24.1, granted(24, Reason.CONTACT_LIMIT))]
)
def test_a_deferred_wish_keeps_its_reason_when_it_finds_itself_again(latest: float | None, expected: Answer) -> None:
    first = {"cus_1": contact(other=0)}
    answers, changed = place([wish("a", latest=latest)], first)
    again, unchanged = place([wish("a", latest=latest)], first | changed)
    assert answers == again == {"a": expected}
    assert unchanged == {}


@pytest.mark.parametrize(("held", "missing"), [("cus_1", "adr_1"), ("adr_1", "cus_1")])
def test_a_half_written_hold_is_completed(held: str, missing: str) -> None:
    answers, changed = placed([wish("a", "cus_1", "adr_1", at=1)], contact(held, a=0), contact(missing))
    assert answers == {"a": granted(0)}
    assert changed == {missing: {"a": 0}}


def test_a_half_written_hold_is_taken_back_when_the_other_half_is_gone() -> None:
    answers, changed = placed([wish("a", "cus_1", "adr_1")], contact("cus_1", a=0), contact("adr_1", other=-1))
    assert answers == {"a": refused(23)}
    assert changed == {"cus_1": {}}


def test_a_half_written_hold_moves_when_it_may_wait() -> None:
    answers, changed = placed(
        [wish("a", "cus_1", "adr_1", latest=100)], contact("cus_1", a=0), contact("adr_1", other=-1)
    )
    assert answers == {"a": granted(23, Reason.CONTACT_LIMIT)}
    assert changed == {"cus_1": {"a": 23}, "adr_1": {"other": -1, "a": 23}}


def test_a_place_that_is_taken_back_goes_to_the_next_wish() -> None:
    wishes = [wish("a", "cus_1", "adr_1"), wish("b", "cus_1", "adr_2")]
    answers, changed = placed(wishes, contact("cus_1", a=0), contact("adr_1", other=-1))
    assert answers == {"a": refused(23), "b": granted(0)}
    assert changed == {"cus_1": {"b": 0}, "adr_2": {"b": 0}}


def test_a_move_that_reached_the_person_only_is_completed() -> None:
    answers, changed = placed([wish("a", "cus_1", "adr_1")], contact("cus_1", a=5), contact("adr_1", a=0))
    assert answers == {"a": granted(5)}
    assert changed == {"adr_1": {"a": 5}}


@pytest.mark.parametrize(
    ("latest", "expected", "left"),
    [
        (100, granted(30, Reason.CONTACT_LIMIT), {"other": 6, "a": 30}),
        (30, refused(30), {"other": 6}),  # too late: the place is given up
    ],
)
def test_a_wish_that_moves_finds_a_new_place_among_the_others(
    latest: float, expected: Answer, left: dict[str, float]
) -> None:
    late = wish("a", at=5, latest=latest, moves=True)
    answers, changed = placed([late], contact(a=-20, other=6))
    assert answers == {"a": expected}
    assert changed == {"cus_1": left}


def test_a_wish_that_moved_stays_there() -> None:
    late = wish("a", "cus_1", "adr_1", at=5, latest=100, moves=True)
    assert placed([late], contact(a=5), contact("adr_1", a=5)) == ({"a": granted(5)}, {})


def test_an_exempt_wish_skips_the_budget_and_counts_for_others() -> None:
    answers, changed = placed([wish("a", exempt=True), wish("b"), wish("c", exempt=True)], contact(other=0))
    assert answers == {"a": granted(0), "b": refused(24), "c": granted(0)}
    assert changed == {"cus_1": {"other": 0, "a": 0, "c": 0}}


@pytest.mark.parametrize(
    ("opens", "latest", "expected"),
    [
        (always, 25, granted(9, Reason.CONTACT_LIMIT)),
        (always, 9, refused(9)),
        (always, None, refused(9)),
        # 21:00 is quiet: it waits for 08:00 of the next day.
        (BY_DAY, 21, granted(20, Reason.CONTACT_LIMIT)),
        (BY_DAY, 20, refused(20)),
        (BY_DAY, None, refused(20)),
    ],
)
def test_a_wish_may_wait_past_the_quiet_hours_but_not_for_ever(
    opens: Callable[[datetime], datetime], latest: float | None, expected: Answer
) -> None:
    answers, _ = placed([wish("b", latest=latest, allowed_from=opens)], contact(a=-15))
    assert answers == {"b": expected}


@pytest.mark.parametrize("latest", [None, 1000])
def test_the_quiet_hours_may_end_in_the_next_crowd(latest: float | None) -> None:
    # Free from 21:00 on, quiet until 08:00, and from 00:00 on the next planned message is less than a day away.
    answers, _ = placed([wish("b", latest=latest, allowed_from=BY_DAY)], contact(a=-15, c=36))
    assert answers == {"b": refused(68) if latest is None else granted(68, Reason.CONTACT_LIMIT)}


def test_the_first_reason_stays_when_another_one_follows() -> None:
    rules = replace(ONE_A_DAY, limits=((1, 2 * HOUR),), trigger_cooldown=HOUR, trigger="t")
    answers, _ = placed([wish("b", rules=rules, latest=1000)], contact(a=-0.5))
    assert answers == {"b": granted(1.5, Reason.COOLDOWN)}


some_wish = st.builds(
    wish,
    st.sampled_from("abcdefgh"),
    st.sampled_from(["cus_1", "cus_2"]),
    st.sampled_from(["adr_1", "adr_2"]),
    at=st.integers(0, 72),
    latest=st.one_of(st.none(), st.integers(0, 200)),
    allowed_from=st.sampled_from([always, BY_DAY]),
)
some_wishes = st.lists(some_wish, max_size=8, unique_by=lambda one: one.invitation)


@settings(deadline=None)
@given(first=some_wishes, second=some_wishes)
def test_nobody_is_asked_more_than_once_a_day_and_every_answer_stands(first: list[Wish], second: list[Wish]) -> None:
    contacts = {name: Contact(id=name) for name in ("cus_1", "cus_2", "adr_1", "adr_2")}
    for wishes in (first, second):
        # A place that is taken back may be another wish's: it is asked again until nothing changes, as `reserve` does.
        for _ in range(len(wishes) + 1):
            answers, changed = place(wishes, contacts)
            contacts |= changed
        assert changed == {}
        for one in wishes:
            answer = answers[one.invitation]
            held = [holds_of(contacts[name]).get(one.invitation) for name in one.contacts]
            expected = (answer.at - NOON) / HOUR if isinstance(answer, Granted) else None
            assert held == [expected] * len(one.contacts)
    for contact in contacts.values():
        times = sorted(hold.at for hold in contact.holds)
        assert all(later - earlier >= DAY for earlier, later in pairwise(times))


def test_an_address_is_known_under_each_secret_while_they_are_exchanged() -> None:
    old, new = "a secret of sixteen characters", "another secret of as many or more"
    before, meanwhile, after = (
        contact_ids("cus_1", "ada@example.com", Keyring(ring)) for ring in ([old], [new, old], [new])
    )
    assert meanwhile == (*after, before[1])
    assert meanwhile[0] == before[0] == "cus_1"
