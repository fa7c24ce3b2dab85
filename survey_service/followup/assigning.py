"""Assigning: how an owner is to be found, and what everybody has to do, go in; the owner of a case comes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from survey_service.calendars.zones import zone
from survey_service.models.follow_up import AssignBy, Assignment
from survey_service.models.person import Person, PersonRole
from survey_service.store.cases import Workload

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could take a case, and what they have to do; `work.lately` counts this calendar month."""

    person: Person
    work: Workload

    def taking_one_more(self, now: datetime) -> Candidate:
        """The same person with one more case, which came just now."""
        more = Workload(active=self.work.active + 1, last_at=now, lately=self.work.lately + 1)
        return replace(self, work=more)


def choose_owner(assignment: Assignment, touchpoint: str | None, candidates: Mapping[str, Candidate]) -> str | None:
    """The person who takes a case of `touchpoint`; None if nobody can.

    Whoever is not active takes none. Of people who have the same to do, the one takes it whose last case is longest
    ago, then the first by id: the same facts always name the same person.
    """
    able = {name: found for name, found in candidates.items() if found.person.active}
    named = [able[name] for name in assignment.people if name in able]
    match assignment.by:
        case AssignBy.PERSON:
            return named[0].person.id if named else None
        case AssignBy.ROUND_ROBIN:
            return _longest_ago(named)
        case AssignBy.TOUCHPOINT:
            return _manager_of(touchpoint, able.values())
        case AssignBy.ROTA:
            return _senior(assignment, touchpoint, named or able.values()) or _manager_of(touchpoint, able.values())


def month_start(person: Person, now: datetime) -> datetime:
    """When this calendar month began in the person's zone."""
    local = now.astimezone(zone(person.timezone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _manager_of(touchpoint: str | None, able: Iterable[Candidate]) -> str | None:
    """Of the touchpoint's managers, or else of those who stand for every touchpoint, the one with the least to do."""
    managers = [found for found in able if found.person.role is PersonRole.MANAGER]
    own = [found for found in managers if touchpoint in found.person.touchpoints]
    chosen = own or [found for found in managers if not found.person.touchpoints]
    return min(chosen, key=lambda found: (found.work.active, *_turn(found))).person.id if chosen else None


def _senior(assignment: Assignment, touchpoint: str | None, able: Iterable[Candidate]) -> str | None:
    """Of the senior managers with room this month, the one who took the fewest in it."""
    free = [
        found
        for found in able
        if found.person.role is PersonRole.SENIOR_MANAGER
        and found.work.lately < assignment.monthly
        and (not found.person.touchpoints or touchpoint in found.person.touchpoints)
    ]
    return min(free, key=lambda found: (found.work.lately, *_turn(found))).person.id if free else None


def _longest_ago(able: Iterable[Candidate]) -> str | None:
    first = min(able, key=_turn, default=None)
    return first.person.id if first else None


def _turn(found: Candidate) -> tuple[datetime, int, str]:
    """Cases of one batch come at the same moment: among those it is who had fewer."""
    return found.work.last_at or _NEVER, found.work.lately, found.person.id
