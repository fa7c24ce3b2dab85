"""Finishing: partial responses that nothing more came to come in; they go out finished, by timeout."""

from __future__ import annotations

from survey_service.answering.revisions import finished_by_timeout
from survey_service.models.response import Response, ResponseStatus
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import RESPONSES
from survey_service.work.bells import Bells


class FinishResponses:
    """The finishing stage's handler."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells

    async def __call__(self, claim: Claim[Response]) -> None:
        """End each response of a claim; one that its customer has just gone on with is theirs again."""
        for row in claim.rows:
            if row.status is not ResponseStatus.PARTIAL:
                continue
            response = finished_by_timeout(row, self._store.clock.now())
            if await self._store.responses.save(response):
                RESPONSES.labels(response.survey, response.status.value).inc()
                self._bells.ring("following")
