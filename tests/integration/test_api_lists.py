"""Lists: pages, cursors, filters and reading by what changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import Event, EventState
from survey_service.models.response import ResponseStatus
from survey_service.store.store import Store
from tests.support.factories import NOON, OUR_CUSTOMER, SOURCE, make_event, make_response
from tests.support.problems import assert_problem
from tests.support.service import BASE_URL, ApiClient


async def read(api: ApiClient, path: str) -> dict[str, Any]:
    response = await api.get(path)
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def read_all(api: ApiClient, path: str) -> list[dict[str, Any]]:
    """Every row of a list, by following `next`."""
    rows = []
    while path:
        body = await read(api, path)
        assert body.keys() == {"data", "next"}
        rows += body["data"]
        path = (body["next"] or "").removeprefix(BASE_URL)
    return rows


async def insert_events(store: Store, *events: Event) -> None:
    await store.events.insert([event.to_document() for event in events])


async def test_a_list_is_newest_first_and_next_keeps_the_other_parameters(api: ApiClient, store: Store) -> None:
    events = [make_event(f"ord-{n}", received_at=NOON + timedelta(seconds=n // 2)) for n in range(5)]
    await insert_events(store, *events, make_event("other", type="order.returned"))
    response = await api.get("/v1/events?type=order.delivered&limit=2")
    body = await response.json()
    assert body["next"].startswith(f"{BASE_URL}/v1/events?")
    assert "type=order.delivered" in body["next"]
    assert response.headers["Link"] == f'<{body["next"]}>; rel="next"'
    rows = await read_all(api, "/v1/events?type=order.delivered&limit=2")
    expected = sorted(events, key=lambda event: (event.received_at, event.id), reverse=True)
    assert [row["key"] for row in rows] == [event.id for event in expected]


async def test_an_event_shows_its_decisions(api: ApiClient, store: Store) -> None:
    invited = Decision(trigger="after-delivery", trigger_version=3, outcome=Outcome.INVITED, invitation="inv_1")
    event = make_event(state=EventState.DECIDED, decisions=(invited,), decided_at=NOON, customer=OUR_CUSTOMER)
    await insert_events(store, event)
    body = await read(api, f"/v1/events/{event.id}")
    assert (body["key"], body["id"], body["source"], body["state"]) == (event.id, "ord-1", SOURCE, "decided")
    assert body["time"] == "2025-11-22T12:00:00Z"
    assert body["decisions"] == [
        {
            "trigger": "after-delivery",
            "trigger_version": 3,
            "outcome": "invited",
            "reason": None,
            "detail": None,
            "invitation": "inv_1",
            "values": {},
            "next_eligible_at": None,
        }
    ]
    assert [row["key"] for row in await read_all(api, f"/v1/events?source={SOURCE}&id=ord-1")] == [event.id]
    assert [row["key"] for row in await read_all(api, "/v1/events?id=ord-1")] == [event.id]
    assert await read_all(api, "/v1/events?source=/elsewhere&id=ord-1") == []


async def test_decisions_are_paged_through_the_middle_of_an_event(api: ApiClient, store: Store) -> None:
    skipped = [
        Decision(trigger=f"t{n}", trigger_version=1, outcome=Outcome.SKIPPED, reason=Reason.STALE) for n in range(5)
    ]
    decided = {"state": EventState.DECIDED}
    await insert_events(
        store,
        make_event("a", decisions=tuple(skipped), decided_at=NOON, **decided),
        make_event("b", decisions=tuple(skipped[:2]), decided_at=NOON, **decided),
        make_event("c", reason=Reason.NO_TRIGGER, decided_at=NOON + timedelta(seconds=1), **decided),
        make_event("d"),
    )
    rows = await read_all(api, "/v1/decisions?limit=3")
    assert (rows[0]["event_id"], rows[0]["trigger"], rows[0]["reason"]) == ("c", None, "no_trigger")
    assert sorted((row["event_id"], row["trigger"]) for row in rows[1:]) == [
        *(("a", f"t{n}") for n in range(5)),
        *(("b", f"t{n}") for n in range(2)),
    ]
    assert len(await read_all(api, "/v1/decisions?trigger=t1&limit=1")) == 2
    assert len(await read_all(api, "/v1/decisions?outcome=skipped&reason=stale")) == 7
    assert [row["event_id"] for row in await read_all(api, "/v1/decisions?reason=no_trigger")] == ["c"]
    assert await read_all(api, "/v1/decisions?event_type=order.returned") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"ord-1", "ord-2", "ord-3"}),
        ("status=finished", {"ord-1", "ord-3"}),
        ("suspect=false", {"ord-1", "ord-2"}),
        ("suspect=true", {"ord-3"}),
        ("customer=c-42", {"ord-1", "ord-3"}),
        (f"customer={OUR_CUSTOMER}", {"ord-1", "ord-3"}),
        ("language=de&metric=nps&channel=email&survey=after-delivery&trigger=after-delivery", {"ord-1", "ord-3"}),
        ("touchpoint=hotline", {"ord-2"}),
        ("customer=$ne", set()),
    ],
)
async def test_filters_of_responses(api: ApiClient, store: Store, query: str, expected: set[str]) -> None:
    partial = {"status": ResponseStatus.PARTIAL, "finished_by": None, "finished_at": None}
    elsewhere = {"customer": "cus_x", "customer_ref": "c-7", "language": "en", "touchpoint": "hotline"}
    for response in (
        make_response("ord-1"),
        make_response("ord-2", **partial, **elsewhere),
        make_response("ord-3", suspect="too_fast"),
    ):
        assert await store.responses.save(response)
    assert {row["event_id"] for row in await read_all(api, f"/v1/responses?{query}")} == expected


async def test_a_response_is_a_flat_row(api: ApiClient, store: Store) -> None:
    response = make_response()
    await store.responses.save(response)
    (listed,) = await read_all(api, "/v1/responses")
    assert listed == await read(api, f"/v1/responses/{response.id}")
    assert (listed["agent"], listed["score"], listed["customer"]) == ("a-7", 9, "c-42")
    assert listed["finished_at"] == "2025-11-22T12:01:00Z"


async def test_changes_come_oldest_first_and_stop_five_seconds_before_now(api: ApiClient, store: Store) -> None:
    for number in range(3):
        await store.responses.save(make_response(f"ord-{number}"))
    path = "/v1/responses?updated_since=2020-01-01T00:00:00Z&limit=2"
    assert await read_all(api, path) == []
    store.clock.shift = timedelta(seconds=6)
    assert [row["event_id"] for row in await read_all(api, path)] == ["ord-0", "ord-1", "ord-2"]
    assert await read_all(api, f"{path}&updated_before=2020-01-02T00:00:00Z") == []


@pytest.mark.parametrize("path", ["events", "invitations", "deliveries", "responses", "suppressions"])
async def test_an_unknown_id_is_not_found(api: ApiClient, path: str) -> None:
    await assert_problem(await api.get(f"/v1/{path}/x_1"), 404, "not_found")
