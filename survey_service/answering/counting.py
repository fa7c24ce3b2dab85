"""Counting: ballots come in once an hour; of each box that holds enough of them, all leave together as responses.

They leave for their names, not in the order in which they came. Until then nobody is shown them, and nothing follows
from them.
"""

from __future__ import annotations

from functools import partial

import structlog

from survey_service.answering.ballots import FEWEST, ballot_of, counted, next_hour
from survey_service.answering.revisions import finished_by_timeout
from survey_service.models.ballot import Ballot
from survey_service.models.response import ResponseStatus
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import RESPONSES
from survey_service.work.bells import Bells

log = structlog.get_logger()

STAGE = "ballots"


class CountBallots:
    """The handler of the stage that empties boxes; `least` answers leave together, or more."""

    def __init__(self, store: Store, bells: Bells, least: int) -> None:
        self._store = store
        self._bells = bells
        self._fewest = max(FEWEST, least)

    async def __call__(self, claim: Claim[Ballot]) -> None:
        """Take those that nothing more came to for the whole, empty each box that may be, and let the rest wait."""
        now = self._store.clock.now()
        for row in claim.rows:
            if row.status is ResponseStatus.PARTIAL:
                await self._end(row)
        for box in sorted({row.box for row in claim.rows}):
            left = await self._store.ballots.count_box(box, self._fewest, partial(counted, now=now))
            if left:
                log.info("ballots.counted", survey=left[0].survey, answers=len(left))
                RESPONSES.labels(left[0].survey, ResponseStatus.FINISHED.value).inc(len(left))
                self._bells.ring("following")
        await self._store.ballots.wait(claim.lease, next_hour(now))

    async def _end(self, row: Ballot) -> None:
        now = self._store.clock.now()
        survey = await self._store.configuration.survey(row.survey, row.survey_version)
        if survey is not None:
            await self._store.ballots.cast(ballot_of(finished_by_timeout(row, now), survey, now))
