"""Resolving: news of cases come in, and the question whether it helped goes out; the customer's answer comes back."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from survey_service.followup.cases import CASES_STAGE, NEWS_STAGE
from survey_service.followup.changing import judge_case
from survey_service.followup.letters import letter_to_customer, way_to_customer
from survey_service.followup.telling import Told
from survey_service.followup.wording import Notice, ask_resolved, case_letters
from survey_service.models.case import Case, CaseState
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import hashed_id
from survey_service.models.outbox import NewsType
from survey_service.store.store import Store
from survey_service.telemetry import CASES
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells


class AskResolved:
    """Listens to the news of cases: once one is resolved whose rule wants it, its customer is asked, once each time.

    `usable` are the channels with settings.
    """

    def __init__(
        self, store: Store, bells: Bells, keyring: Keyring, base_url: str, usable: Collection[ChannelName]
    ) -> None:
        self._store = store
        self._bells = bells
        self._keyring = keyring
        self._base_url = base_url
        self._usable = usable

    async def __call__(self, told: Sequence[Told[Case]]) -> None:
        """Request the question for each case that still waits for its answer."""
        asked = {each.about.id: each.about for each in told if each.news.type is NewsType.CASE_CLOSED}
        cases = [case for case in asked.values() if case.ask_resolved and is_asked(case)]
        if not cases:
            return
        named = sorted({case.customer for case in cases if case.customer})
        customers = await self._store.customers.get_many(named)
        now = self._store.clock.now()
        letters = []
        for case in cases:
            customer = customers.get(case.customer or "")
            way = way_to_customer(customer.profile, self._usable, case.channel) if customer else None
            if way is not None:
                url = f"{self._base_url}/r/{self._keyring.case_token(case.id)}"
                letter = hashed_id("dlv", case.id, "ask-resolved", str(case.closed_at))
                letters.append(
                    letter_to_customer(case, ask_resolved(case, url), way, now, letter=letter, person=case.owner)
                )
        if letters:
            await self._store.deliveries.insert(letters)
            self._bells.ring("sending")


class Resolving:
    """Takes the customer's own word on a resolved case."""

    def __init__(self, store: Store, bells: Bells, keyring: Keyring, base_url: str) -> None:
        self._store = store
        self._bells = bells
        self._keyring = keyring
        self._base_url = base_url

    async def look(self, token: str) -> Case | None:
        """The case that a token speaks of; None for anything that is not one of ours. Changes nothing."""
        case = self._keyring.read_case_token(token)
        return await self._store.cases.get(case) if case else None

    async def answer(self, case: Case, *, resolved: bool) -> Case:
        """Note the customer's word; the case as it stands then, which somebody else may have changed meanwhile.

        The first word stands. One that is not resolved for the customer is open again, and its owner is told.
        """
        while is_asked(case):
            now = self._store.clock.now()
            changed = judge_case(case, resolved=resolved, now=now)
            letters = []
            if not resolved:
                people = (await self._store.configuration.current()).people
                notice = Notice.NOT_RESOLVED
                letters = case_letters(changed.case, [case.owner], people, notice, now, self._base_url)
            if await self._store.cases.change(case, changed.case, changed.told, letters, held=False):
                CASES.labels(case.rule, "confirmed" if resolved else "contradicted").inc()
                for stage in (NEWS_STAGE, CASES_STAGE, "sending"):
                    self._bells.ring(stage)
                return changed.case
            case = await self._store.cases.get(case.id) or case
        return case


def is_asked(case: Case) -> bool:
    """Whether a case waits for its customer's word."""
    return case.state is CaseState.RESOLVED and case.resolved_for_customer is None
