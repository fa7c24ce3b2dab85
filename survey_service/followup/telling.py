"""Telling: documents with news come in; each listener hears each of the news, and the outbox is emptied.

A listener may hear the same news again, after a crash between two of them: it makes the same rows under the same ids.
One that fails keeps the news in their outbox, for another try, and none of the others from hearing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from survey_service.errors import Unavailable
from survey_service.models.outbox import News, Telling
from survey_service.store.claims import Claim
from survey_service.store.faults import as_service_error
from survey_service.store.outbox import Outboxes, TakingTurns

RowT = TypeVar("RowT", bound=Telling)


@dataclass(frozen=True, slots=True)
class Told(Generic[RowT]):
    """One of the news, with the document that it is about as it stands now."""

    news: News
    about: RowT


class Listener(Protocol[RowT]):
    """Does what follows from news; hearing the same twice does it once."""

    async def __call__(self, told: Sequence[Told[RowT]]) -> None:
        """Raises what a stage may raise; everything is then told again."""
        ...


class Tell(Generic[RowT]):
    """The handler of one collection's outboxes."""

    def __init__(self, outboxes: Outboxes[RowT], listeners: Sequence[Listener[RowT]]) -> None:
        self.outboxes = outboxes
        self._listeners = tuple(listeners)

    async def __call__(self, claim: Claim[RowT]) -> None:
        """Tell all that the claimed documents have to tell, in the order of the listeners."""
        told = [Told(news, row) for row in claim.rows for news in row.outbox.entries]
        failures: list[Exception] = []
        for listener in self._listeners:
            try:
                await listener(told)
            except Exception as error:
                if isinstance(as_service_error(error), Unavailable):
                    raise  # of no use to the next one either
                failures.append(error)
        if failures:
            raise ExceptionGroup("listeners failed", failures)
        await self.outboxes.settle({row.id: [news.id for news in row.outbox.entries] for row in claim.rows})


class TellInTurn:
    """The handler of several collections' outboxes, and the claims on all of them: one stage looks after them."""

    def __init__(self, *tells: Tell[Any]) -> None:
        self._of = {tell.outboxes.row: tell for tell in tells}
        self.claims = TakingTurns([tell.outboxes for tell in tells])

    @property
    def documents(self) -> frozenset[type[Telling]]:
        """The kinds of documents that are told of."""
        return frozenset(self._of)

    async def __call__(self, claim: Claim[Any]) -> None:
        """Tell what one collection's claimed documents have to tell."""
        await self._of[type(claim.rows[0])](claim)
