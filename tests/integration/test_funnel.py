"""What became of events and invitations: the figures beside scores, counted by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import EventState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.rollup import stored_values, text_of
from survey_service.models.suppression import SuppressionReason
from survey_service.models.touchpoint import TouchpointContent
from survey_service.reporting.intervals import newcombe, wilson
from survey_service.reporting.journeys import quartiles
from survey_service.store import journeys
from survey_service.store.store import Store
from survey_service.store.suppressions import person_suppression
from survey_service.tokens import Keyring, token_hash
from tests.support.factories import make_delivery, make_event, make_invitation
from tests.support.figures import START, answered, count_answers, load
from tests.support.outcomes import DAY, HOUR, PERIOD, ask, figures, insert
from tests.support.problems import assert_problem, pointers
from tests.support.service import SECRET, ApiClient


def invited(number: int, state: InvitationState, **changes: Any) -> Invitation:
    name = f"inv_{number}"
    token = {"kid": "00000000", "sha256": token_hash(name)}
    fields = {"id": name, "state": state, "created_at": START, "token": token, "touchpoint": "berlin"}
    fields["dimensions"] = {"agent": None}  # its survey lists agents, and the event names none
    return make_invitation(f"ord-{number}", **(fields | changes))


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
