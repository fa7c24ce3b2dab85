"""Answers for tests of figures: what matters is named; counting them; and an own recount to hold figures against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from survey_service.models.ids import hashed_id
from survey_service.models.response import Measure, Response
from survey_service.models.rollup import Span
from survey_service.reporting.rollups import CountAnswers
from survey_service.store.rollups import recount_mark
from survey_service.store.store import Store
from tests.support.factories import make_response

START = datetime(2025, 11, 3, 10, 20, tzinfo=UTC)  # a Monday
SCALES = {"nps": "0-10", "csat": "1-5", "ces": "1-7", "stars": "1-10", "solved": "yes-no"}
KINDS = {"stars": "csat", "solved": "csat"}


def answered(number: int, at: datetime = START, scores: Mapping[str, int] | None = None, **changes: Any) -> Response:
    """A response whose first answer came `at`; `scores` are by question, which is called like its metric."""
    given = {"nps": 9} if scores is None else dict(scores)
    measures = {name: Measure(metric=KINDS.get(name, name), scale=SCALES[name]) for name in given}
    fields = {
        "id": hashed_id("rsp", str(number)),
        "invitation": None,
        "customer": None,
        "scores": given,
        "measures": measures,
        "answers": given,
        "score": given.get("nps"),
        "started_at": at,
        "finished_at": at,
    }
    return make_response(f"ord-{number}", **(fields | changes))


async def load(store: Store, responses: Iterable[Response]) -> None:
    """Store responses as a load past the service would, to be counted."""
    documents = [{**row.to_document(), "updated_at": row.started_at, **recount_mark()} for row in responses]
    await store.database["responses"].insert_many(documents)


async def count_answers(store: Store) -> int:
    """Do what the rollups stage does until nothing is left; returns how many slices were counted."""
    handle, counted = CountAnswers(store.rollups), 0
    while claim := await store.rollups.claim(20):
        await handle(claim)
        await store.rollups.release(claim.lease)
        counted += len(claim.rows)
    return counted


Cell = tuple[Any, ...]


async def stored_cells(store: Store, span: Span) -> Counter[Cell]:
    """Every cell of the rollups, with how often its value was given."""
    cells: Counter[Cell] = Counter()
    async for row in store.database["rollups"].find({"span": span.value}):
        of = (row["survey"], row["start"], row["cube"], row["question"], row["metric"], row["scale"])
        for cell in row["cells"]:
            for value, count in enumerate(cell["v"]):
                if count:
                    cells[*of, cell.get("a"), cell.get("b"), value] += count
    return cells
