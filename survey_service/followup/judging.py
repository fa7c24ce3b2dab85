"""Judging: news of responses come in; the follow-up rules that hold for each of them go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from survey_service.followup.telling import Told
from survey_service.models.follow_up import FollowUp, FollowUpOn
from survey_service.models.invitation import Invitation
from survey_service.models.outbox import NewsType
from survey_service.models.response import Response
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule
from survey_service.rules.variables import variables_of
from survey_service.store.store import Store
from survey_service.telemetry import FOLLOW_UP_ERRORS

log = structlog.get_logger()

_MOMENTS: Mapping[NewsType, FollowUpOn] = {
    NewsType.RESPONSE_SCORED: FollowUpOn.SCORED,
    NewsType.RESPONSE_FINISHED: FollowUpOn.FINISHED,
    NewsType.MAIL_RECEIVED: FollowUpOn.MAIL,
}

ShowResponse = Callable[[Response], Mapping[str, Any]]
"""A response in, the flat row that the API shows of it out."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A rule that holds for a response; `invitation` is what it answers, None on a public link."""

    told: Told[Response]
    rule: FollowUp
    invitation: Invitation | None

    @property
    def response(self) -> Response:
        """What the rule is about."""
        return self.told.about


class Judging:
    """Puts the rules of the configuration to responses; `show` makes what conditions see as `response`."""

    def __init__(self, store: Store, show: ShowResponse) -> None:
        self._store = store
        self._show = show

    async def rules_that_hold(self, told: Sequence[Told[Response]]) -> list[Holding]:
        """Every enabled rule of the right moment and survey whose condition is true, in the order of the news.

        Suspects start nothing. A condition that fails, such as over a missing key, is logged and counted, and does not
        hold.
        """
        rules = (await self._store.configuration.current()).follow_ups.values()
        asked = [(each, rule) for each in told if each.about.suspect is None for rule in rules if _looks_at(rule, each)]
        named = {each.about.invitation for each, _ in asked if each.about.invitation}
        invitations = await self._store.invitations.get_many(sorted(named)) if named else {}
        holding = [Holding(each, rule, invitations.get(each.about.invitation or "")) for each, rule in asked]
        return [each for each in holding if self._holds(each)]

    def _holds(self, asked: Holding) -> bool:
        # As JSON shows it: times are texts, lists are lists.
        row = orjson.loads(orjson.dumps(self._show(asked.response), option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS))
        variables = {"response": cel_value(row), **variables_of(asked.invitation)}
        try:
            return compile_rule(asked.rule.condition, RuleScope.FOLLOW_UP).holds(variables)
        except (RuleFailed, RuleInvalid) as error:
            FOLLOW_UP_ERRORS.labels(asked.rule.id).inc()
            log.warning("followup.condition_error", rule=asked.rule.id, response=asked.response.id, detail=str(error))
            return False


def _looks_at(rule: FollowUp, told: Told[Response]) -> bool:
    moment = _MOMENTS.get(told.news.type)
    return rule.enabled and rule.on is moment and rule.survey in {None, told.about.survey}
