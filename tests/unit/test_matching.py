"""Matching: one trigger's verdict on one event, each reason by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.intake.cancelling import takes_back
from survey_service.intake.matching import Plan, Silence, Verdict, judge, rule_variables, usable_channels
from survey_service.models.brand import Brand
from survey_service.models.contact import Contact
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.trigger import Trigger
from tests.support.factories import NOON, make_event, make_facts, make_invitation

ADA = CustomerProfile(
    external_id="c-42",
    email="ada@example.com",
    phone="+4915123456789",
    locale="en-GB",
    attributes={"tier": "gold", "orders": 3},
)
HOUR = timedelta(hours=1)
BRAND = Brand(id="acme", name="Acme")


def a_trigger(**changes: Any) -> Trigger:
    fields = {
        "id": "after-delivery:1",
        "trigger": "after-delivery",
        "version": 1,
        "created_at": NOON,
        "survey": "after-delivery",
        "event_type": "order.delivered",
        "channels": ("email", "sms"),
    }
    return Trigger.model_validate(fields | changes)


def verdict(
    trigger: Trigger,
    event: Event | None = None,
    profile: CustomerProfile = ADA,
    now: datetime = NOON,
    suppressed: tuple[ChannelName, ...] = (),
) -> Verdict:
    event = event or make_event()
    variables = rule_variables(event, profile, Contact(id="cus_1"), now)
    return judge(trigger, event, profile, BRAND, variables, now, suppressed=suppressed)


def test_an_event_that_nothing_speaks_against_is_asked_about_on_every_channel_in_order() -> None:
    assert verdict(a_trigger()) == Plan((ChannelName.EMAIL, ChannelName.SMS), NOON, NOON + timedelta(days=14))


@pytest.mark.parametrize(
    ("trigger", "profile", "reason"),
    [
        ({"enabled": False}, {}, Reason.TRIGGER_DISABLED),
        ({"condition": "event.data.amount > 100.0"}, {}, Reason.CONDITION_FALSE),
        ({"condition": "event.data.missing > 100.0"}, {}, Reason.CONDITION_ERROR),
        ({"condition": "event.data.amount + 'x' == 'x'"}, {}, Reason.CONDITION_ERROR),
        ({"condition": "this is not CEL"}, {}, Reason.CONDITION_ERROR),
        ({}, {"email": None, "phone": None}, Reason.NO_CHANNEL),
        ({"channels": ("sms",)}, {"phone": None}, Reason.NO_CHANNEL),
        ({"channels": ("email",)}, {"email": None}, Reason.NO_CHANNEL),
        ({}, {"consent": {"email": False, "sms": False}}, Reason.NO_CONSENT),
        ({"channels": ("email",)}, {"consent": {"email": False}}, Reason.NO_CONSENT),
        ({}, {"email": None, "consent": {"sms": False}}, Reason.NO_CONSENT),
    ],
)
def test_each_silence_has_its_reason(trigger: dict[str, Any], profile: dict[str, Any], reason: Reason) -> None:
    silence = verdict(a_trigger(**trigger), profile=ADA.model_copy(update=profile))
    assert isinstance(silence, Silence)
    assert silence.reason is reason


@pytest.mark.parametrize(
    ("suppressed", "expected"),
    [
        ((), (ChannelName.EMAIL, ChannelName.SMS)),
        ((ChannelName.EMAIL,), (ChannelName.SMS,)),
        ((ChannelName.SMS,), (ChannelName.EMAIL,)),
        ((ChannelName.EMAIL, ChannelName.SMS), None),
    ],
)
def test_a_suppressed_channel_is_left_out_and_all_of_them_are_a_reason(
    suppressed: tuple[ChannelName, ...], expected: tuple[ChannelName, ...] | None
) -> None:
    found = verdict(a_trigger(), suppressed=suppressed)
    if expected is None:
        assert isinstance(found, Silence)
        assert found.reason is Reason.SUPPRESSED
    else:
        assert isinstance(found, Plan)
        assert found.channels == expected


@pytest.mark.parametrize(
    ("age", "stale"), [(timedelta(), False), (2 * HOUR, False), (2 * HOUR + timedelta(milliseconds=1), True)]
)
def test_an_event_older_than_its_limit_is_stale(age: timedelta, stale: bool) -> None:
    found = verdict(a_trigger(max_event_age="PT2H"), now=NOON + age)
    assert (isinstance(found, Silence) and found.reason is Reason.STALE) is stale


def test_without_a_limit_no_event_is_stale() -> None:
    found = verdict(a_trigger(), now=NOON + timedelta(days=5000))
    assert isinstance(found, Plan)


def test_an_event_of_the_future_is_asked_about_when_its_time_comes() -> None:
    found = verdict(a_trigger(max_event_age="PT1H", delay="PT2H"), now=NOON - timedelta(days=3))
    assert found == Plan((ChannelName.EMAIL, ChannelName.SMS), NOON + 2 * HOUR, NOON + timedelta(days=14))


@pytest.mark.parametrize(
    ("decided_after", "sent_after", "ends_after"),
    [
        (timedelta(), 2 * HOUR, timedelta(days=14)),
        (HOUR, 2 * HOUR, timedelta(days=14)),
        (2 * HOUR, 2 * HOUR, timedelta(days=14)),
        # Decided late: the end moves with the send, so that there is as long to answer.
        (26 * HOUR, 26 * HOUR, timedelta(days=15)),
        (timedelta(days=4000), timedelta(days=4000), timedelta(days=4014) - 2 * HOUR),
    ],
)
def test_delay_and_end_count_from_the_event_or_move_together(
    decided_after: timedelta, sent_after: timedelta, ends_after: timedelta
) -> None:
    found = verdict(a_trigger(delay="PT2H"), now=NOON + decided_after)
    assert isinstance(found, Plan)
    assert found.send_at == NOON + sent_after
    assert found.expires_at == NOON + ends_after


def test_a_condition_sees_the_event_and_the_customer_with_doubles_for_numbers() -> None:
    at = NOON.isoformat().replace("+00:00", "Z")
    condition = (
        "event.type == 'order.delivered' && event.source == '/shop/berlin' && event.id == 'ord-1' "
        "&& event.data.amount >= 79.0 && event.priority == 1.0 && event.subject == 'order/1' "
        f"&& event.time == '{at}' && customer.id == 'c-42' && customer.language == 'en' "
        "&& customer.attributes.tier == 'gold' && customer.attributes.orders + 0.5 == 3.5"
    )
    event = make_event(subject="order/1", extensions={"priority": 1})
    assert isinstance(verdict(a_trigger(condition=condition), event), Plan)


def test_a_condition_never_sees_the_customer_of_the_event_twice() -> None:
    found = verdict(a_trigger(condition="has(event.data.customer)"))
    assert isinstance(found, Silence)
    assert found.reason is Reason.CONDITION_FALSE


def test_an_extension_cannot_pass_for_an_attribute_of_the_event() -> None:
    event = make_event(extensions={"type": "order.refunded", "data": {"amount": 0}})
    assert isinstance(verdict(a_trigger(condition="event.type == 'order.delivered'"), event), Plan)
    assert isinstance(verdict(a_trigger(condition="event.data.amount > 1.0"), event), Plan)


@pytest.mark.parametrize(
    ("wanted", "profile", "expected"),
    [
        (("web",), {"email": None, "phone": None}, ("web",)),
        (("sms", "email"), {}, ("sms", "email")),
        (("email", "web"), {"consent": {"email": False}}, ("web",)),
        (("email", "sms"), {"consent": {"email": True}}, ("email", "sms")),
    ],
)
def test_channels_are_those_that_reach_the_customer_and_are_not_refused(
    wanted: tuple[ChannelName, ...], profile: dict[str, Any], expected: tuple[str, ...]
) -> None:
    channels = tuple(ChannelName(name) for name in wanted)
    assert usable_channels(channels, ADA.model_copy(update=profile), BRAND) == expected


@pytest.mark.parametrize(
    ("time", "subject", "of_invitation", "expected"),
    [
        (NOON, None, None, True),
        (NOON + HOUR, None, None, True),
        (NOON - timedelta(milliseconds=1), None, None, False),
        (NOON, "order/1", None, True),
        (NOON, None, "order/1", True),
        (NOON, "order/1", "order/1", True),
        (NOON, "order/1", "order/2", False),
    ],
)
def test_a_cancelling_event_means_what_is_not_younger_and_of_no_other_subject(
    time: datetime, subject: str | None, of_invitation: str | None, expected: bool
) -> None:
    facts = make_facts().model_copy(update={"subject": of_invitation})
    event = make_event("ret-1", type="order.returned", time=time, subject=subject)
    assert takes_back(event, make_invitation(event=facts)) is expected


def test_a_direct_invitation_is_taken_back_by_no_event() -> None:
    assert not takes_back(make_event(), make_invitation(event=None))
