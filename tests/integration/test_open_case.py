"""While somebody takes care of what a customer said, nobody asks them again; afterwards they hear what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.errors import NotAllowed
from survey_service.followup.changing import change_case
from survey_service.intake.trying import try_event
from survey_service.models.case import Case, CaseState
from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.trigger import WhenNotAllowed
from tests.support.cases import invite, put_people, put_rule, the_case, unhappy
from tests.support.deciding import holds, put_policy
from tests.support.pipeline import NAME, Pipeline, a_customer, a_survey, a_trigger, an_event
from tests.support.service import api_client

DAY = timedelta(days=1)


async def configure(pipeline: Pipeline, **trigger: Any) -> None:
    await pipeline.configure(**({"exempt": False} | trigger))
    await put_policy(pipeline)
    await put_people(pipeline, mia={})
    await put_rule(pipeline, case={"remind_before": None})


async def put_trigger(pipeline: Pipeline, **changes: Any) -> None:
    content = a_trigger(**({"exempt": False} | changes))
    await pipeline.store.configuration.triggers.put(NAME, content)


@pytest.fixture
async def case(pipeline: Pipeline) -> Case:
    """Ada's case; a day later everything else would allow to ask her again."""
    await configure(pipeline)
    opened = await unhappy(pipeline)
    pipeline.pass_time(DAY)
    return opened


async def change(pipeline: Pipeline, **wanted: Any) -> None:
    case = await the_case(pipeline)
    changed = change_case(case, wanted, "mia", pipeline.clock.now())
    assert await pipeline.store.cases.change(case, changed.case, changed.told, held=False)
    await pipeline.run()


async def test_a_customer_with_an_open_case_is_not_asked(pipeline: Pipeline, case: Case) -> None:
    await pipeline.handle(an_event("ord-2"))
    decision = await pipeline.decision("ord-2")
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, Reason.OPEN_CASE)
    assert (decision.next_eligible_at, decision.invitation) == (None, None)
    assert pipeline.recipients().count("ada@example.com") == 1


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (CaseState.WAITING, Outcome.SKIPPED),
        (CaseState.RESOLVED, Outcome.INVITED),
        (CaseState.CLOSED, Outcome.INVITED),
    ],
)
async def test_it_is_asked_again_once_nobody_takes_care_any_more(
    pipeline: Pipeline, case: Case, state: CaseState, outcome: Outcome
) -> None:
    await change(pipeline, state=state)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).outcome is outcome


async def test_other_customers_are_asked(pipeline: Pipeline, case: Case) -> None:
    await pipeline.handle(an_event("ord-2"), an_event("ord-3", a_customer("ben")))
    outcomes = [(await pipeline.decision(name)).outcome for name in ("ord-2", "ord-3")]
    assert outcomes == [Outcome.SKIPPED, Outcome.INVITED]


async def test_a_trigger_that_waits_for_other_rules_does_not_wait_for_this_one(pipeline: Pipeline, case: Case) -> None:
    await put_trigger(pipeline, when_not_allowed=WhenNotAllowed.DEFER)
    await pipeline.handle(an_event("ord-2"))
    decision = await pipeline.decision("ord-2")
    assert (decision.outcome, decision.reason, decision.next_eligible_at) == (Outcome.SKIPPED, Reason.OPEN_CASE, None)


async def test_an_exempt_trigger_asks_all_the_same(pipeline: Pipeline, case: Case) -> None:
    await put_trigger(pipeline, exempt=True)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).outcome is Outcome.INVITED
    assert pipeline.recipients().count("ada@example.com") == 2


async def test_the_policy_may_ask_all_the_same(pipeline: Pipeline, case: Case) -> None:
    await put_policy(pipeline, open_cases=False)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).outcome is Outcome.INVITED
    assert pipeline.recipients().count("ada@example.com") == 2


async def test_a_condition_sees_whether_there_is_an_open_case(pipeline: Pipeline, case: Case) -> None:
    await put_trigger(pipeline, condition="customer.open_case == true", exempt=True)
    await pipeline.handle(an_event("ord-2"), an_event("ord-3", a_customer("ben")))
    outcomes = [(await pipeline.decision(name)).outcome for name in ("ord-2", "ord-3")]
    assert outcomes == [Outcome.INVITED, Outcome.SKIPPED]


async def test_a_direct_invitation_is_refused_unless_it_ignores_the_rules(pipeline: Pipeline, case: Case) -> None:
    with pytest.raises(NotAllowed) as refusal:
        await pipeline.invite(ignore_rules=False)
    assert (refusal.value.reason, refusal.value.next_at) == ("open_case", None)
    async with api_client(pipeline.service.parts) as client:
        body = {"survey": NAME, "customer": {"id": "c-ada", "email": "ada@example.com"}, "channels": ["email"]}
        answer = await client.post("/v1/invitations", json=body)
        problem = await answer.json()
    assert (answer.status, problem["reason"], problem["next_eligible_at"]) == (409, "open_case", None)
    assert (await pipeline.invite()).created


