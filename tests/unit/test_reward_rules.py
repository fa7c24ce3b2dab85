"""What is offered and to whom, which shares a claim uses, and in which words it is told: values in, values out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from survey_service.api.shapes.incentives import mask_code
from survey_service.followup.reward_rules import Claim, Outcome, is_shown, new_reward, own_share, shares_of_sources
from survey_service.intake.offering import NoOffer, make_offer
from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.incentive import (
    TRANSITIONS,
    Hold,
    Incentive,
    IncentiveState,
    Offer,
    Reward,
    RewardReason,
    RewardState,
)
from survey_service.models.response import FinishedBy
from survey_service.store.allowances import Allowance
from survey_service.texts.thanking import offer_unless_named, reward_text, waiting_sentence
from tests.support.factories import NOON, make_invitation, make_response
from tests.support.thanking import TEN_OFF, VOUCHER, an_incentive

BERLIN = ZoneInfo("Europe/Berlin")
OFFER = Offer(incentive=VOUCHER, name="Voucher", text={"en": TEN_OFF, "de": "10 % Rabatt."})


def incentive(**changes: Any) -> Incentive:
    shared = {"kind": "shared_code", "code": "THANKS"}
    return Incentive.model_validate({**an_incentive(**{**shared, **changes}).model_dump(), "id": VOUCHER})


def state(**fields: Any) -> IncentiveState:
    return IncentiveState(id=VOUCHER, **fields)


def claim(response: dict[str, Any] | None = None, profile: CustomerProfile | None = None, **fields: Any) -> Claim:
    invitation = make_invitation(recipient=profile or CustomerProfile(), incentive=OFFER)
    brand = Brand.model_validate({"id": "acme", "name": "Acme", "timezone": "Europe/Berlin"})
    return Claim(OFFER, incentive(), make_response(**(response or {})), brand, invitation, **fields)


def reward(**fields: Any) -> Reward:
    given = {
        "id": "rwd_1",
        "incentive": VOUCHER,
        "name": "Voucher",
        "text": OFFER.text,
        "response": "rsp_1",
        "brand": "acme",
        "survey": "after-delivery",
        "state": RewardState.GRANTED,
        "created_at": NOON,
    }
    return Reward.model_validate(given | fields)


@pytest.mark.parametrize(
    ("changes", "given", "tree", "result"),
    [
        ({}, None, {}, VOUCHER),
        ({"enabled": False}, None, {}, NoOffer.DISABLED),
        ({"total": 2}, state(granted=1), {}, VOUCHER),
        ({"total": 2}, state(granted=2), {}, NoOffer.USED_UP),
        ({"budget": 0.3, "value": 0.1}, state(mills=200), {}, VOUCHER),
        ({"budget": 0.3, "value": 0.1}, state(mills=201), {}, NoOffer.USED_UP),
        ({"per_day": 1}, state(granted=9), {}, VOUCHER),
        ({"kind": "unique_code", "code": None}, state(left=1), {}, VOUCHER),
        ({"kind": "unique_code", "code": None}, state(left=0), {}, NoOffer.USED_UP),
        ({"kind": "unique_code", "code": None}, None, {}, NoOffer.USED_UP),
        ({"condition": "event.data.amount > 20.0"}, None, {"event": {"data": {"amount": 21}}}, VOUCHER),
        ({"condition": "event.data.amount > 20.0"}, None, {"event": {"data": {"amount": 20}}}, NoOffer.NOT_ELIGIBLE),
        ({"condition": "event.data.amount > 20.0"}, None, {"event": {"data": {}}}, NoOffer.NOT_ELIGIBLE),
    ],
)
def test_what_is_offered_depends_on_what_is_left_and_whom_it_is_for(
    changes: dict[str, Any], given: IncentiveState | None, tree: dict[str, object], result: str
) -> None:
    offer = make_offer(incentive(**changes), given, {"event": {}, "customer": {}, **tree})
    assert (offer.incentive if isinstance(offer, Offer) else offer) == result


def test_what_is_gone_is_not_offered() -> None:
    assert make_offer(None, None, {}) is NoOffer.DISABLED


ADA = CustomerProfile(email="Ada@Example.com", phone="+4915123456789")
MONTH = timedelta(days=30)
ADDRESS = Allowance("voucher:address:<ada@example.com>", 3, MONTH)
PHONE = Allowance("voucher:phone:<+4915123456789>", 3, MONTH)
NETWORK = Allowance("voucher:network:ab", 20, MONTH)


@pytest.mark.parametrize(
    ("profile", "network", "hold", "fields", "shares"),
    [
        (ADA, "ab", Hold(), {}, [ADDRESS, PHONE, NETWORK]),
        (CustomerProfile(), None, Hold(), {}, []),
        (CustomerProfile(), "ab", Hold(), {}, [NETWORK]),
        (ADA, "ab", Hold(most_of_network=None), {}, [ADDRESS, PHONE]),
        (ADA, "ab", None, {}, []),
        (ADA, "ab", Hold(), {"trusted": True}, []),
        (ADA, "ab", Hold(), {"given": True}, []),
    ],
)
def test_a_source_has_a_share_unless_a_person_decided(
    profile: CustomerProfile, network: str | None, hold: Hold | None, fields: dict[str, Any], shares: list[Allowance]
) -> None:
    of = claim({"network": network}, profile, **fields)
    assert shares_of_sources(of, incentive(hold=hold), lambda subject: f"<{subject}>") == shares


@pytest.mark.parametrize(("fields", "has_share"), [({}, True), ({"trusted": True}, True), ({"given": True}, False)])
def test_a_person_has_a_share_unless_they_are_thanked_by_hand(fields: dict[str, Any], has_share: bool) -> None:
    share = own_share(claim(**fields), incentive(per_person=2, period="P90D"))
    expected = Allowance("voucher:person:cus_0123456789abcdefghijKL", 2, timedelta(days=90))
    assert share == (expected if has_share else None)


def test_a_reward_is_told_apart_as_its_answer_is() -> None:
    whence = {"trigger": "t", "variant": "B", "channel": "sms", "language": "de", "dimensions": {"agent": "a-1"}}
    given = new_reward(claim(whence), Outcome(RewardState.HELD), NOON)
    assert {name: getattr(given, name) for name in whence} == whence


def test_nobody_has_no_share() -> None:
    assert own_share(claim({"customer": None}), incentive()) is None


@pytest.mark.parametrize(
    ("hour", "day"), [(22, date(2026, 7, 1)), (21, date(2026, 6, 30))], ids=["after midnight", "before it"]
)
def test_a_day_is_that_of_the_brands_zone(hour: int, day: date) -> None:
    assert claim().day(datetime(2026, 6, 30, hour, 30, tzinfo=UTC)) == day


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, True), ({"finished_by": FinishedBy.TIMEOUT}, False), ({"texts": ("SM1",)}, False)],
)
def test_a_page_shows_what_is_given_to_who_finished_on_it(changes: dict[str, Any], shown: bool) -> None:
    assert is_shown(make_response(**changes)) is shown


def test_a_reward_is_good_from_its_grant_to_its_end() -> None:
    end = NOON + MONTH
    assert reward(expires_at=end).is_good(end - timedelta(seconds=1))
    assert not reward(expires_at=end).is_good(end)
    assert not reward(state=RewardState.HELD).is_good(NOON)


def test_what_was_granted_stays_granted() -> None:
    assert TRANSITIONS[RewardState.GRANTED] == frozenset()
    assert all(RewardState.GRANTED in TRANSITIONS[state] for state in (RewardState.HELD, RewardState.REFUSED))


@pytest.mark.parametrize("reason", RewardReason)
def test_each_reason_is_told_in_words_or_not_at_all(reason: RewardReason) -> None:
    held = reason is RewardReason.SAME_SOURCE
    refused = reward(state=RewardState.HELD if held else RewardState.REFUSED, reason=reason)
    said = waiting_sentence(refused, NOON, "en")
    assert (said is None) == (reason is RewardReason.REJECTED)
    # Whoever is doubted is not told that they are.
    assert "suspect" not in (said or "")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([None, {"en": "How was it?"}], f"As a thank-you: {TEN_OFF}."),
        ([{"en": "Answer for {{incentive.text}}"}], ""),
        ([{"de": "Dafür gibt es {{ incentive.name|etwas }}"}], ""),
    ],
)
def test_the_offer_is_said_where_no_text_says_it(texts: list[dict[str, str] | None], said: str) -> None:
    assert offer_unless_named(make_invitation(incentive=OFFER), texts, "en") == said


@pytest.mark.parametrize("invitation", [None, make_invitation()])
def test_without_an_offer_nothing_is_said(invitation: Any) -> None:
    assert offer_unless_named(invitation, [], "en") == ""


def test_a_mail_has_paragraphs_and_a_text_message_names_the_brand_first() -> None:
    given = reward(code="A-1", expires_at=NOON + MONTH)
    assert reward_text(given, "Acme", BERLIN, "en", by_mail=True).split("\n\n") == [
        f"Thank you for your answer. As a thank-you: {TEN_OFF}.",
        "Your code: A-1",
        "Valid until December 22, 2025.",
    ]
    text = reward_text(given, "Acme", BERLIN, "de", by_mail=False)
    assert (
        text == "Acme: Danke für Ihre Antwort. Als Dankeschön: 10 % Rabatt. Ihr Code: A-1 Gültig bis 22. Dezember 2025."
    )


@pytest.mark.parametrize(
    ("code", "shown"), [(None, None), ("A-1", "•••"), ("SIXSIX", "•••"), ("SEVEN77", "•••N77"), ("A" * 100, "•••AAA")]
)
def test_of_a_code_little_is_shown(code: str | None, shown: str | None) -> None:
    assert mask_code(code) == shown
