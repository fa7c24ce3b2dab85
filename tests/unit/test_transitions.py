"""The tables of transitions: every state can be reached, final ones are left by nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from survey_service.models import case, delivery, invitation
from survey_service.models.case import CaseState
from survey_service.models.delivery import WAITING_STATES, DeliveryState
from survey_service.models.invitation import InvitationState, states_that_may_become

TABLES = [
    (InvitationState, invitation.TRANSITIONS, {InvitationState.WAITING}),
    (DeliveryState, delivery.TRANSITIONS, {DeliveryState.REQUESTED}),
    (CaseState, case.TRANSITIONS, {CaseState.OPEN}),
]
Table = Mapping[StrEnum, frozenset[StrEnum]]


@pytest.mark.parametrize(("states", "table", "first"), TABLES)
def test_every_state_stands_in_the_table_and_can_be_reached(
    states: type[StrEnum], table: Table, first: set[StrEnum]
) -> None:
    assert set(table) == set(states)
    reached = set(first)
    while more := {target for state in reached for target in table[state]} - reached:
        reached |= more
    assert reached == set(states)


@pytest.mark.parametrize(
    ("table", "final"),
    [
        (invitation.TRANSITIONS, {InvitationState.FINISHED, InvitationState.EXPIRED, InvitationState.CANCELLED}),
        (delivery.TRANSITIONS, {DeliveryState.SENT, DeliveryState.CANCELLED}),
        (case.TRANSITIONS, {CaseState.CLOSED}),
    ],
)
def test_final_states_are_left_by_nothing_and_all_others_lead_on(table: Table, final: set[StrEnum]) -> None:
    assert {state for state, targets in table.items() if not targets} == final


def test_only_what_was_not_handed_to_a_provider_can_be_cancelled() -> None:
    may = {state for state, targets in delivery.TRANSITIONS.items() if DeliveryState.CANCELLED in targets}
    assert may == set(WAITING_STATES)


def test_an_unknown_outcome_never_leads_back_to_sending() -> None:
    assert delivery.TRANSITIONS[DeliveryState.UNKNOWN] == {DeliveryState.SENT, DeliveryState.DEAD}


def test_an_answer_is_never_taken_back() -> None:
    assert invitation.TRANSITIONS[InvitationState.STARTED] == {InvitationState.FINISHED, InvitationState.EXPIRED}


@pytest.mark.parametrize("target", list(InvitationState))
def test_the_guard_names_exactly_the_states_that_the_table_allows(target: InvitationState) -> None:
    guard = states_that_may_become(target)
    assert {InvitationState(state) for state in guard} == {
        state for state in InvitationState if target in invitation.TRANSITIONS[state]
    }
    assert all(type(state) is str for state in guard)
