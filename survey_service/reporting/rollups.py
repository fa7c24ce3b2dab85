"""The rollups stage: slices of answers that are not counted yet come in; their cells go out, equal to a full count."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import structlog

from survey_service.models.rollup import RollupSlice
from survey_service.reporting.cells import places_of
from survey_service.store.claims import Claim
from survey_service.store.rollups import Keys, LostSlice, Rollups, SharedFacts, Tally

log = structlog.get_logger()


def tally(facts: Iterable[SharedFacts]) -> Tally:
    """Facts, each with how many responses share it, as counts by cell. Pure."""
    counts: defaultdict[tuple[str, str, str, str], defaultdict[Keys, Counter[int]]]
    counts = defaultdict(lambda: defaultdict(Counter))
    for shared, responses in facts:
        for place in places_of(shared):
            given = place.given
            of = "+".join(place.cube), given.question, given.metric, given.scale
            counts[of][place.keys][given.value] += responses
    return counts


class CountAnswers:
    """The stage's handler."""

    def __init__(self, rollups: Rollups) -> None:
        self._rollups = rollups

    async def __call__(self, claim: Claim[RollupSlice]) -> None:
        """Count each slice anew; one that another worker took over is that worker's."""
        for row in claim.rows:
            try:
                await self._rollups.recount(row, tally)
            except LostSlice:
                log.info("rollups.lost_slice", slice=row.id)
