"""The fatigue budget: never more than the rules allow, and never silent longer than they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_service.models.contact import Answered, Contact, Hold
from survey_service.models.contact_policy import ContactLimit, ContactPolicyContent
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.trigger import TriggerContent
from survey_service.work.budget import Refusal, Rules, check_budget
from tests.support.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
NO_RULES = Rules(limits=(), cooldown=None, trigger="t", trigger_cooldown=None, answer_cooldown=None, text="s")


def holds_at(*hours: float, trigger: str | None = "other", text: str = "other") -> tuple[Hold, ...]:
    """Holds so many hours from noon."""
    return tuple(Hold(invitation=f"inv_{hour}", at=NOON + hour * HOUR, trigger=trigger, text=text) for hour in hours)


def person_with(*holds: Hold, answers: Sequence[Answered] = ()) -> Contact:
    return Contact(id="cus_1", holds=holds, answers=tuple(answers))


def hours_of(refusal: Refusal | None) -> tuple[Reason, float] | None:
    """The reason and the next time, in hours from noon."""
    return (refusal.reason, (refusal.next_at - NOON) / HOUR) if refusal else None


LIMIT_2_10 = replace(NO_RULES, limits=((2, 10 * HOUR),))
COOLDOWN_10 = replace(NO_RULES, cooldown=10 * HOUR)


@pytest.mark.parametrize(
    ("rules", "hours", "expected"),
    [
        (LIMIT_2_10, [], None),
        (LIMIT_2_10, [-1], None),
        (LIMIT_2_10, [-2, -1], 8),
        (LIMIT_2_10, [-2, -2], 8),
        (LIMIT_2_10, [0, 0], 10),
        (LIMIT_2_10, [-10, -1], None),  # the tenth hour has passed
        (LIMIT_2_10, [-9.5, -1], 0.5),
        (LIMIT_2_10, [1, 2], 11),  # planned ones count like sent ones
        (LIMIT_2_10, [10, 11], None),
        (LIMIT_2_10, [-1, 1], 9),  # the window may start anywhere
        (LIMIT_2_10, [-4, 6], None),  # ten hours apart: no window holds both
        (LIMIT_2_10, [-1, 1, 9], 11),  # the end of a crowd may lie in the next one
        (LIMIT_2_10, [-1, 1, 12, 14], 22),
        (LIMIT_2_10, [-1, 1, 19, 21], 9),  # just in time before the next crowd
        (LIMIT_2_10, [-3, -2, -1], 8),  # one more than allowed, after the limit was lowered
        (COOLDOWN_10, [-10], None),
        (COOLDOWN_10, [-9], 1),
        (COOLDOWN_10, [9], 19),
        (COOLDOWN_10, [10], None),
        (COOLDOWN_10, [-1, 18], 28),  # nine hours are left in between, too few
        (COOLDOWN_10, [-1, 19], 9),  # ten
        (replace(NO_RULES, limits=((1, 10 * HOUR), (2, 100 * HOUR))), [-20, -1], 80),
    ],
)
def test_a_message_waits_until_every_window_has_room(
    rules: Rules, hours: Sequence[float], expected: float | None
) -> None:
    refusal = check_budget([person_with(*holds_at(*hours))], rules, NOON)
    assert (refusal and (refusal.next_at - NOON) / HOUR) == expected


@pytest.mark.parametrize(
    ("rules", "holds", "expected"),
    [
        (replace(NO_RULES, trigger_cooldown=10 * HOUR), holds_at(-1, trigger="t"), (Reason.COOLDOWN, 9)),
        (replace(NO_RULES, trigger_cooldown=10 * HOUR), holds_at(1, trigger="t"), (Reason.COOLDOWN, 11)),
        (replace(NO_RULES, trigger_cooldown=10 * HOUR), holds_at(-1, 1), None),
        (replace(NO_RULES, trigger_cooldown=10 * HOUR), holds_at(-1, trigger=None), None),
        (NO_RULES, holds_at(-11.5, text="s"), (Reason.SAME_TEXT, 0.5)),
        (NO_RULES, holds_at(11.5, text="s"), (Reason.SAME_TEXT, 23.5)),
        (NO_RULES, holds_at(-12, 12, text="s"), None),
        (NO_RULES, holds_at(-1), None),
        (COOLDOWN_10, holds_at(-1), (Reason.CONTACT_COOLDOWN, 9)),
        (LIMIT_2_10, holds_at(-1, -1), (Reason.CONTACT_LIMIT, 9)),
        # The rule nearest to the trigger is named, and all of them are waited for.
        (replace(COOLDOWN_10, trigger_cooldown=2 * HOUR), holds_at(-1, trigger="t"), (Reason.COOLDOWN, 9)),
        (replace(LIMIT_2_10, cooldown=2 * HOUR), holds_at(-1, -1), (Reason.CONTACT_COOLDOWN, 9)),
        (COOLDOWN_10, holds_at(-1, text="s"), (Reason.SAME_TEXT, 11)),
    ],
)
def test_a_refusal_names_the_first_rule_and_the_end_of_all(
    rules: Rules, holds: tuple[Hold, ...], expected: tuple[Reason, float] | None
) -> None:
    assert hours_of(check_budget([person_with(*holds)], rules, NOON)) == expected


@pytest.mark.parametrize(
    ("trigger", "hours", "expected"),
    [("t", -1, (Reason.ANSWER_COOLDOWN, 9)), ("t", -10, None), ("other", -1, None)],
)
def test_an_answer_is_followed_by_silence_of_its_trigger(
    trigger: str, hours: float, expected: tuple[Reason, float] | None
) -> None:
    contact = person_with(answers=[Answered(trigger=trigger, at=NOON + hours * HOUR)])
    assert hours_of(check_budget([contact], replace(NO_RULES, answer_cooldown=10 * HOUR), NOON)) == expected


@pytest.mark.parametrize("rules", [COOLDOWN_10, LIMIT_2_10, replace(NO_RULES, trigger_cooldown=10 * HOUR), NO_RULES])
def test_a_period_ends_to_the_millisecond(rules: Rules) -> None:
    contact = person_with(*holds_at(0, 0, trigger="t", text="s"))
    refusal = check_budget([contact], rules, NOON)
    assert refusal is not None
    assert check_budget([contact], rules, refusal.next_at - MILLISECOND) is not None
    assert check_budget([contact], rules, refusal.next_at) is None
    as_long_before = NOON - (refusal.next_at - NOON)
    assert check_budget([contact], rules, as_long_before) is None
    assert check_budget([contact], rules, as_long_before + MILLISECOND) is not None


def test_a_shared_address_counts_for_everybody_behind_it() -> None:
    free = Contact(id="cus_2")
    address = Contact(id="adr_1", holds=holds_at(-1, -2))
    assert check_budget([free], LIMIT_2_10, NOON) is None
    assert hours_of(check_budget([free, address], LIMIT_2_10, NOON)) == (Reason.CONTACT_LIMIT, 8)


def test_person_and_address_are_counted_each_for_themselves() -> None:
    person, address = (Contact(id=name, holds=holds_at(-1)) for name in ("cus_1", "adr_1"))
    assert check_budget([person, address], LIMIT_2_10, NOON) is None


def test_the_free_times_of_person_and_address_must_meet() -> None:
    person = Contact(id="cus_1", holds=holds_at(-1))
    address = Contact(id="adr_1", holds=holds_at(12))
    # The person is free from 9 on, the address only until 2 and from 22 on.
    assert hours_of(check_budget([person, address], COOLDOWN_10, NOON)) == (Reason.CONTACT_COOLDOWN, 22)


TRIGGER = TriggerContent(
    survey="s", event_type="e", channels=(ChannelName.EMAIL,), cooldown="P30D", cooldown_after_answer="P60D"
)


@pytest.mark.parametrize(
    ("policy", "less_often", "cooldown"),
    [
        ({}, False, 7 * DAY),
        ({}, True, 90 * DAY),
        ({"cooldown": None}, False, None),
        ({"cooldown": None}, True, 90 * DAY),
        ({"cooldown": "P100D"}, True, 100 * DAY),
        ({"less_often": "P10D"}, True, 10 * DAY),
    ],
)
def test_less_often_makes_the_cooldown_longer_and_never_shorter(
    policy: dict[str, str | None], less_often: bool, cooldown: timedelta | None
) -> None:
    content = ContactPolicyContent.model_validate(policy)
    assert Rules.of(content, "t", TRIGGER, less_often=less_often).cooldown == cooldown


def test_rules_are_read_from_policy_and_trigger() -> None:
    policy = ContactPolicyContent(limits=(ContactLimit(max=1, period="P1W"), ContactLimit(max=3, period="P90D")))
    assert Rules.of(policy, "after-delivery", TRIGGER, less_often=False) == Rules(
        limits=((1, 7 * DAY), (3, 90 * DAY)),
        cooldown=7 * DAY,
        trigger="after-delivery",
        trigger_cooldown=30 * DAY,
        answer_cooldown=60 * DAY,
        text="s",
    )


# From here on, chance: whole hours, so that patience can look at each of them.

periods = st.one_of(st.none(), st.integers(1, 40).map(lambda hours: hours * HOUR))
some_rules = st.builds(
    Rules,
    limits=st.lists(st.tuples(st.integers(1, 3), periods.filter(bool)), max_size=2).map(tuple),
    cooldown=periods,
    trigger=st.just("t"),
    trigger_cooldown=periods,
    answer_cooldown=periods,
    text=st.just("s"),
)
hours = st.integers(0, 120).map(lambda hour: NOON + hour * HOUR)
some_hold = st.builds(
    Hold,
    invitation=st.uuids().map(str),
    at=hours,
    trigger=st.sampled_from(["t", "other"]),
    text=st.sampled_from(["s", "other"]),
)
some_answer = st.builds(Answered, trigger=st.sampled_from(["t", "other"]), at=st.just(NOON))
some_contact = st.builds(
    Contact,
    id=st.just("cus_1"),
    holds=st.lists(some_hold, max_size=6).map(tuple),
    answers=st.lists(some_answer, max_size=2).map(tuple),
)


def allowed(contact: Contact, rules: Rules, hold: Hold) -> bool:
    """The rules, said a second time, by looking at every pair and at every window."""
    for other in contact.holds:
        apart = abs(other.at - hold.at)
        if rules.cooldown and apart < rules.cooldown:
            return False
        if rules.trigger_cooldown and other.trigger == hold.trigger and apart < rules.trigger_cooldown:
            return False
        if other.text == hold.text and apart < 12 * HOUR:
            return False
    for answer in contact.answers:
        if rules.answer_cooldown and answer.trigger == hold.trigger and hold.at - answer.at < rules.answer_cooldown:
            return False
    times = [hold.at, *(other.at for other in contact.holds)]
    for most, period in rules.limits:
        for start in times:
            window = [time for time in times if start <= time < start + period]
            if hold.at in window and len(window) > most:
                return False
    return True


@settings(deadline=None)
@given(contacts=st.lists(some_contact, min_size=1, max_size=2), rules=some_rules, at=hours)
def test_the_next_time_is_the_first_at_which_every_rule_agrees(
    contacts: list[Contact], rules: Rules, at: datetime
) -> None:
    refusal = check_budget(contacts, rules, at)
    time = at
    while not all(
        allowed(contact, rules, Hold(invitation="i", at=time, trigger="t", text="s")) for contact in contacts
    ):
        time += HOUR
    assert (refusal.next_at if refusal else at) == time


@settings(deadline=None)
@given(rules=some_rules, wished=st.lists(some_hold, max_size=20))
def test_whatever_is_accepted_no_window_ever_holds_more_than_its_limit(rules: Rules, wished: list[Hold]) -> None:
    contact = Contact(id="cus_1")
    for hold in wished:
        own = replace(rules, trigger=hold.trigger, text=hold.text)
        accepted = check_budget([contact], own, hold.at) is None
        assert accepted == allowed(contact, own, hold)
        if accepted:
            contact = contact.model_copy(update={"holds": (*contact.holds, hold)})
    times = sorted(hold.at for hold in contact.holds)
    for most, period in rules.limits:
        assert all(sum(start <= time < start + period for time in times) <= most for start in times)
    if rules.cooldown:
        assert all(later - earlier >= rules.cooldown for earlier, later in pairwise(times))
