"""Trying a trigger: on one event or on last month's, told as it would be, and nothing is changed by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pymongo
import pytest

from survey_service.intake import rehearsing
from survey_service.intake.rehearsing import Rehearsal
from survey_service.intake.sampling import in_sample
from survey_service.models.api_key import Scope
from survey_service.models.contact_policy import POLICY_ID, ContactPolicyContent
from survey_service.models.ids import event_key
from tests.support.pipeline import NAME, SOURCE, Pipeline, a_customer, an_event
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client
from tests.support.waiting import until

PATH = "/v1/triggers/dry-run"
INLINE: dict[str, Any] = {"survey": NAME, "event_type": "order.delivered", "channels": ["email"]}
DAY = timedelta(days=1)
NEW_YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
NIGHT = datetime(2027, 3, 27, 22, 30, tzinfo=UTC)  # clocks go forward in Berlin that night


@pytest.fixture
async def api(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """A client of that service."""
    await pipeline.configure()
    async with api_client(pipeline.service.parts) as client:
        yield client


def event(name: str = "try-1", **customer: Any) -> dict[str, Any]:
    """An event as it would be posted."""
    who = {**a_customer(), "timezone": "Europe/Berlin"} | customer
    return {"id": name, "source": SOURCE, "type": "order.delivered", "data": {"customer": who, "amount": 79.9}}


async def ask(api: ApiClient, **body: Any) -> dict[str, Any]:
    answer = await api.post(PATH, json=body)
    told: dict[str, Any] = await answer.json()
    assert answer.status == 200, told
    return told


def everything(mongodb_uri: str, database_name: str) -> dict[str, list[Any]]:
    """Every document of every collection."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        database = client[database_name]
        return {name: list(database[name].find().sort("_id", 1)) for name in sorted(database.list_collection_names())}


# --- one event


async def test_an_event_is_told_its_decision_its_sends_by_the_customers_clock_and_its_mail(
    api: ApiClient, pipeline: Pipeline
) -> None:
    pipeline.pass_time(NIGHT - pipeline.clock.now())
    rules = {"delay": "PT1H", "reminders": [{"after": "P3D"}], "quiet_hours": {"allow": {"mon-sun": ["08:00-21:00"]}}}
    told = await ask(api, trigger=INLINE | rules, event=event())
    assert told["period"] is None
    tried = told["event"]
    assert tried["decision"].items() >= {"trigger": "dry-run", "outcome": "invited", "invitation": None}.items()
    assert [(send["kind"], send["channel"], send["local_time"], send["timezone"]) for send in tried["sends"]] == [
        ("invite", "email", "Sun 2027-03-28 08:00", "Europe/Berlin"),
        ("reminder", "email", "Wed 2027-03-31 08:00", "Europe/Berlin"),
    ]
    assert tried["sends"][0]["at"] == "2027-03-28T06:00:00Z"
    (message,) = tried["messages"]
    assert message["channel"] == "email"
    assert "Ada" in message["text"]
    assert "How likely are you to recommend Acme?" in message["html"]
    assert message["subject"]


async def test_the_mail_of_a_dry_run_opens_no_survey_and_ends_nothing(api: ApiClient) -> None:
    told = await ask(api, trigger=NAME, event=event())
    (message,) = told["event"]["messages"]
    for part in ("text", "html"):
        assert "/s/" not in message[part]
        assert "/u/" not in message[part]


@pytest.mark.parametrize(
    ("trigger", "customer", "expected"),
    [
        ({"enabled": False}, {}, {"reason": "trigger_disabled"}),
        ({"condition": "event.data.amount > 100.0"}, {}, {"reason": "condition_false"}),
        ({"condition": "event.data.weight > 100.0"}, {}, {"reason": "condition_error"}),
        ({"sample": 0.0}, {}, {"reason": "not_sampled"}),
        ({}, {"email": None}, {"reason": "no_channel"}),
        ({}, {"consent": {"email": False}}, {"reason": "no_consent"}),
    ],
)
async def test_a_silence_has_its_reason_and_neither_sends_nor_messages(
    api: ApiClient, trigger: dict[str, Any], customer: dict[str, Any], expected: dict[str, Any]
) -> None:
    told = await ask(api, trigger=INLINE | trigger, event=event(**customer))
    assert told["event"]["decision"].items() >= {"outcome": "skipped", **expected}.items()
    assert (told["event"]["sends"], told["event"]["messages"]) == ([], [])


