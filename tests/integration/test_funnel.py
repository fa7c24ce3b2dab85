"""What became of events, answers, rewards and cases: the figures beside scores, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.models.case import Case, CaseState
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import EventState
from survey_service.models.incentive import Reward, RewardState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.suppression import SuppressionReason
from survey_service.models.touchpoint import TouchpointContent
from survey_service.reporting.intervals import wilson
from survey_service.reporting.journeys import band_of, quartiles
from survey_service.store import journeys
from survey_service.store.store import Store
from survey_service.store.suppressions import person_suppression
from survey_service.tokens import Keyring, token_hash
from tests.support.factories import make_delivery, make_event, make_invitation
from tests.support.figures import START, answered, count_answers, load
from tests.support.problems import assert_problem, pointers
from tests.support.service import SECRET, ApiClient

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIOD = {"from": (START - DAY).isoformat(), "to": (START + 20 * DAY).isoformat()}

Row = dict[str, Any]


async def ask(api: ApiClient, name: str, **query: str | list[str]) -> list[Row]:
    answer = await api.get(f"/v1/metrics/{name}", params=PERIOD | query)
    body = await answer.json()
    assert answer.status == 200, body
    return list(body["data"])


def figures(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def invited(number: int, state: InvitationState, **changes: Any) -> Invitation:
    name = f"inv_{number}"
    token = {"kid": "00000000", "sha256": token_hash(name)}
    fields = {"id": name, "state": state, "created_at": START, "token": token, "touchpoint": "berlin"}
    return make_invitation(f"ord-{number}", **(fields | changes))


async def insert(store: Store, collection: str, rows: Sequence[Any]) -> None:
    await store.database[collection].insert_many([row.to_document() for row in rows])


SENT = {"sent_at": START + HOUR}
INVITATIONS = [
    invited(1, InvitationState.WAITING),
    invited(2, InvitationState.CANCELLED, reason=Reason.OPTED_OUT),
    invited(3, InvitationState.SENT, **SENT),  # nobody knows whether it arrived
    invited(4, InvitationState.SENT, **SENT),  # delivered
    invited(5, InvitationState.SENT, **SENT),  # bounced
    invited(6, InvitationState.SENT, **SENT),  # bounced once, delivered as a text message
    invited(7, InvitationState.STARTED, **SENT),  # answered, hence it arrived
    invited(8, InvitationState.FINISHED, **SENT),
    invited(9, InvitationState.FINISHED, touchpoint="hamburg", **SENT),
    invited(10, InvitationState.FINISHED, created_at=START - 2 * DAY, **SENT),  # before
]
MESSAGES = [(4, 1, "delivered"), (5, 1, "failed"), (6, 1, "failed"), (6, 2, "delivered"), (7, 1, "failed")]


def decided(number: int, outcome: Outcome, reason: Reason | None, touchpoint: str = "berlin") -> Any:
    decision = Decision(trigger="after-delivery", trigger_version=1, outcome=outcome, reason=reason)
    fields = {"state": EventState.DECIDED, "decided_at": START, "touchpoint": touchpoint, "decisions": (decision,)}
    return make_event(f"ord-{number}", **fields)


EVENTS = [
    decided(1, Outcome.INVITED, None),
    decided(2, Outcome.DEFERRED, Reason.COOLDOWN),
    decided(3, Outcome.SKIPPED, Reason.COOLDOWN),
    decided(4, Outcome.SKIPPED, Reason.COOLDOWN),
    decided(5, Outcome.SKIPPED, Reason.NO_CONSENT, "hamburg"),
    make_event("ord-6", state=EventState.DECIDED, decided_at=START, touchpoint="berlin", reason=Reason.NO_TRIGGER),
    make_event("ord-7"),  # pending
]


@pytest.fixture
async def funnel(api: ApiClient, store: Store) -> ApiClient:
    """A client of a service that has asked ten people."""
    await insert(store, "invitations", INVITATIONS)
    by_number = {int(row.id.removeprefix("inv_")): row for row in INVITATIONS}
    messages = [
        make_delivery(by_number[number], nth, provider_status=said, state="sent") for number, nth, said in MESSAGES
    ]
    await insert(store, "deliveries", messages)
    await insert(store, "events", EVENTS)
    keyring = Keyring([SECRET])
    reasons = [SuppressionReason.UNSUBSCRIBED, SuppressionReason.STOP, SuppressionReason.BOUNCED]
    rows = [person_suppression(keyring, f"cus_{one}", "acme", reason, START) for one, reason in enumerate(reasons)]
    await insert(store, "suppressions", rows)
    await store.configuration.touchpoints.put("berlin", TouchpointContent(name="Berlin", region="north"))
    return api


async def test_the_funnel_counts_each_step(funnel: ApiClient) -> None:
    (row,) = await ask(funnel, "funnel")
    steps = ("events", "invited", "sent", "delivered", "bounced", "started", "finished", "opted_out")
    assert figures(row, *steps) == (6, 9, 7, 5, 1, 3, 2, 2)
    assert row["not_invited"] == {"cooldown": 2, "no_consent": 1, "no_trigger": 1}
    rates = figures(row, "response_rate", "completion_rate", "bounce_rate", "opt_out_rate")
    assert rates == pytest.approx((100 * 3 / 7, 100 * 2 / 3, 100 / 7, 100 * 2 / 7))
    for name, part, of in (("response", 3, 7), ("completion", 2, 3), ("bounce", 1, 7), ("opt_out", 2, 7)):
        interval = wilson(part, of)
        expected = pytest.approx((100 * interval.low, 100 * interval.high))
        assert figures(row, f"{name}_rate_ci_low", f"{name}_rate_ci_high") == expected


async def test_the_funnel_tells_groups_apart(funnel: ApiClient) -> None:
    names = ("events", "invited", "sent", "finished", "not_invited")
    by_place = {row["touchpoint"]: figures(row, *names) for row in await ask(funnel, "funnel", group_by="touchpoint")}
    assert by_place == {
        "berlin": (5, 8, 6, 1, {"cooldown": 2, "no_trigger": 1}),
        "hamburg": (1, 1, 1, 1, {"no_consent": 1}),
    }
    by_region = {row["region"]: figures(row, *names) for row in await ask(funnel, "funnel", group_by="region")}
    assert by_region == {"north": by_place["berlin"], None: by_place["hamburg"]}
    (north,) = await ask(funnel, "funnel", region="north")
    assert figures(north, *names) == by_place["berlin"]


async def test_what_the_dimensions_cannot_tell_is_null(funnel: ApiClient) -> None:
    (row,) = await ask(funnel, "funnel", group_by="channel")
    assert figures(row, "channel", "invited", "events", "not_invited", "opted_out") == ("email", 9, None, None, None)
    (row,) = await ask(funnel, "funnel", brand="acme")
    assert figures(row, "invited", "events", "opted_out") == (9, None, 2)
    rows = await ask(funnel, "funnel", group_by="trigger")
    assert {row["trigger"]: figures(row, "events", "invited") for row in rows} == {
        "after-delivery": (5, 9),
        None: (0, 0),  # the event that no trigger asks about
    }


async def test_the_funnel_goes_by_periods_of_a_zone(funnel: ApiClient) -> None:
    rows = await ask(funnel, "funnel", granularity="day", timezone="Asia/Kathmandu")
    (row,) = [row for row in rows if row["invited"]]
    assert figures(row, "period_start", "period_end") == ("2025-11-02T18:15:00Z", "2025-11-03T18:15:00Z")


async def test_a_funnel_of_agents_with_few_sent_is_withheld(funnel: ApiClient) -> None:
    rows = await ask(funnel, "funnel", group_by="agent")
    assert [figures(row, "agent", "withheld", "invited") for row in rows] == [(None, False, 9)]  # seven of them sent
    few = await ask(funnel, "funnel", group_by="agent", touchpoint="hamburg")
    assert [figures(row, "withheld", "invited", "response_rate") for row in few] == [(True, None, None)]


async def test_times_to_answer_are_given_as_quartiles(api: ApiClient, store: Store) -> None:
    minutes = [1, 2, 4, 8, 60]
    rows = [invited(number, InvitationState.FINISHED, sent_at=START) for number, _ in enumerate(minutes)]
    await insert(store, "invitations", rows)
    answers = [
        answered(number, START + timedelta(minutes=late), invitation=f"inv_{number}", touchpoint="berlin")
        for number, late in enumerate(minutes)
    ]
    by_link = answered(8, touchpoint="hamburg")
    suspect = answered(9, START, invitation="inv_0", suspect="too_fast")
    await load(store, [*answers, by_link, suspect])
    (row,) = await ask(api, "times", group_by="touchpoint")
    names = ("touchpoint", "n", "p25_seconds", "median_seconds", "p75_seconds")
    assert figures(row, *names) == ("berlin", 5, 120.0, 240.0, 480.0)


def test_quartiles_are_those_of_the_values() -> None:
    assert quartiles([7.0]) == {"p25_seconds": 7.0, "median_seconds": 7.0, "p75_seconds": 7.0}
    assert set(quartiles([]).values()) == {None}


def reward(number: int, value: float, currency: str | None, **changes: Any) -> Reward:
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


async def test_incentives_cost_so_much_an_answer(api: ApiClient, store: Store) -> None:
    await load(store, [answered(number, touchpoint="berlin") for number in range(4)] + [answered(5, touchpoint=None)])
    await count_answers(store)
    rewards = [
        reward(1, 5.0, "EUR"),
        reward(2, 5.0, "EUR"),
        reward(3, 8.0, "GBP"),
        reward(4, 5.0, "EUR", state=RewardState.HELD, granted_at=None),
    ]
    await insert(store, "rewards", rewards)
    names = ("touchpoint", "currency", "rewards", "cost", "answers", "cost_per_answer")
    assert [figures(row, *names) for row in await ask(api, "incentives", group_by="touchpoint")] == [
        (None, None, 0, 0.0, 1, 0.0),
        ("berlin", "EUR", 2, 10.0, 4, 2.5),
        ("berlin", "GBP", 1, 8.0, 4, 2.0),
    ]


def a_case(number: int, state: CaseState, closed_at: datetime | None = None, **changes: Any) -> Case:
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


async def test_cases_are_counted_with_the_time_they_took(api: ApiClient, store: Store) -> None:
    cases = [
        a_case(1, CaseState.OPEN, overdue=True),
        a_case(2, CaseState.WAITING),
        a_case(3, CaseState.RESOLVED, START + HOUR),
        a_case(4, CaseState.CLOSED, START + 3 * HOUR),
    ]
    await insert(store, "cases", cases)
    (row,) = await ask(api, "cases", group_by="touchpoint")
    assert figures(row, "touchpoint", "opened", "active", "overdue", "closed") == ("berlin", 4, 2, 1, 2)
    assert figures(row, "p25_seconds", "median_seconds", "p75_seconds") == (5400.0, 7200.0, 9000.0)


async def test_returns_tell_whether_those_who_were_helped_come_back(api: ApiClient, store: Store) -> None:
    people = [(1, 2, True), (2, 2, False), (3, 3, True), (4, 10, True), (5, 10, False), (6, 10, True)]
    await load(
        store, [answered(number, scores={"nps": score}, customer=f"cus_{number}") for number, score, _ in people]
    )
    of_customers = {1: CaseState.RESOLVED, 2: CaseState.OPEN}
    await insert(
        store, "cases", [a_case(number, state, customer=f"cus_{number}") for number, state in of_customers.items()]
    )
    later = [
        make_event(f"new-{number}", customer=f"cus_{number}", time=START + 5 * DAY)
        for number, _, returned in people
        if returned
    ]
    others = [
        make_event("before", customer="cus_2", time=START - DAY),
        make_event("late", customer="cus_2", time=START + 40 * DAY),
        make_event("other", customer="cus_5", time=START + DAY, type="order.returned"),
    ]
    await insert(store, "events", [*later, *others])
    rows = await ask(api, "returns", event_type="order.delivered", within="P30D")
    assert [figures(row, "metric", "band", "case", "answers", "returned", "return_rate") for row in rows] == [
        ("nps", "detractors", "none", 1, 1, 100.0),
        ("nps", "detractors", "open", 1, 0, 0.0),
        ("nps", "detractors", "resolved", 1, 1, 100.0),
        ("nps", "promoters", "none", 3, 2, pytest.approx(200 / 3)),
    ]
    assert all(row["ci_low"] <= row["return_rate"] <= row["ci_high"] for row in rows)


async def test_answers_that_are_too_young_say_nothing_of_returns(api: ApiClient, store: Store) -> None:
    now = store.clock.now()
    await load(store, [answered(1, now - 2 * DAY, customer="cus_1"), answered(2, now - 8 * DAY, customer="cus_2")])
    query = {"event_type": "order.delivered", "within": "P7D", "from": (now - 20 * DAY).isoformat()}
    answer = await api.get("/v1/metrics/returns", params=query)
    assert [row["answers"] for row in (await answer.json())["data"]] == [1]


@pytest.mark.parametrize(
    ("metric", "scale", "score", "band"),
    [
        ("nps", "0-10", 7, "passives"),
        ("csat", "1-5", 4, "satisfied"),
        ("csat", "yes-no", 0, "others"),
        ("ces", "1-7", 5, "easy"),
        ("mood", "1-3", 1, None),
    ],
)
def test_a_score_lies_in_the_band_that_its_metric_counts(metric: str, scale: str, score: int, band: str | None) -> None:
    assert band_of(metric, scale, score) == band


@pytest.mark.parametrize(
    ("name", "query", "pointer"),
    [
        ("funnel", {"group_by": "question"}, "/group_by"),
        ("cases", {"group_by": "variant"}, "/group_by"),
        ("incentives", {"channel": "sms"}, "/group_by"),
        ("times", {"question": "nps"}, "/group_by"),
        ("returns", {}, "/event_type"),
        ("returns", {"event_type": "a", "within": "a month"}, "/within"),
        ("returns", {"event_type": "a", "within": "PT0S"}, "/within"),
    ],
)
async def test_what_rows_cannot_tell_is_refused(api: ApiClient, name: str, query: dict[str, str], pointer: str) -> None:
    answer = await api.get(f"/v1/metrics/{name}", params=PERIOD | query)
    assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}


@pytest.mark.parametrize(("name", "query"), [("funnel", {}), ("times", {}), ("returns", {"event_type": "a"})])
async def test_more_rows_than_may_be_joined_are_refused(
    api: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch, name: str, query: dict[str, str]
) -> None:
    monkeypatch.setattr(journeys, "MOST_JOINED", 1)
    await insert(store, "invitations", INVITATIONS)
    await load(store, [answered(number, customer="cus_1", invitation="inv_3") for number in range(2)])
    answer = await api.get(f"/v1/metrics/{name}", params=PERIOD | query)
    assert pointers(await assert_problem(answer, 422, "invalid")) == {"/from"}


@pytest.mark.parametrize("name", ["funnel", "times", "incentives", "cases", "returns"])
async def test_an_empty_service_has_no_rows(api: ApiClient, name: str) -> None:
    query = {"event_type": "order.delivered"} if name == "returns" else {}
    assert await ask(api, name, granularity="week", timezone="Asia/Kathmandu", **query) == []
