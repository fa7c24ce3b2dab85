"""What became of events, answers, rewards and cases: the figures beside scores, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.models.case import Case, CaseState
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import EventState
from survey_service.models.incentive import Reward, RewardState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.rollup import stored_values, text_of
from survey_service.models.suppression import SuppressionReason
from survey_service.models.touchpoint import TouchpointContent
from survey_service.parts import Parts
from survey_service.reporting.intervals import newcombe, wilson
from survey_service.reporting.journeys import band_of, quartiles
from survey_service.store import journeys
from survey_service.store.store import Store
from survey_service.store.suppressions import person_suppression
from survey_service.tokens import Keyring, token_hash
from tests.support.factories import make_customer, make_delivery, make_event, make_invitation
from tests.support.figures import START, answered, count_answers, load
from tests.support.problems import assert_problem, pointers
from tests.support.service import SECRET, ApiClient, api_client

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
    fields["dimensions"] = {"agent": None}  # its survey lists agents, and the event names none
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


async def test_rates_are_compared_with_those_of_a_group_and_of_another_time(funnel: ApiClient) -> None:
    hamburg, berlin = sorted(
        await ask(funnel, "funnel", group_by="touchpoint", compare="baseline", baseline="hamburg"),
        key=lambda row: row["touchpoint"] == "berlin",
    )
    assert set(hamburg["changes"].values()) == {None}
    interval = newcombe(2, 6, 1, 1)
    assert berlin["changes"]["response_rate"] == {
        "rate": 100.0,
        "n": 1,
        "change": pytest.approx(100 * (2 / 6 - 1)),
        "ci_low": pytest.approx(100 * interval.low),
        "ci_high": pytest.approx(100 * interval.high),
        "significant": False,
    }
    assert berlin["changes"]["opt_out_rate"] is None
    (row,) = await ask(funnel, "funnel", compare="previous", compare_from=(START - 40 * DAY).isoformat())
    assert set(row["changes"].values()) == {None}
    rows = await ask(funnel, "funnel", granularity="day", compare="previous", **{"from": START.isoformat()})
    (row,) = [row for row in rows if row["invited"]]
    assert row["changes"]["completion_rate"] is None  # one was invited two days before, none the day before
    times = {"from": START.isoformat(), "to": (START + DAY).isoformat()}
    (row,) = await ask(funnel, "funnel", compare="previous", compare_from=(START - 2 * DAY).isoformat(), **times)
    figure = row["changes"]["completion_rate"]
    assert (figure["rate"], figure["n"], figure["change"]) == (100.0, 1, pytest.approx(100 * (2 / 3 - 1)))
    refused = await funnel.get("/v1/metrics/funnel", params={"compare": "previous", "granularity": "day"})
    assert pointers(await assert_problem(refused, 422, "invalid")) == {"/from"}


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
    few = await ask(api, "incentives", group_by="touchpoint", min_n="2")
    assert [figures(row, "withheld", "rewards") for row in few] == [(True, None), (False, 2), (False, 1)]


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
        a_case(2, CaseState.WAITING, due_by=store.clock.now() + DAY),
        a_case(3, CaseState.RESOLVED, START + HOUR),
        a_case(4, CaseState.CLOSED, START + 3 * HOUR),
    ]
    await insert(store, "cases", cases)
    (row,) = await ask(api, "cases", group_by="touchpoint")
    assert figures(row, "touchpoint", "opened", "active", "overdue", "closed") == ("berlin", 4, 2, 1, 2)
    assert figures(row, "p25_seconds", "median_seconds", "p75_seconds") == (5400.0, 7200.0, 9000.0)
    (row,) = await ask(api, "cases", min_n="5")
    assert figures(row, "withheld", "opened", "median_seconds") == (True, None, None)


async def test_open_cases_are_counted_at_the_end_of_each_period_however_old_they_are(
    api: ApiClient, store: Store
) -> None:
    long_ago, late = START - 400 * DAY, {"due_by": START + 30 * DAY}
    cases = [
        a_case(1, CaseState.OPEN, opened_at=long_ago, due_by=long_ago + DAY, touchpoint="hamburg"),
        a_case(2, CaseState.CLOSED, START + DAY, opened_at=long_ago, **late),
        a_case(3, CaseState.RESOLVED, START + 8 * DAY, due_by=START + DAY),
        a_case(4, CaseState.OPEN, opened_at=START + 7 * DAY, **late),
        a_case(5, CaseState.CLOSED, START - 30 * DAY, opened_at=long_ago),
        a_case(6, CaseState.OPEN, opened_at=START + 22 * DAY),
    ]
    await insert(store, "cases", cases)
    names = ("period_start", "opened", "active", "overdue", "closed")
    time = {"from": START.isoformat(), "to": (START + 15 * DAY).isoformat(), "granularity": "week"}
    assert [figures(row, *names) for row in await ask(api, "cases", **time)] == [
        ("2025-11-03T00:00:00Z", 1, 2, 2, 1),
        ("2025-11-10T00:00:00Z", 1, 2, 1, 0),
        ("2025-11-17T00:00:00Z", 0, 2, 1, 0),
    ]
    (row,) = await ask(api, "cases", touchpoint="hamburg")
    assert figures(row, "opened", "active", "overdue", "closed") == (0, 1, 1, 0)
    answer = await api.get("/v1/metrics/cases")
    assert [row["active"] for row in (await answer.json())["data"]] == [3]


WHENCE: Row = {
    "trigger": "t",
    "variant": "B",
    "channel": "sms",
    "language": "en",
    "dimensions": {"agent": "a-1", "tier": 5},
}


@pytest.mark.parametrize(
    ("query", "group"),
    [
        ({"group_by": "agent,variant"}, ("a-1", "B")),
        ({"group_by": "tier,channel"}, ("5", "sms")),
        ({"group_by": "trigger,language", "agent": "a-1"}, ("t", "en")),
        ({"group_by": "variant", "where": "tier:5", "channel": "sms"}, ("B",)),
    ],
)
async def test_what_follows_answers_is_told_apart_as_they_are(
    api: ApiClient, store: Store, query: dict[str, str], group: tuple[str, ...]
) -> None:
    numbers = range(5)
    others = [answered(9, variant="A", dimensions={"agent": "a-2", "tier": "gold"}), answered(8)]
    await load(store, [*(answered(number, **WHENCE) for number in numbers), *others])
    await count_answers(store)
    await insert(store, "rewards", [reward(number, 2.0, "EUR", **WHENCE) for number in numbers])
    await insert(store, "cases", [a_case(number, CaseState.OPEN, **WHENCE) for number in numbers])
    (costs,) = [row for row in await ask(api, "incentives", **query) if row["cost"]]
    cases = await ask(api, "cases", **query)
    names = query["group_by"].split(",")
    assert figures(costs, *names, "cost", "cost_per_answer") == (*group, 10.0, 2.0)
    assert [figures(row, *names, "opened", "active", "withheld") for row in cases] == [(*group, 5, 5, False)]


async def test_cases_and_costs_of_agents_with_few_answers_are_withheld(api: ApiClient, store: Store) -> None:
    await load(store, [answered(1, **WHENCE)])
    await count_answers(store)
    await insert(store, "rewards", [reward(1, 2.0, "EUR", **WHENCE)])
    await insert(store, "cases", [a_case(1, CaseState.OPEN, **WHENCE)])
    for name, figure in (("incentives", "cost"), ("cases", "opened")):
        (row,) = await ask(api, name, group_by="agent")
        assert figures(row, "agent", "withheld", figure) == ("a-1", True, None)
        answer = await api.get(f"/v1/metrics/{name}", params={"group_by": "agent", "min_n": "1"})
        assert pointers(await assert_problem(answer, 422, "invalid")) == {"/min_n"}


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
    assert all(row["period_complete"] for row in rows)


@pytest.mark.parametrize(
    ("keys", "returned"),
    [
        (["id:c-1"], 1),
        (["id:c-1", "email:family@example.com"], 1),
        (["email:family@example.com"], 1),
        (["id:c-2", "email:family@example.com"], 0),  # another person with the same mailbox
        (["phone:+4915100000000"], 0),
        ([], 0),
    ],
)
async def test_who_came_back_by_an_imported_event_came_back(
    api: ApiClient, store: Store, keys: list[str], returned: int
) -> None:
    await load(store, [answered(1, customer="cus_1"), answered(2, customer="cus_gone")])
    await insert(store, "customers", [make_customer("c-1", id="cus_1", keys=("id:c-1", "email:family@example.com"))])
    known = make_event("new-1", time=START + DAY, state=EventState.DECIDED, reason=Reason.IMPORTED, keys=keys)
    await insert(store, "events", [known])
    (row,) = await ask(api, "returns", event_type="order.delivered", within="P30D")
    assert figures(row, "answers", "returned") == (2, returned)


async def test_answers_that_are_too_young_say_nothing_of_returns(api: ApiClient, store: Store) -> None:
    now = store.clock.now()
    ages = {1: 2, 2: 8, 3: 36, 4: 38}
    await load(store, [answered(number, now - days * DAY, customer=f"cus_{number}") for number, days in ages.items()])
    query = {"event_type": "order.delivered", "within": "P7D"}
    answer = await api.get("/v1/metrics/returns", params=query)
    assert [figures(row, "answers", "period_complete") for row in (await answer.json())["data"]] == [(2, False)]
    to = (now - 8 * DAY + HOUR).isoformat()
    answer = await api.get("/v1/metrics/returns", params={**query, "to": to, "granularity": "hour"})
    rows = (await answer.json())["data"]
    assert [figures(row, "answers", "period_complete") for row in rows] == [(1, True), (1, True)]


@pytest.mark.parametrize(
    ("days", "pointer"),
    [
        ({"retain_events_days": 80}, "/within"),
        ({"retain_answers_days": 100, "retain_events_days": 500}, "/from"),
        ({"retain_events_days": 121}, None),
    ],
)
async def test_returns_are_not_told_of_rows_that_do_not_say_any_more_whose_they_are(
    parts: Parts, days: dict[str, int], pointer: str | None
) -> None:
    forgetful = replace(parts, settings=parts.settings.model_copy(update=days))
    async with api_client(forgetful) as client:
        answer = await client.get("/v1/metrics/returns", params={"event_type": "order.delivered"})
        if pointer is None:
            assert answer.status == 200
        else:
            assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}


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
        ("cases", {"group_by": "topic"}, "/group_by"),
        ("incentives", {"question": "nps"}, "/question"),
        ("times", {"topic": "price", "group_by": "touchpoint"}, "/topic"),
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


async def test_only_rows_that_match_the_filters_count_as_too_many(
    funnel: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journeys, "MOST_JOINED", 1)
    monkeypatch.setattr(journeys, "MOST_COUNTED", 1)
    (row,) = await ask(funnel, "funnel", touchpoint="hamburg")
    assert figures(row, "events", "invited", "finished") == (1, 1, 1)
    await store.configuration.touchpoints.put("hamburg", TouchpointContent(name="Hamburg", region="coast"))
    (row,) = await ask(funnel, "funnel", region="coast")
    assert figures(row, "events", "invited", "finished") == (1, 1, 1)
    monkeypatch.setattr(journeys, "MOST_JOINED", 9)
    answer = await funnel.get("/v1/metrics/funnel", params=PERIOD)  # nine invitations, and six events
    assert pointers(await assert_problem(answer, 422, "invalid")) == {"/from"}
    people = [answered(1, customer="cus_1", dimensions={"tier": 5}), answered(2, customer="cus_2")]
    monkeypatch.setattr(journeys, "MOST_JOINED", 1)
    await load(store, people)
    await count_answers(store)
    (row,) = await ask(funnel, "returns", event_type="order.delivered", where="tier:5")
    assert row["answers"] == 1


@pytest.mark.parametrize(
    ("text", "stored"), [("5", [5, 5.0, "5"]), ("true", [True]), ("0.1", [0.1]), ("gold", ["gold"]), (None, [None])]
)
def test_filters_find_all_that_is_stored_as_that_text(text: str | None, stored: list[Any]) -> None:
    assert all(text_of(value) == text and value in stored_values([text]) for value in stored)


@pytest.mark.parametrize("name", ["funnel", "times", "incentives", "cases", "returns"])
async def test_an_empty_service_has_no_rows(api: ApiClient, name: str) -> None:
    query = {"event_type": "order.delivered"} if name == "returns" else {}
    assert await ask(api, name, granularity="week", timezone="Asia/Kathmandu", **query) == []
