"""Minding: due cases come in; their owner is reminded, and once the time ran out they are escalated, exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from survey_service.followup.cases import NEWS_STAGE
from survey_service.followup.changing import Changed, next_look, pass_due, remind_case
from survey_service.followup.wording import Notice, case_letters
from survey_service.models.case import Case
from survey_service.models.delivery import Delivery
from survey_service.models.person import Person
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import CASES
from survey_service.work.bells import Bells

log = structlog.get_logger()


class MindCases:
    """The handler of the stage that looks after due cases."""

    def __init__(self, store: Store, bells: Bells, base_url: str) -> None:
        self._store = store
        self._bells = bells
        self._base_url = base_url

    async def __call__(self, claim: Claim[Case]) -> None:
        """Remind, or escalate; the case and the messages about it change together."""
        people = (await self._store.configuration.current()).people
        now = self._store.clock.now()
        for case in claim.rows:
            changed, letters = mind_case(case, people, now, self._base_url)
            if await self._store.cases.change(case, changed.case, changed.told, letters, held=True):
                if changed.news is not None:
                    CASES.labels(case.rule, "overdue").inc()
            else:
                log.info("cases.changed_meanwhile", case=case.id)
        self._bells.ring("sending")
        self._bells.ring(NEWS_STAGE)


def mind_case(case: Case, people: Mapping[str, Person], now: datetime, base_url: str) -> tuple[Changed, list[Delivery]]:
    """A due case after its next step, and the messages that are sent because of it. Pure."""
    look = next_look(case)
    if look is None or look > now:
        # Changed since it fell due: look again when it is time.
        return Changed(case.model_copy(update={"due_at": look, "revision": case.revision + 1}), None), []
    if now < case.due_by:
        return remind_case(case, now), case_letters(case, [case.owner], people, Notice.SOON_DUE, now, base_url)
    told = (case.owner, case.escalate_to)
    return pass_due(case, now), case_letters(case, told, people, Notice.PAST_DUE, now, base_url)
