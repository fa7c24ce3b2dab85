"""Cases: news of responses come in; a case for each rule that wants one goes out, with an owner, exactly once.

The id of a case is made of the response and the rule. Two workers that open cases at the same moment may both pick the
person with the least to do; a case too many on one desk harms less than a lock that everybody waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from survey_service.calendars.periods import parse_period
from survey_service.followup.assigning import Candidate, choose_owner, month_start
from survey_service.followup.changing import next_look
from survey_service.followup.judging import Holding, Judging, ShowResponse
from survey_service.followup.telling import Told
from survey_service.models.case import Case
from survey_service.models.follow_up import CaseAction
from survey_service.models.ids import case_id
from survey_service.models.outbox import NewsType, news_of, outbox_with
from survey_service.models.response import CallWish, Response
from survey_service.store.group_commit import Inserted
from survey_service.store.store import Store
from survey_service.telemetry import CASES
from survey_service.work.bells import Bells

CASES_STAGE, NEWS_STAGE = "cases", "following"


class OpenCases:
    """Listens to the news of responses."""

    def __init__(self, store: Store, bells: Bells, show: ShowResponse) -> None:
        self._store = store
        self._bells = bells
        self._judging = Judging(store, show)

    async def __call__(self, told: Sequence[Told[Response]]) -> None:
        """Open the cases that the rules want; those that are there stay as they are."""
        wanted = {
            case_id(holding.response.id, holding.rule.id): (holding, holding.rule.case)
            for holding in await self._judging.rules_that_hold(told)
            if holding.rule.case is not None
        }
        there = await self._store.cases.get_many(wanted) if wanted else {}
        new = [(name, *found) for name, found in wanted.items() if name not in there]
        if not new:
            return
        now = self._store.clock.now()
        candidates = await self._candidates(now)
        cases = []
        for name, holding, action in new:
            owner = choose_owner(action.assign, holding.response.touchpoint, candidates)
            if owner is not None:
                candidates[owner] = candidates[owner].taking_one_more(now)
            cases.append(open_case(name, holding, action, owner, now))
        outcomes = await self._store.cases.insert(cases)
        for case, outcome in zip(cases, outcomes, strict=True):
            if outcome is Inserted.NEW:
                CASES.labels(case.rule, "opened").inc()
        self._bells.ring(NEWS_STAGE)
        self._bells.ring(CASES_STAGE)

    async def _candidates(self, now: datetime) -> dict[str, Candidate]:
        people = (await self._store.configuration.current()).people
        work = await self._store.cases.workload({name: month_start(person, now) for name, person in people.items()})
        return {name: Candidate(person, work[name]) for name, person in people.items()}


def open_case(name: str, holding: Holding, action: CaseAction, owner: str | None, now: datetime) -> Case:
    """The case that a rule opens because of a response. Pure."""
    response = holding.response
    case = Case(
        id=name,
        outbox=outbox_with(news_of(name, NewsType.CASE_OPENED, now)),
        priority=action.priority,
        title=action.title,
        rule=holding.rule.id,
        response=response.id,
        invitation=response.invitation,
        survey=response.survey,
        survey_version=response.survey_version,
        brand=response.brand,
        trigger=response.trigger,
        variant=response.variant,
        customer=response.customer,
        customer_ref=response.customer_ref,
        touchpoint=response.touchpoint,
        dimensions=response.dimensions,
        channel=response.channel,
        language=response.language,
        metric=response.metric,
        scale=response.scale,
        score=response.score,
        comment=response.comment,
        call=next((answer for answer in response.answers.values() if isinstance(answer, CallWish)), None),
        owner=owner,
        assigned_at=now if owner else None,
        due_within=action.due_within,
        due_by=now + parse_period(action.due_within),
        remind_before=action.remind_before,
        escalate_to=action.escalate_to,
        ask_resolved=action.ask_resolved,
        opened_at=now,
    )
    return case.model_copy(update={"due_at": next_look(case)})
