"""Alerts: news of responses come in; our people hear of them at once, in the next digest, or as praise, exactly once.

The id of a message is made of the response, the rule and the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from survey_service.followup.digests import add_to_digest
from survey_service.followup.judging import Holding, Judging, ShowResponse
from survey_service.followup.letters import letter_to_person
from survey_service.followup.praised import find_praised
from survey_service.followup.summaries import headline, quote, word_answer, word_praise
from survey_service.followup.telling import Told
from survey_service.models.case import Case
from survey_service.models.delivery import Delivery
from survey_service.models.digest import DigestItem
from survey_service.models.ids import case_id, hashed_id
from survey_service.models.person import Person
from survey_service.models.response import Response
from survey_service.store.store import Store
from survey_service.work.bells import Bells

_LONGEST_IN_DIGEST = 300  # characters of a comment


class Alert:
    """Listens to the news of responses, after the cases were opened: their owners are told as well."""

    def __init__(self, store: Store, bells: Bells, show: ShowResponse, base_url: str) -> None:
        self._store = store
        self._bells = bells
        self._base_url = base_url
        self._judging = Judging(store, show)

    async def __call__(self, told: Sequence[Told[Response]]) -> None:
        """Ask for the messages that the rules want; telling twice asks for them once."""
        holding = [each for each in await self._judging.rules_that_hold(told) if each.rule.alert or each.rule.praise]
        if not holding:
            return
        people = (await self._store.configuration.current()).people
        cases = await self._store.cases.get_many({case_id(each.response.id, each.rule.id) for each in holding})
        now = self._store.clock.now()
        letters: list[Delivery] = []
        for each in holding:
            case = cases.get(case_id(each.response.id, each.rule.id))
            readers = alerted(each, case, people)
            if each.rule.alert and each.rule.alert.digest:
                for person in readers:
                    await add_to_digest(
                        self._store, person, each.response.brand, _item(each, person), each.told.news.at
                    )
            else:
                letters += _letters(each, case, readers, now, self._base_url)
            letters += praises(each, people, now)
        if letters:
            await self._store.deliveries.insert(letters)
            self._bells.ring("sending")


def alerted(holding: Holding, case: Case | None, people: Mapping[str, Person]) -> list[Person]:
    """Who is told: the people of the rule who work here, and the owner of the case that it opened. Pure."""
    action = holding.rule.alert
    if action is None:
        return []
    return _working([*action.people, case.owner if case and action.owner else None], people)


def praises(holding: Holding, people: Mapping[str, Person], now: datetime) -> list[Delivery]:
    """The comment to whom it praises and to those who are to know; nothing where there is no comment. Pure."""
    action, comment = holding.rule.praise, holding.response.comment
    if action is None or not comment:
        return []
    agent = holding.invitation.data.get("agent") if holding.invitation else None
    praised = find_praised(comment, agent, people)
    readers = _working([praised.id if praised else None, *action.copy_to], people)
    letters = [
        letter_to_person(
            reader,
            word_praise(holding, comment, reader, praised),
            holding.response.brand,
            now,
            letter=hashed_id("dlv", "praise", holding.response.id, holding.rule.id, reader.id),
            responses=(holding.response.id,),
        )
        for reader in readers
    ]
    return [letter for letter in letters if letter is not None]


def _letters(
    holding: Holding, case: Case | None, readers: Iterable[Person], now: datetime, base_url: str
) -> list[Delivery]:
    letters = [
        letter_to_person(
            person,
            word_answer(holding, person, case, base_url),
            holding.response.brand,
            now,
            letter=hashed_id("dlv", "alert", holding.response.id, holding.rule.id, person.id),
            case=case.id if case else None,
            responses=(holding.response.id,),
        )
        for person in readers
    ]
    return [letter for letter in letters if letter is not None]


def _item(holding: Holding, person: Person) -> DigestItem:
    lines = (headline(holding, person), quote(holding.response.comment, _LONGEST_IN_DIGEST))
    name = hashed_id("itm", holding.response.id, holding.rule.id)
    return DigestItem(id=name, response=holding.response.id, text="\n".join(line for line in lines if line))


def _working(names: Iterable[str | None], people: Mapping[str, Person]) -> list[Person]:
    known = [people[name] for name in dict.fromkeys(names) if name is not None and name in people]
    return [person for person in known if person.active]
