"""Who owns a case: tables of people and what they have to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.followup.assigning import Candidate, choose_owner, month_start
from survey_service.models.follow_up import AssignBy, Assignment
from survey_service.models.person import Person, PersonRole
from survey_service.store.cases import Workload

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANAGER, SENIOR, AGENT = PersonRole.MANAGER, PersonRole.SENIOR_MANAGER, PersonRole.AGENT


def somebody(name: str, role: PersonRole, at: str = "", *, work: tuple[int, int, int] = (0, 0, 0), **more: Any) -> Any:
    """`at` are touchpoints; `work` is (active cases, hours since the last one or 0 for never, cases this month)."""
    active, hours, lately = work
    last_at = NOON - timedelta(hours=hours) if hours else None
    person = Person(id=name, name=name.title(), role=role, touchpoints=tuple(at.split()), **more)
    return name, Candidate(person, Workload(active, last_at, lately))


BY_TOUCHPOINT = [
    ("one with fewer cases", "berlin", [("ida", MANAGER, "berlin", 3), ("bo", MANAGER, "berlin", 2)], "bo"),
    ("nobody of another place", "berlin", [("ida", MANAGER, "rome", 0), ("bo", MANAGER, "berlin", 9)], "bo"),
    ("the place's before all's", "berlin", [("all", MANAGER, "", 0), ("bo", MANAGER, "berlin rome", 9)], "bo"),
    ("all's where nobody is the place's", "oslo", [("all", MANAGER, "", 0), ("bo", MANAGER, "berlin", 0)], "all"),
    ("all's where there is no place", None, [("all", MANAGER, "", 5), ("bo", MANAGER, "berlin", 0)], "all"),
    ("no agent", "berlin", [("ann", AGENT, "berlin", 0)], None),
    ("no senior manager", "berlin", [("sue", SENIOR, "berlin", 0)], None),
    ("nobody at all", "berlin", [], None),
]


@pytest.mark.parametrize(("touchpoint", "people", "owner"), [case[1:] for case in BY_TOUCHPOINT], ids=str)
def test_a_touchpoints_case_goes_to_its_manager_with_the_least_to_do(
    touchpoint: str | None, people: list[Any], owner: str | None
) -> None:
    candidates = dict(somebody(name, role, at, work=(active, 0, 0)) for name, role, at, active in people)
    assert choose_owner(Assignment(), touchpoint, candidates) == owner


def test_of_two_with_as_much_to_do_the_one_takes_it_whose_last_case_is_longer_ago() -> None:
    people = dict([somebody("ann", MANAGER, work=(2, 1, 2)), somebody("bo", MANAGER, work=(2, 5, 2))])
    assert choose_owner(Assignment(), None, people) == "bo"


@pytest.mark.parametrize(
    ("hours", "owner"),
    [((5, 3, 1), "ann"), ((1, 3, 5), "cy"), ((1, 0, 5), "bo"), ((0, 0, 0), "ann"), ((2, 2, 2), "ann")],
)
def test_in_turn_means_whose_last_case_is_longest_ago(hours: tuple[int, int, int], owner: str) -> None:
    names = ("ann", "bo", "cy")
    people = dict(somebody(name, AGENT, work=(9, ago, 0)) for name, ago in zip(names, hours, strict=True))
    assert choose_owner(Assignment(by=AssignBy.ROUND_ROBIN, people=names), "berlin", people) == owner


def test_everybody_comes_in_turn_and_nobody_twice_before_all_had_one() -> None:
    names = ("ann", "bo", "cy")
    people = dict(somebody(name, AGENT) for name in names)
    order = []
    for _ in range(6):
        owner = choose_owner(Assignment(by=AssignBy.ROUND_ROBIN, people=names), None, people)
        assert owner is not None
        order.append(owner)
        people[owner] = people[owner].taking_one_more(NOON)
    assert order == [*names, *names]


@pytest.mark.parametrize(
    ("lately", "monthly", "owner"),
    [
        ((0, 0), 2, "sue"),
        ((1, 0), 2, "tom"),
        ((2, 1), 2, "tom"),
        ((2, 2), 2, "max"),
        ((2, 2), 3, "sue"),
        ((0, 0), 1, "sue"),
    ],
)
def test_senior_managers_take_theirs_of_the_month_and_then_the_touchpoints_manager(
    lately: tuple[int, int], monthly: int, owner: str
) -> None:
    people = dict(
        [
            somebody("sue", SENIOR, work=(0, 0, lately[0])),
            somebody("tom", SENIOR, work=(0, 0, lately[1])),
            somebody("max", MANAGER, "berlin", work=(7, 0, 7)),
        ]
    )
    assert choose_owner(Assignment(by=AssignBy.ROTA, monthly=monthly), "berlin", people) == owner


def test_a_senior_manager_of_other_places_takes_none_and_a_list_of_people_limits_the_rota() -> None:
    people = dict([somebody("sue", SENIOR, "rome"), somebody("tom", SENIOR), somebody("max", MANAGER)])
    assert choose_owner(Assignment(by=AssignBy.ROTA), "berlin", people) == "tom"
    assert choose_owner(Assignment(by=AssignBy.ROTA, people=("sue",)), "rome", people) == "sue"
    assert choose_owner(Assignment(by=AssignBy.ROTA, people=("sue",)), "berlin", people) == "max"


def test_a_named_person_takes_it_and_the_next_one_where_they_are_away() -> None:
    rule = Assignment(by=AssignBy.PERSON, people=("ann", "bo"))
    assert choose_owner(rule, None, dict([somebody("ann", AGENT), somebody("bo", AGENT)])) == "ann"
    assert choose_owner(rule, None, dict([somebody("ann", AGENT, active=False), somebody("bo", AGENT)])) == "bo"
    assert choose_owner(rule, None, dict([somebody("cy", AGENT)])) is None


@pytest.mark.parametrize("by", list(AssignBy))
def test_who_is_away_takes_none(by: AssignBy) -> None:
    people = dict([somebody("sue", SENIOR, active=False), somebody("max", MANAGER, active=False)])
    assert choose_owner(Assignment(by=by, people=("sue", "max")), "berlin", people) is None


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC", datetime(2026, 11, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC)),  # still summer time on that morning
    ],
)
def test_a_month_begins_in_the_persons_own_zone(zone: str, start: datetime) -> None:
    assert month_start(Person(id="ann", name="Ann", timezone=zone), NOON) == start