async def test_a_dry_run_knows_the_customer_the_budget_and_the_suppressions_of_today(
    api: ApiClient, pipeline: Pipeline
) -> None:
    await pipeline.configure(exempt=False)
    await pipeline.handle(an_event("ord-1", a_customer("ada")))
    asked = (await pipeline.invitation()).send_at
    told = (await ask(api, trigger=INLINE | {"cooldown": "P30D"}, event=event()))["event"]["decision"]
    assert (told["outcome"], told["reason"]) == ("skipped", "same_text")
    deferred = await ask(api, trigger=INLINE | {"when_not_allowed": "defer", "quiet_hours": None}, event=event())
    assert deferred["event"]["decision"].items() >= {"outcome": "deferred", "reason": "same_text"}.items()
    at = datetime.fromisoformat(deferred["event"]["sends"][0]["at"])
    assert at == asked + 7 * DAY  # the cooldown between any two
    # Known by id, and her own word counts: no mail any more.
    known = {"email": None, "consent": {"email": False}}
    told = (await ask(api, trigger=INLINE, event=event(**known)))["event"]["decision"]
    assert told["reason"] == "no_consent"
    silenced = {"address": "ada@example.com", "reason": "manual", "brand": "acme"}
    assert (await api.post("/v1/suppressions", json=silenced)).status == 201
    assert (await ask(api, trigger=INLINE, event=event()))["event"]["decision"]["reason"] == "suppressed"


# --- a period