async def test_trying_a_trigger_says_so_too(pipeline: Pipeline, case: Case) -> None:
    await pipeline.post(an_event("ord-2"))
    snapshot = await pipeline.store.configuration.current()
    store, keyring = pipeline.store, pipeline.service.parts.keyring
    trial = await try_event(store, keyring, snapshot.triggers[NAME], await pipeline.event("ord-2"), known=True)
    assert trial.decision.reason is Reason.OPEN_CASE


async def test_what_was_decided_before_the_case_is_not_sent_after_it(pipeline: Pipeline) -> None:
    await configure(pipeline)
    token = await invite(pipeline)
    await put_trigger(pipeline, delay="PT20H")
    await pipeline.handle(an_event("ord-2"))
    waiting = (await pipeline.decision("ord-2")).invitation
    assert waiting is not None
    await pipeline.service.parts.recording.submit_token(token, {"nps": "2"})
    await pipeline.run()
    assert (await the_case(pipeline)).is_active
    pipeline.pass_time(timedelta(hours=21))
    await pipeline.run()
    invitation = await pipeline.store.invitations.get(waiting)
    assert invitation is not None
    assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.OPEN_CASE)
    (delivery,) = await pipeline.store.deliveries.of_invitation(waiting)
    assert (delivery.state, delivery.reason) == (DeliveryState.CANCELLED, Reason.OPEN_CASE)
    assert waiting not in await holds(pipeline)


async def test_no_reminder_of_another_survey_comes_while_it_is_open(pipeline: Pipeline) -> None:
    await configure(pipeline, reminders=({"after": "P2D"},))
    first = await invite(pipeline)
    pipeline.pass_time(timedelta(hours=13))
    await invite(pipeline, "ord-2")
    await pipeline.service.parts.recording.submit_token(first, {"nps": "2"})
    await pipeline.run()
    pipeline.pass_time(3 * DAY)
    await pipeline.run()
    reminders = [row for row in await pipeline.deliveries() if row.kind is DeliveryKind.REMINDER]
    assert {(row.state, row.reason) for row in reminders} == {(DeliveryState.CANCELLED, Reason.OPEN_CASE)}
    assert pipeline.recipients().count("ada@example.com") == 2


async def say_what_was_done(pipeline: Pipeline) -> None:
    """The survey's mails begin with what was done about the last answer."""
    intro = {"email": {"intro": {"en": "Since last time: {{last_time.we_did|nothing}}."}}}
    await pipeline.store.configuration.surveys.put(NAME, a_survey(messages=intro))


async def test_the_next_invitation_says_what_was_done_and_the_one_after_it_does_not(
    pipeline: Pipeline, case: Case
) -> None:
    await say_what_was_done(pipeline)
    await change(pipeline, state=CaseState.CLOSED, public_note="we pack twice")
    said = []
    for number in range(2, 4):
        pipeline.pass_time(DAY)
        await pipeline.handle(an_event(f"ord-{number}"))
        said.append("we pack twice" in pipeline.letters()[-1].text)
    assert said == [True, False]
    assert "Since last time: nothing." in pipeline.letters()[-1].text


async def test_a_note_that_is_changed_later_changes_no_invitation(pipeline: Pipeline, case: Case) -> None:
    await say_what_was_done(pipeline)
    await change(pipeline, state=CaseState.RESOLVED, public_note="we pack twice")
    await put_trigger(pipeline, reminders=({"after": "P2D"},))
    await pipeline.handle(an_event("ord-2"))
    await change(pipeline, public_note="something else")
    pipeline.pass_time(3 * DAY)
    await pipeline.run()
    first, reminder = [letter for letter in pipeline.letters() if letter.to == "ada@example.com"][-2:]
    assert "we pack twice" in first.text
    assert "we pack twice" in reminder.text


async def test_a_direct_invitation_says_it_as_well(pipeline: Pipeline, case: Case) -> None:
    await say_what_was_done(pipeline)
    await change(pipeline, state=CaseState.CLOSED, public_note="we pack twice")
    made = await pipeline.invite()
    assert made.invitation.we_did == "we pack twice"


@pytest.mark.parametrize("wanted", [{"state": CaseState.CLOSED}, {"public_note": "not done yet"}])
async def test_without_a_note_or_while_it_is_open_nothing_is_said(
    pipeline: Pipeline, case: Case, wanted: dict[str, Any]
) -> None:
    await say_what_was_done(pipeline)
    await put_trigger(pipeline, exempt=True)
    await change(pipeline, **wanted)
    await pipeline.handle(an_event("ord-2"))
    assert "Since last time: nothing." in pipeline.letters()[-1].text


async def test_what_one_brand_did_no_other_brand_tells(pipeline: Pipeline, case: Case) -> None:
    await change(pipeline, state=CaseState.CLOSED, public_note="we pack twice")
    await pipeline.store.database["cases"].update_one({}, {"$set": {"brand": "another"}})
    await pipeline.handle(an_event("ord-2"))
    invitation = await pipeline.store.invitations.get((await pipeline.decision("ord-2")).invitation or "")
    assert invitation is not None
    assert invitation.we_did is None
