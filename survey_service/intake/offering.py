"""Offering: an incentive, what it gave so far and whom it is for come in; the offer of an invitation goes out. Pure.

It is decided once, together with the invitation: what a customer was promised does not change on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from survey_service.models.incentive import Incentive, IncentiveState, Offer
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule
from survey_service.store.incentive_states import is_used_up


class NoOffer(StrEnum):
    """Why nothing is offered; the survey is sent all the same."""

    DISABLED = "disabled"  # the incentive is switched off or gone
    USED_UP = "used_up"  # no code, no place or no money is left
    NOT_ELIGIBLE = "not_eligible"  # its condition does not hold, or cannot be answered, for this event and customer


def make_offer(
    incentive: Incentive | None, state: IncentiveState | None, tree: Mapping[str, object]
) -> Offer | NoOffer:
    """The offer to the customer of `tree` (`event` and `customer`, without anything that was answered before)."""
    if incentive is None or not incentive.enabled:
        return NoOffer.DISABLED
    if is_used_up(incentive, state):
        return NoOffer.USED_UP
    if incentive.condition is not None and not _holds(incentive.condition, tree):
        return NoOffer.NOT_ELIGIBLE
    return Offer(incentive=incentive.id, name=incentive.name, text=incentive.text)


def _holds(condition: str, tree: Mapping[str, object]) -> bool:
    variables = {name: cel_value(value) for name, value in tree.items()}
    try:
        return compile_rule(condition, RuleScope.TRIGGER).holds(variables)
    except (RuleFailed, RuleInvalid):
        return False
