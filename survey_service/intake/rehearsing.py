"""Rehearsing: a trigger and stored events of a period go in; what it would have done comes out. Nothing is changed.

Every event is decided at its own time, with the same drafts and the same budget as in earnest; the budget starts empty
and lives in memory only. Suppressions are today's.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from survey_service.errors import InvalidInput
from survey_service.intake.customers import keys_of
from survey_service.intake.deciding import profile_of
from survey_service.intake.drafting import Draft, Facts, draft_decisions, settle, wish_of
from survey_service.intake.reading import read_facts
from survey_service.models.contact import Contact
from survey_service.models.customer import Customer
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import Event
from survey_service.models.ids import hashed_id
from survey_service.models.trigger import Trigger
from survey_service.store.configuration import Snapshot
from survey_service.store.counters import HOUR, hour_of
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.budget import Refusal
from survey_service.work.reserving import Answer, place

MAX_EVENTS = 100_000  # of a period: what is known of their people stays in memory, about 2.5 kB an event
CHUNK = 500
_BREATH = 50  # events between two chances for others on the loop


@dataclass(slots=True)
class Outlook:
    """What would have happened: counts by outcome, reason, day (of the event, UTC) and channel."""

    events: int = 0
    invited: int = 0
    deferred: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    days: defaultdict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    channels: Counter[str] = field(default_factory=Counter)

    def count(self, event: Event, decision: Decision, channel: str | None) -> None:
        """Take one decision in."""
        self.events += 1
        day = self.days[event.time.date()]
        if decision.outcome is Outcome.SKIPPED and decision.reason is not None:
            self.skipped[decision.reason] += 1
            day[decision.reason.value] += 1
            return
        if decision.outcome is Outcome.DEFERRED:
            self.deferred += 1
        else:
            self.invited += 1
        day[decision.outcome.value] += 1
        if channel is not None:
            self.channels[channel] += 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rehearsal came; the last one carries the whole outlook."""

    done: int
    total: int
    outlook: Outlook | None = None


class Rehearsal:
    """One trigger, tried on the stored events of a period."""

    def __init__(self, store: Store, keyring: Keyring, trigger: Trigger) -> None:
        self._store = store
        self._keyring = keyring
        self._trigger = trigger
        self._contacts: dict[str, Contact] = {}
        self._hours: Counter[datetime] = Counter()
        self._people: dict[str, str] = {}
        self._outlook = Outlook()

    async def run(self, start: datetime, end: datetime) -> AsyncGenerator[Progress, None]:
        """Decide every event of the trigger's type with a time in [start, end), oldest first; yields as it goes.

        Raises:
            InvalidInput: before anything else, when there are more than `MAX_EVENTS`.
        """
        current = await self._store.configuration.current()
        snapshot = replace(current, triggers={self._trigger.trigger: self._trigger})
        total = await self._store.events.count_in_period(self._trigger.event_type, start, end)
        if total > MAX_EVENTS:
            told = f"holds {total} events of type {self._trigger.event_type}; at most {MAX_EVENTS} are tried at once"
            raise InvalidInput.at("/period", "too_many", f"{told}: choose a shorter period")
        done = 0
        chunk: list[Event] = []
        yield Progress(0, total)
        async for event in self._store.events.in_period(self._trigger.event_type, start, end):
            chunk.append(event)
            if len(chunk) == CHUNK:
                await self._decide(chunk, snapshot)
                done += len(chunk)
                chunk = []
                yield Progress(done, total)
        await self._decide(chunk, snapshot)
        yield Progress(done + len(chunk), total, self._outlook)

    async def _decide(self, events: list[Event], snapshot: Snapshot) -> None:
        if not events:
            return
        people = [self._person(event) for event in events]
        now = self._store.clock.now()
        facts = await read_facts(
            self._store, self._keyring, snapshot, events, people, now, adopt=False, contacts=self._contacts
        )
        for number, (event, person) in enumerate(zip(events, people, strict=True)):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            then = replace(facts, now=event.time)
            for draft in draft_decisions(event, person, then):
                answer = self._answer(draft, then)
                decision, plan = settle(draft, answer)
                self._outlook.count(event, decision, plan.channels[0].value if plan else None)

    def _person(self, event: Event) -> Customer | None:
        """Who an event of the past is about, by its own word alone."""
        profile = profile_of(event)
        keys = keys_of(profile)
        if not keys:
            return None
        known = next((self._people[key] for key in keys if key in self._people), hashed_id("cus", keys[0]))
        self._people.update(dict.fromkeys(keys, known))
        return Customer(id=known, keys=tuple(keys), profile=profile, profile_at=event.time, created_at=event.time)

    def _answer(self, draft: Draft, facts: Facts) -> Answer | None:
        wish = wish_of(draft, facts)
        if wish is None:
            return None
        own = {name: self._contacts.get(name) or Contact(id=name) for name in wish.contacts}
        answers, changed = place([wish], own)
        answer = answers[wish.invitation]
        if isinstance(answer, Refusal):
            return answer
        hour = hour_of(facts.now)
        if self._hours[hour] >= (self._trigger.hourly_cap or facts.policy.hourly_cap):
            return Refusal(Reason.HOURLY_CAP, hour + HOUR)
        self._hours[hour] += 1
        self._contacts.update(changed)
        return answer
