"""Reserving: wishes to ask go in, each one's place in the fatigue budget, or the rule against it, comes out.

The budget is decided in memory over all contacts of a batch, and what changes is written fenced by revisions
(`store.contacts`); whoever was slower decides again. People are written before the addresses that they share: of two
workers that want the last place of a person, the first one then has it whole, and none takes half of it each.
A wish whose hold is there already, from a pass that died just now, finds its own. What was left behind longer ago is
taken away first, be it in the way or the wish's own: nobody makes an invitation for a place that others may take away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from survey_service.errors import Unavailable
from survey_service.models.contact import Contact, Hold
from survey_service.store.contacts import Contacts
from survey_service.work.budget import Refusal, Rules, check_budget

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """One first message that should leave at `at`; it may wait until shortly before `latest`, None: it may not wait."""

    invitation: str
    contacts: tuple[str, ...]  # the person, then the address; none for what no limit counts
    rules: Rules
    at: datetime
    latest: datetime | None
    allowed_from: Callable[[datetime], datetime]  # the first instant at or after one that is not in quiet hours
    exempt: bool = False
    trigger: str | None = None
    moves: bool = False  # it leaves at another time than it holds: a new place is found for it


@dataclass(frozen=True, slots=True)
class Granted:
    """The message may leave at `at`; `refusal` is what stood against the time that was wished for."""

    at: datetime
    refusal: Refusal | None = None


Answer = Granted | Refusal


class Reserving:
    """Takes places in the budget."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    async def reserve(self, wishes: Sequence[Wish]) -> dict[str, Answer]:
        """The answer to each wish, by invitation; what is granted is held, majority-written.

        Raises:
            Unavailable: other workers kept changing the same contacts; what is held already is found again.
        """
        people = {name for wish in wishes for name in wish.contacts[:1]}
        names = sorted({name for wish in wishes for name in wish.contacts})
        contacts = await self._contacts.get_many(names)
        answers, changed = place(wishes, contacts)
        if left_behind := await self._contacts.left_behind(_in_the_way(wishes, answers, contacts)):
            await self.release(left_behind)
            contacts = await self._contacts.get_many(names)
            answers, changed = place(wishes, contacts)
        for _ in range(_TRIES):
            if not changed:
                return answers
            first = [contact for contact in changed.values() if contact.id in people]
            contacts |= await self._contacts.save_holds(first or list(changed.values()))
            answers, changed = place(wishes, contacts)
        raise Unavailable("the budget of a contact is being changed by others")

    async def release(self, invitations: Sequence[str]) -> None:
        """Give back the places of invitations that will not be made."""
        await self._contacts.release(invitations)


def _in_the_way(
    wishes: Sequence[Wish], answers: Mapping[str, Answer], contacts: Mapping[str, Contact]
) -> Iterator[Hold]:
    """What may stand against a wish, and what an earlier pass held for it."""
    free = {name for name, answer in answers.items() if isinstance(answer, Granted) and answer.refusal is None}
    for wish in wishes:
        for hold in (hold for name in wish.contacts for hold in contacts[name].holds):
            if wish.invitation not in free or hold.invitation == wish.invitation:
                yield hold


def place(wishes: Sequence[Wish], contacts: Mapping[str, Contact]) -> tuple[dict[str, Answer], dict[str, Contact]]:
    """Answer wishes in order against contacts as they stand; returns the answers and the changed contacts. Pure."""
    present = dict(contacts)
    answers: dict[str, Answer] = {}
    for wish in wishes:
        own = [present[name] for name in wish.contacts]
        answer = answers[wish.invitation] = _answer(wish, own)
        at = answer.at if isinstance(answer, Granted) else None
        present.update((contact.id, _with_hold(contact, wish, at)) for contact in own)
    return answers, {name: contact for name, contact in present.items() if contact != contacts[name]}


def _answer(wish: Wish, contacts: Sequence[Contact]) -> Answer:
    held = _held(wish, contacts)
    if held is not None and held <= wish.at:
        return Granted(held)
    others = [_with_hold(contact, wish, None) for contact in contacts]
    bar = None if wish.exempt else check_budget(others, wish.rules, wish.at)
    if held is not None:
        return Granted(held, Refusal(bar.reason, held) if bar else None)
    if bar is None:
        return Granted(wish.at)
    refusal = Refusal(bar.reason, _first_free(wish, others, bar.next_at))
    if wish.latest is not None and refusal.next_at < wish.latest:
        return Granted(refusal.next_at, refusal)
    return refusal


def _held(wish: Wish, contacts: Sequence[Contact]) -> datetime | None:
    """The time that the wish holds already, if it may have it on all of its contacts.

    A pass that died, or was too slow, may have come to the person only; the address may be taken by now.
    """
    own = [
        next((hold.at for hold in contact.holds if hold.invitation == wish.invitation), None) for contact in contacts
    ]
    held = None if wish.moves else next((at for at in own if at is not None), None)
    if held is None or wish.exempt:
        return held
    missing = [_with_hold(contact, wish, None) for contact, at in zip(contacts, own, strict=True) if at != held]
    return held if check_budget(missing, wish.rules, held) is None else None


def _first_free(wish: Wish, contacts: Sequence[Contact], instant: datetime) -> datetime:
    """The first instant at or after one that both the budget and the quiet hours allow."""
    at = wish.allowed_from(instant)
    while bar := check_budget(contacts, wish.rules, at):
        at = wish.allowed_from(bar.next_at)
    return at


def _with_hold(contact: Contact, wish: Wish, at: datetime | None) -> Contact:
    """The contact with the wish's hold at `at` and nowhere else; None: without it."""
    own = [hold.at for hold in contact.holds if hold.invitation == wish.invitation]
    if own == ([] if at is None else [at]):
        return contact
    holds = [hold for hold in contact.holds if hold.invitation != wish.invitation]
    if at is not None:
        holds.append(Hold(invitation=wish.invitation, at=at, trigger=wish.trigger, text=wish.rules.text))
    return contact.model_copy(update={"holds": tuple(holds)})