async def put_history(pipeline: Pipeline, days: int, a_day: int) -> datetime:
    """`days` of events that were never asked about, `a_day` of them each at noon; the first moment comes back."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    for day in range(days):
        noon = start + day * DAY + timedelta(hours=12)
        events = [
            an_event(
                f"old-{day}-{number}",
                a_customer(f"c{number}", **({"consent": {"email": False}} if number == 0 else {})),
                time=noon + timedelta(minutes=number),
                data={"amount": 10 * number},
            )
            for number in range(a_day)
        ]
        await pipeline.post(*events, decide=False)
    await pipeline.post(an_event("other", type="order.lost", time=start + DAY), decide=False)
    return start


def period(start: datetime, days: int) -> dict[str, str]:
    return {"from": start.isoformat(), "to": (start + days * DAY).isoformat()}


async def test_a_period_is_counted_by_day_channel_and_reason(api: ApiClient, pipeline: Pipeline) -> None:
    start = await put_history(pipeline, days=4, a_day=6)
    await pipeline.store.configuration.policies.put(POLICY_ID, ContactPolicyContent(limits=(), cooldown="P3D"))
    rules = {"condition": "event.data.amount < 50.0", "when_not_allowed": "skip"}
    told = await ask(api, trigger=INLINE | rules, period=period(start, 4))
    assert told["event"] is None
    # Each day: one amount too high, one who said no, four more; the first day asks them, the fourth asks them again.
    assert told["period"] == {
        "events": 24,
        "invited": 8,
        "deferred": 0,
        "skipped": {"contact_cooldown": 8, "condition_false": 4, "no_consent": 4},
        "channels": {"email": 8},
        "days": [
            {"day": "2026-10-01", "counts": {"invited": 4, "no_consent": 1, "condition_false": 1}},
            {"day": "2026-10-02", "counts": {"contact_cooldown": 4, "no_consent": 1, "condition_false": 1}},
            {"day": "2026-10-03", "counts": {"contact_cooldown": 4, "no_consent": 1, "condition_false": 1}},
            {"day": "2026-10-04", "counts": {"invited": 4, "no_consent": 1, "condition_false": 1}},
        ],
    }


async def test_a_period_ends_before_its_end_and_counts_its_own_type_only(api: ApiClient, pipeline: Pipeline) -> None:
    start = await put_history(pipeline, days=3, a_day=2)
    noon = start + timedelta(hours=12)
    told = await ask(api, trigger=NAME, period={"from": noon.isoformat(), "to": (noon + DAY).isoformat()})
    assert told["period"]["events"] == 2


async def test_what_would_wait_is_counted_as_deferred_and_the_hourly_cap_holds(
    api: ApiClient, pipeline: Pipeline
) -> None:
    start = await put_history(pipeline, days=2, a_day=5)
    deferring = INLINE | {"when_not_allowed": "defer", "cooldown": "P2D"}
    told = (await ask(api, trigger=deferring, period=period(start, 2)))["period"]
    assert (told["invited"], told["deferred"], told["skipped"]) == (4, 4, {"no_consent": 2})
    capped = (await ask(api, trigger=INLINE | {"hourly_cap": 1, "exempt": True}, period=period(start, 2)))["period"]
    assert (capped["invited"], capped["skipped"]) == (2, {"hourly_cap": 6, "no_consent": 2})


async def test_a_sample_of_a_stored_trigger_is_the_one_that_it_would_ask(api: ApiClient, pipeline: Pipeline) -> None:
    start = await put_history(pipeline, days=1, a_day=40)
    await pipeline.configure(sample=0.5)
    told = (await ask(api, trigger=NAME, period=period(start, 1)))["period"]
    chosen = [number for number in range(1, 40) if in_sample(0.5, NAME, event_key(SOURCE, f"old-0-{number}"))]
    assert told["invited"] == len(chosen)


async def test_progress_comes_line_by_line_and_the_outlook_last(api: ApiClient, pipeline: Pipeline) -> None:
    start = await put_history(pipeline, days=2, a_day=600)
    answer = await api.post(
        PATH, json={"trigger": NAME, "period": period(start, 2)}, headers={"Accept": "application/x-ndjson"}
    )
    assert (answer.status, answer.content_type) == (200, "application/x-ndjson")
    lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    assert [line["done"] for line in lines] == [0, 500, 1000, 1200]
    assert {line["total"] for line in lines} == {1200}
    assert ["outlook" in line for line in lines] == [False, False, False, True]
    plain = (await ask(api, trigger=NAME, period=period(start, 2)))["period"]
    assert lines[-1]["outlook"] == plain
    assert plain["events"] == plain["invited"] + sum(plain["skipped"].values()) == 1200


async def test_a_period_without_events_is_an_empty_outlook(api: ApiClient) -> None:
    told = await ask(api, trigger=NAME, period=period(datetime(2020, 1, 1, tzinfo=UTC), 1))
    assert told["period"] == {"events": 0, "invited": 0, "deferred": 0, "skipped": {}, "channels": {}, "days": []}


async def test_nothing_in_the_database_is_changed(
    api: ApiClient, pipeline: Pipeline, mongodb_uri: str, database_name: str
) -> None:
    start = await put_history(pipeline, days=2, a_day=5)
    await pipeline.handle(an_event("ord-1"))
    inline = INLINE | {"hourly_cap": 2, "when_not_allowed": "defer", "cooldown": "P30D"}
    before = everything(mongodb_uri, database_name)
    assert {"events", "contacts", "invitations", "customers", "counters"} <= before.keys()
    await ask(api, trigger=NAME, event=event("ord-1"))
    await ask(api, trigger=inline, event=event("new-1", id="c-new", email="new@example.com"))
    await ask(api, trigger=inline, period=period(start, 3))
    await ask(api, trigger=NAME, period=period(start, 3))
    assert everything(mongodb_uri, database_name) == before
    assert await pipeline.run() == 0
    assert len(pipeline.smtp.mails) == 1


# --- what cannot be tried


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {"/trigger"}),
        ({"trigger": NAME}, {""}),
        ({"trigger": NAME, "event": event(), "period": NEW_YEAR}, {""}),
        ({"trigger": 7, "event": event()}, {"/trigger"}),
        ({"trigger": "nowhere", "event": event()}, {"/trigger"}),
        (
            {"trigger": INLINE | {"sample": 2.0, "color": "red"}, "event": event()},
            {"/trigger/sample", "/trigger/color"},
        ),
        (
            {"trigger": INLINE | {"survey": "nowhere", "delay": "soon"}, "event": event()},
            {"/trigger/survey", "/trigger/delay"},
        ),
        ({"trigger": INLINE | {"channels": ["sms"]}, "event": event()}, {"/trigger/channels/0"}),
        ({"trigger": NAME, "event": {**event(), "data": {}}}, {"/event/data/customer"}),
        ({"trigger": NAME, "event": {"id": "1"}}, {"/event/source", "/event/type", "/event/data"}),
        ({"trigger": NAME, "event": event(email="nobody")}, {"/event/data/customer/email"}),
        ({"trigger": NAME, "event": event() | {"type": "order.lost"}}, {"/event/type"}),
        ({"trigger": NAME, "period": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}, {"/period"}),
        ({"trigger": NAME, "period": {"from": "yesterday", "to": "2026-01-01"}}, {"/period/from", "/period/to"}),
        ({"trigger": NAME, "period": {"from": "2026-01-01T00:00:00Z"}}, {"/period/to"}),
    ],
)
async def test_what_cannot_be_tried_is_refused_with_its_pointers(
    api: ApiClient, body: dict[str, Any], found: set[str]
) -> None:
    assert pointers(await assert_problem(await api.post(PATH, json=body), 422, "invalid")) == found


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_a_period_of_too_many_events_is_refused_with_their_number(
    api: ApiClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    monkeypatch.setattr(rehearsing, "MAX_EVENTS", 9)
    start = await put_history(pipeline, days=2, a_day=5)
    body = {"trigger": NAME, "period": period(start, 2)}
    answer = await api.post(PATH, json=body, headers={"Accept": accept})
    problem = await assert_problem(answer, 422, "invalid")
    assert pointers(problem) == {"/period"}
    assert "holds 10 events" in problem["errors"][0]["message"]


async def test_a_process_tries_one_period_at_a_time_and_events_meanwhile(api: ApiClient, pipeline: Pipeline) -> None:
    async with pipeline.service.parts.rehearsing:
        answer = await api.post(PATH, json={"trigger": NAME, "period": NEW_YEAR})
        await assert_problem(answer, 503, "overloaded")
        assert answer.headers["Retry-After"] == "10"
        await ask(api, trigger=NAME, event=event())
    await ask(api, trigger=NAME, period=NEW_YEAR)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_whoever_hangs_up_ends_the_trial_of_a_period(
    api: ApiClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    monkeypatch.setattr(rehearsing, "CHUNK", 1)
    start = await put_history(pipeline, days=1, a_day=400)
    decide, decided = Rehearsal._decide, 0

    async def decide_and_count(self: Rehearsal, *args: Any) -> None:
        nonlocal decided
        decided += 1
        await decide(self, *args)

    monkeypatch.setattr(Rehearsal, "_decide", decide_and_count)
    body = {"trigger": NAME, "period": period(start, 1)}
    asking = asyncio.create_task(api.post(PATH, json=body, headers={"Accept": accept}))
    parts = pipeline.service.parts

    async def has_begun() -> bool:
        return decided > 0

    async def has_ended() -> bool:
        return not parts.rehearsing.locked()

    assert await until(has_begun, "the trial has begun")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    if not asking.cancelled():
        asking.result().close()
    assert await until(has_ended, "the place is free")
    assert decided < 400


@pytest.mark.parametrize(
    ("scopes", "body"),
    [
        ((Scope.EVENTS_READ, Scope.CUSTOMERS_READ), {"event": event()}),
        ((Scope.CONFIG_READ, Scope.CUSTOMERS_READ), {"period": NEW_YEAR}),
    ],
)
async def test_a_dry_run_needs_the_scopes_of_what_it_reads(
    pipeline: Pipeline, scopes: tuple[Scope, ...], body: dict[str, Any]
) -> None:
    await pipeline.configure()
    async with api_client(pipeline.service.parts, *scopes) as stranger:
        await assert_problem(await stranger.post(PATH, json={"trigger": NAME, **body}), 403, "forbidden")


@pytest.mark.parametrize("reader", [True, False])
async def test_what_is_stored_of_a_customer_takes_part_for_whoever_may_read_it(
    api: ApiClient, pipeline: Pipeline, *, reader: bool
) -> None:
    await pipeline.configure(exempt=False)
    await pipeline.handle(an_event("ord-1", a_customer("ada", attributes={"tier": "gold"})))
    silenced = {"address": "ada@example.com", "reason": "manual", "brand": "acme"}
    assert (await api.post("/v1/suppressions", json=silenced)).status == 201
    conditions = [
        "customer.first_name == 'Ada'",
        "customer.last_invited_days != null",
        "has(customer.attributes.tier)",
        "{'a': 1.0}[customer.first_name] == 1.0",
    ]
    who = {"customer": {"id": "c-ada"}}
    reached = {"customer": {"id": "c-ada", "email": "ada@example.com"}}
    scopes = (Scope.CONFIG_READ, Scope.CUSTOMERS_READ) if reader else (Scope.CONFIG_READ,)
    async with api_client(pipeline.service.parts, *scopes) as client:
        tried = [
            (await ask(client, trigger=INLINE | {"condition": condition}, event=event() | {"data": who}))["event"]
            for condition in conditions
        ]
        plain = (await ask(client, trigger=INLINE, event=event() | {"data": reached}))["event"]
    assert {trial["customer_known"] for trial in [*tried, plain]} == {reader}
    held = [trial["decision"]["reason"] != "condition_false" for trial in tried[:3]]
    assert held == [reader] * 3
    assert "Ada" not in str(tried[3]["decision"]["detail"])
    assert plain["decision"]["reason"] == ("suppressed" if reader else None)
