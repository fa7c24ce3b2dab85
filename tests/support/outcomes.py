"""What became of answers: rewards and cases that lie there, and the figures that the API tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.case import Case, CaseState
from survey_service.models.incentive import Reward, RewardState
from survey_service.store.store import Store
from tests.support.figures import START, answered
from tests.support.service import ApiClient

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIOD = {"from": (START - DAY).isoformat(), "to": (START + 20 * DAY).isoformat()}

Row = dict[str, Any]


async def ask(api: ApiClient, name: str, **query: str | list[str]) -> list[Row]:
    """The rows of `/v1/metrics/{name}` over three weeks."""
    answer = await api.get(f"/v1/metrics/{name}", params=PERIOD | query)
    body = await answer.json()
    assert answer.status == 200, body
    return list(body["data"])


def figures(row: Row, *names: str) -> tuple[Any, ...]:
    """Some of a row's figures."""
    return tuple(row[name] for name in names)


async def insert(store: Store, collection: str, rows: Sequence[Any]) -> None:
    """Store rows past the service."""
    await store.database[collection].insert_many([row.to_document() for row in rows])


def reward(number: int, value: float, currency: str | None, **changes: Any) -> Reward:
    """A voucher that was given."""
    fields = {
        "id": f"rwd_{number}",
        "incentive": "voucher",
        "name": "Voucher",
        "text": {"en": "5 off"},
        "response": f"rsp_{number}",
        "brand": "acme",
        "survey": "after-delivery",
        "touchpoint": "berlin",
        "state": RewardState.GRANTED,
        "value": value,
        "currency": currency,
        "created_at": START,
        "granted_at": START,
    }
    return Reward.model_validate(fields | changes)


def a_case(number: int, state: CaseState, closed_at: datetime | None = None, **changes: Any) -> Case:
    """A case of a day in November."""
    fields = {
        "id": f"cas_{number}",
        "state": state,
        "title": "Unhappy",
        "rule": "unhappy",
        "response": answered(number).id,
        "survey": "after-delivery",
        "brand": "acme",
        "touchpoint": "berlin",
        "channel": "email",
        "metric": "nps",
        "scale": "0-10",
        "due_within": "P2D",
        "due_by": START + 2 * DAY,
        "opened_at": START,
        "closed_at": closed_at,
    }
    return Case.model_validate(fields | changes)
