"""Quiet hours, reminders and the yes that a brand demands: when a message may leave at all."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from survey_service.models.brand import BrandContent
from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.touchpoint import TouchpointContent
from tests.support.deciding import (
    DAY,
    SECOND,
    hold_everything,
    let_everything_go,
    set_time,
)
from tests.support.pipeline import Pipeline, a_brand, a_customer, an_event

DAYTIME = {"allow": {"mon-sun": ("08:00-21:00",)}}


@pytest.mark.parametrize(
    ("customer", "touchpoint", "brand", "opens"),
    [
        ("Asia/Tokyo", "America/New_York", "Europe/Berlin", datetime(2027, 1, 13, 23, tzinfo=UTC)),
        (None, "America/New_York", "Europe/Berlin", datetime(2027, 1, 13, 13, tzinfo=UTC)),
        (None, None, "Europe/Berlin", datetime(2027, 1, 13, 7, tzinfo=UTC)),
        (None, None, "UTC", datetime(2027, 1, 13, 8, tzinfo=UTC)),
    ],
)
async def test_the_wall_clock_is_the_customers_else_the_touchpoints_else_the_brands(
    pipeline: Pipeline, customer: str | None, touchpoint: str | None, brand: str, opens: datetime
) -> None:
    await pipeline.configure(quiet_hours=DAYTIME)
    await pipeline.store.configuration.brands.put("acme", a_brand(timezone=brand))
    await pipeline.store.configuration.touchpoints.put("shop", TouchpointContent(name="Shop", timezone=touchpoint))
    # 21:30 in Tokyo is 07:30 in New York and 13:30 in Berlin.
    asked = datetime(2027, 1, 13, 12, 30, tzinfo=UTC) if touchpoint else datetime(2027, 1, 13, 3, tzinfo=UTC)
    set_time(pipeline, asked)
    who = a_customer() if customer is None else a_customer(timezone=customer)
    await pipeline.handle(an_event(data={"touchpoint": "shop"}, customer=who))
    invitation = await pipeline.invitation()
    assert invitation.send_at == (await pipeline.delivery()).planned_at == opens
    assert pipeline.smtp.mails == []
    set_time(pipeline, opens)
    await pipeline.run()
    assert len(pipeline.smtp.mails) == 1


@pytest.mark.parametrize(
    ("evening", "opens"),
    [
        (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 6, tzinfo=UTC)),  # the clock goes forward
        (datetime(2027, 10, 30, 22, tzinfo=UTC), datetime(2027, 10, 31, 7, tzinfo=UTC)),  # and back
    ],
)
async def test_eight_in_the_morning_is_eight_after_the_clocks_changed(
    pipeline: Pipeline, evening: datetime, opens: datetime
) -> None:
    await pipeline.configure(quiet_hours=DAYTIME)
    set_time(pipeline, evening)
    await pipeline.handle(an_event(customer=a_customer(timezone="Europe/Berlin")))
    assert (await pipeline.invitation()).send_at == opens


async def test_a_delay_that_ends_at_night_waits_for_the_morning(pipeline: Pipeline) -> None:
    await pipeline.configure(quiet_hours=DAYTIME, delay="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 18, tzinfo=UTC))
    await pipeline.handle(an_event())
    assert (await pipeline.invitation()).send_at == datetime(2027, 1, 14, 8, tzinfo=UTC)


async def test_what_the_morning_finds_expired_is_not_asked(pipeline: Pipeline) -> None:
    await pipeline.configure(quiet_hours=DAYTIME, expires_after="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 23, tzinfo=UTC))
    await pipeline.handle(an_event())
    decision = await pipeline.decision()
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, Reason.EXPIRED)
    assert decision.values["send_at"].startswith("2027-01-14T08:00")


async def test_an_address_on_the_web_wakes_nobody_and_is_handed_out_at_night(pipeline: Pipeline) -> None:
    await pipeline.configure(channels=("web",), quiet_hours=DAYTIME, expires_after="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 23, tzinfo=UTC))
    await pipeline.handle(an_event())
    assert (await pipeline.decision()).outcome is Outcome.INVITED
    assert (await pipeline.invitation()).state is InvitationState.SENT


async def test_a_message_that_comes_to_its_send_at_night_waits_once_more(pipeline: Pipeline) -> None:
    """It was planned by day; a pause held it until the night."""
    await pipeline.configure(quiet_hours=DAYTIME)
    set_time(pipeline, datetime(2027, 1, 13, 20, 30, tzinfo=UTC))
    await hold_everything(pipeline)
    await pipeline.handle(an_event())
    set_time(pipeline, datetime(2027, 1, 13, 22, tzinfo=UTC))
    await let_everything_go(pipeline)
    await pipeline.run()
    morning = datetime(2027, 1, 14, 8, tzinfo=UTC)
    held = await pipeline.delivery()
    assert (held.state, held.reason, held.due_at) == (DeliveryState.PLANNED, Reason.QUIET_HOURS, morning)
    assert pipeline.smtp.mails == []
    set_time(pipeline, morning)
    await pipeline.run()
    assert (await pipeline.delivery()).state is DeliveryState.SENT


async def test_reminders_come_at_their_time_and_no_more_than_three_messages(pipeline: Pipeline) -> None:
    await pipeline.configure(reminders=({"after": "P3D"}, {"after": "P7D"}))
    await pipeline.handle(an_event())
    sent = (await pipeline.delivery()).sent_at
    assert sent is not None
    for after, mails in ((3 * DAY - SECOND, 1), (3 * DAY, 2), (7 * DAY, 3), (10 * DAY, 3), (15 * DAY, 3)):
        set_time(pipeline, sent + after)
        await pipeline.run()
        assert len(pipeline.smtp.mails) == mails
    kinds = Counter(delivery.kind for delivery in await pipeline.deliveries())
    assert kinds == {DeliveryKind.INVITE: 1, DeliveryKind.REMINDER: 2}
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED


@pytest.mark.parametrize("queued", [True, False])
async def test_reminders_stop_the_moment_an_answer_starts(pipeline: Pipeline, queued: bool) -> None:
    await pipeline.configure(reminders=({"after": "P3D"}, {"after": "P7D"}))
    await pipeline.handle(an_event())
    if queued:
        await hold_everything(pipeline)
        pipeline.pass_time(3 * DAY + SECOND)
        await pipeline.run()
        await let_everything_go(pipeline)
    await pipeline.service.parts.recording.submit_token(await pipeline.token(), {"nps": "3"})
    assert (await pipeline.invitation()).state is InvitationState.STARTED
    for _ in range(16):
        pipeline.pass_time(DAY)
        await pipeline.run()
    assert len(pipeline.smtp.mails) == 1
    reasons = [row.reason for row in await pipeline.deliveries() if row.kind is DeliveryKind.REMINDER]
    assert reasons == ([Reason.ANSWERED] if queued else [])


async def test_a_brand_may_demand_a_yes_and_then_silence_is_no(pipeline: Pipeline) -> None:
    await pipeline.configure()
    content = a_brand().model_dump() | {"consent_required": ("email",)}
    await pipeline.store.configuration.brands.put("acme", BrandContent.model_validate(content))
    yes = a_customer("bob", consent={"email": True})
    await pipeline.handle(an_event("ord-0"), an_event("ord-1", yes))
    assert (await pipeline.decision("ord-0")).reason is Reason.NO_CONSENT
    assert (await pipeline.decision("ord-1")).outcome is Outcome.INVITED
