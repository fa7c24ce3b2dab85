"""The rules of step two, one by one, on a real database: whom they let through, when, and what they say otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.intake.sampling import choose_variant, in_sample
from survey_service.models.contact import Frequency
from survey_service.models.decision import Outcome, Reason
from survey_service.models.ids import event_key
from survey_service.models.trigger import Variant
from survey_service.store.counters import HOUR
from tests.support.deciding import (
    BY_RULES,
    DAY,
    SECOND,
    at_most,
    decisions,
    put_policy,
    set_time,
)
from tests.support.pipeline import NAME, SOURCE, Pipeline, a_customer, a_survey, an_event


async def test_a_sample_asks_about_the_same_events_whatever_the_batch(pipeline: Pipeline) -> None:
    await pipeline.configure(sample=0.3, delay="PT2H")
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(100)))
    for number, decision in enumerate(await decisions(pipeline, 100)):
        key = event_key(SOURCE, f"ord-{number}")
        if in_sample(0.3, NAME, key):
            assert decision.outcome is Outcome.INVITED
        else:
            assert decision.reason is Reason.NOT_SAMPLED
            assert decision.values["drawn"] >= decision.values["sample"] == 0.3


async def test_a_customer_keeps_their_variant_and_the_answer_tells_which_it_was(pipeline: Pipeline) -> None:
    variants = (Variant(name="plain"), Variant(name="warm", survey="warm-words"))
    await pipeline.store.configuration.surveys.put("warm-words", a_survey(name="Warm words"))
    await pipeline.configure(channels=("web",), variants=variants)
    events = [an_event(f"ord-{number}", a_customer(f"c{number % 10}")) for number in range(20)]
    await pipeline.handle(*events)
    invitations = await pipeline.invitations()
    assert len(invitations) == 20
    chosen: dict[str, set[str | None]] = {}
    for invitation in invitations:
        variant = choose_variant(variants, NAME, invitation.customer)
        assert variant is not None
        assert (invitation.variant, invitation.survey) == (variant.name, variant.survey or NAME)
        chosen.setdefault(invitation.customer, set()).add(invitation.variant)
        url = pipeline.service.parts.direct.url_of(invitation) or ""
        await pipeline.service.parts.recording.submit_token(url.rpartition("/")[2], {"nps": "9"})
    assert {len(names) for names in chosen.values()} == {1}
    assert set().union(*chosen.values()) == {"plain", "warm"}
    answered = {response.invitation: response.variant for response in await pipeline.responses()}
    assert answered == {invitation.id: invitation.variant for invitation in invitations}


@pytest.mark.parametrize(
    ("trigger", "policy", "reason", "pause"),
    [
        ({"cooldown": "P30D"}, {}, Reason.COOLDOWN, 30 * DAY),
        ({}, {"cooldown": "P7D"}, Reason.CONTACT_COOLDOWN, 7 * DAY),
        ({}, at_most(1, "P90D"), Reason.CONTACT_LIMIT, 90 * DAY),
        ({}, {}, Reason.SAME_TEXT, 12 * HOUR),
    ],
)
async def test_a_pause_ends_when_it_was_said_to_end(
    pipeline: Pipeline, trigger: dict[str, Any], policy: dict[str, Any], reason: Reason, pause: timedelta
) -> None:
    await pipeline.configure(**BY_RULES | trigger)
    await put_policy(pipeline, **policy)
    await pipeline.handle(an_event("ord-0"))
    first = (await pipeline.invitation()).send_at
    set_time(pipeline, first + pause - SECOND)
    await pipeline.handle(an_event("ord-1"))
    refused = await pipeline.decision("ord-1")
    assert (refused.outcome, refused.reason, refused.next_eligible_at) == (Outcome.SKIPPED, reason, first + pause)
    assert refused.invitation is None
    assert datetime.fromisoformat(refused.values["asked_for"]) < first + pause
    set_time(pipeline, first + pause)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).outcome is Outcome.INVITED
    assert pipeline.recipients() == ["ada@example.com"] * 2


async def test_the_same_text_of_two_triggers_comes_once_and_another_text_comes_too(pipeline: Pipeline) -> None:
    await put_policy(pipeline)
    await pipeline.store.configuration.surveys.put("other-words", a_survey(name="Other words"))
    await pipeline.configure("a-first", **BY_RULES)
    await pipeline.configure("b-same", **BY_RULES)
    await pipeline.configure("c-other", survey="other-words", **BY_RULES)
    await pipeline.handle(an_event())
    reasons = {one.trigger: one.reason for one in (await pipeline.event()).decisions}
    assert reasons == {"a-first": None, "b-same": Reason.SAME_TEXT, "c-other": None}


async def test_whoever_answered_is_left_alone_for_the_time_after_an_answer(pipeline: Pipeline) -> None:
    await pipeline.configure(cooldown_after_answer="P60D", **BY_RULES)
    await put_policy(pipeline)
    await pipeline.handle(an_event("ord-0"))
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-1", a_customer("bob")))
    ada = next(row for row in await pipeline.invitations() if row.customer_ref == "c-ada")
    url = pipeline.service.parts.direct.url_of(ada) or ""
    await pipeline.service.parts.recording.submit_token(url.rpartition("/")[2], {"nps": "9"})
    (response,) = await pipeline.responses()
    pipeline.pass_time(59 * DAY)
    await pipeline.handle(an_event("ord-2"), an_event("ord-3", a_customer("bob")))
    refused = await pipeline.decision("ord-2")
    assert (refused.reason, refused.next_eligible_at) == (Reason.ANSWER_COOLDOWN, response.started_at + 60 * DAY)
    assert (await pipeline.decision("ord-3")).outcome is Outcome.INVITED  # he never answered
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-4"))
    assert (await pipeline.decision("ord-4")).outcome is Outcome.INVITED


async def test_whoever_wants_less_has_more_time_between_two_surveys(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await put_policy(pipeline, cooldown="P7D", less_often="P90D")
    await pipeline.handle(an_event("ord-0"))
    invitation = await pipeline.invitation()
    await pipeline.store.contacts.prefer(invitation.customer, frequency=Frequency.LESS)
    pipeline.pass_time(8 * DAY)
    await pipeline.handle(an_event("ord-1"))
    refused = await pipeline.decision("ord-1")
    assert refused.reason is Reason.CONTACT_COOLDOWN
    assert refused.next_eligible_at == invitation.send_at + 90 * DAY


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        # Two people behind one mailbox.
        ({"id": "c-ada", "email": "family@example.com"}, {"id": "c-bob", "email": "Family@Example.com"}, False),
        # One person with two mailboxes.
        ({"id": "c-ada", "email": "ada@example.com"}, {"id": "c-ada", "email": "ada@work.example"}, False),
        # Nothing in common.
        ({"id": "c-ada", "email": "ada@example.com"}, {"id": "c-bob", "email": "bob@example.com"}, True),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_the_limit_counts_by_person_and_by_address(
    pipeline: Pipeline, first: dict[str, Any], second: dict[str, Any], asked: bool, together: bool
) -> None:
    await pipeline.configure(delay="PT2H", **BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    events = [an_event("ord-0", first), an_event("ord-1", second)]
    if together:
        await pipeline.handle(*events)
    else:
        for event in events:
            await pipeline.handle(event)
    until = [one.next_eligible_at for one in await decisions(pipeline, 2) if one.outcome is Outcome.SKIPPED]
    invitations = await pipeline.invitations()
    assert len(invitations) == (2 if asked else 1)
    assert until == ([] if asked else [invitations[0].send_at + 90 * DAY])


async def test_the_limit_counts_over_all_triggers_and_what_is_planned(pipeline: Pipeline) -> None:
    for name in ("a", "b", "c"):
        await pipeline.store.configuration.surveys.put(f"survey-{name}", a_survey(name=name))
        await pipeline.configure(name, survey=f"survey-{name}", delay="P2D", **BY_RULES)
    await put_policy(pipeline, **at_most(2, "P90D"))
    await pipeline.handle(an_event())
    said = (await pipeline.event()).decisions
    assert [one.reason for one in said] == [None, None, Reason.CONTACT_LIMIT]
    send_at = {row.send_at for row in await pipeline.invitations()}
    assert {said[2].next_eligible_at} == {at + 90 * DAY for at in send_at}


async def test_an_exempt_trigger_always_asks_and_counts_for_the_others(pipeline: Pipeline) -> None:
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.store.configuration.surveys.put("urgent", a_survey(name="Urgent"))
    await pipeline.configure("urgent", survey="urgent", exempt=True, cooldown="P30D")
    await pipeline.configure("z-usual", **BY_RULES)
    await pipeline.handle(an_event("ord-0"), an_event("ord-1"))
    for number in range(2):
        urgent, usual = (await pipeline.event(f"ord-{number}")).decisions
        assert urgent.outcome is Outcome.INVITED
        assert usual.reason is Reason.CONTACT_LIMIT


async def test_exempt_skips_neither_suppression_nor_consent_nor_quiet_hours(pipeline: Pipeline) -> None:
    night = datetime(2027, 1, 13, 23, tzinfo=UTC)
    await pipeline.configure(exempt=True, quiet_hours={"allow": {"mon-sun": ("08:00-21:00",)}})
    set_time(pipeline, night)
    await pipeline.handle(an_event("ord-0"), an_event("ord-1", a_customer("bob", consent={"email": False})))
    assert (await pipeline.invitation()).send_at == night + 9 * HOUR
    assert (await pipeline.decision("ord-1")).reason is Reason.NO_CONSENT
    assert pipeline.smtp.mails == []
