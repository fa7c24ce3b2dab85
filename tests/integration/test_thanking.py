"""The whole way of a thank-you: offered with the question, granted with the last answer, shown, sent, read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.decision import Decision
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.incentive import RewardReason, RewardState
from survey_service.models.response import ResponseStatus
from survey_service.wiring import create_app
from tests.support.forms import read_page
from tests.support.pipeline import NAME, Pipeline, a_brand, a_customer, a_survey, an_event
from tests.support.service import ApiClient, client_of
from tests.support.thanking import TEN_OFF, VOUCHER, an_incentive, rewards

OFFER = f"As a thank-you: {TEN_OFF}."
SHARED: dict[str, Any] = {"kind": "shared_code", "code": "THANKS-10"}


@pytest.fixture
async def visitor(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    async with client_of(create_app(pipeline.service.parts)) as client:
        yield client


async def offer(pipeline: Pipeline, *, codes: tuple[str, ...] = (), **changes: Any) -> None:
    """Configure a trigger that offers the incentive."""
    incentive, _ = await pipeline.store.configuration.incentives.put(VOUCHER, an_incentive(**changes))
    if codes:
        await pipeline.store.codes.add(VOUCHER, codes)
        await pipeline.service.parts.granting.note_codes(incentive)
    await pipeline.configure(incentive=VOUCHER)


async def answer(pipeline: Pipeline, visitor: ApiClient, score: int = 9, **more: str) -> str:
    """Answer the only invitation, all of it; the page that follows."""
    path = f"/s/{await pipeline.token()}"
    page = read_page(await (await visitor.get(path)).text())
    response = await visitor.post(path, data={**page.fields, "nps": str(score), **more})
    return await response.text()


async def decided(pipeline: Pipeline, **customer: Any) -> Decision:
    await pipeline.handle(an_event(customer=a_customer(**customer)))
    return await pipeline.decision()


async def test_the_offer_is_in_the_mail_and_on_the_page(pipeline: Pipeline, visitor: ApiClient) -> None:
    await offer(pipeline, **SHARED)
    decision = await decided(pipeline)
    assert decision.values["incentive"] == VOUCHER
    (letter,) = pipeline.letters()
    assert OFFER in letter.text
    assert OFFER in letter.html
    assert OFFER in await (await visitor.get(f"/s/{await pipeline.token()}")).text()


async def test_a_text_that_names_the_offer_is_not_told_twice(pipeline: Pipeline, visitor: ApiClient) -> None:
    await offer(pipeline, **SHARED)
    intro = "Answer by {{incentive.expires}} and get {{incentive.text|nothing}} ({{incentive.name}})."
    messages = {"email": {"intro": {"en": intro}}}
    await pipeline.store.configuration.surveys.put(NAME, a_survey(messages=messages))
    await decided(pipeline)
    (letter,) = pipeline.letters()
    invitation = await pipeline.invitation()
    assert f"Answer by {invitation.expires_at:%B} {invitation.expires_at.day}, " in letter.text
    assert f"and get {TEN_OFF} (Voucher)." in letter.text
    assert OFFER not in letter.text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"enabled": False}, "disabled"),
        ({"condition": 'customer.attributes.tier == "gold"'}, "not_eligible"),
        ({"condition": "event.data.amount > 5.0"}, "not_eligible"),
        ({"kind": "unique_code", "code": None}, "used_up"),
    ],
)
async def test_without_an_offer_the_survey_is_sent_all_the_same(
    pipeline: Pipeline, visitor: ApiClient, changes: dict[str, Any], why: str
) -> None:
    await offer(pipeline, **{**SHARED, **changes})
    decision = await decided(pipeline, attributes={"tier": "silver"})
    assert decision.values["no_incentive"] == why
    (letter,) = pipeline.letters()
    assert "thank-you" not in letter.text
    page = await answer(pipeline, visitor)
    assert "ticket" not in page.partition("</style>")[2].partition("<body")[2]
    await pipeline.run()
    assert await rewards(pipeline.store) == []


async def test_a_condition_that_holds_makes_the_offer(pipeline: Pipeline) -> None:
    await offer(pipeline, **SHARED, condition='customer.attributes.tier == "gold" && event.data.amount > 5.0')
    await pipeline.handle(an_event(customer=a_customer(attributes={"tier": "gold"}), data={"amount": 10}))
    assert (await pipeline.decision()).values["incentive"] == VOUCHER


async def test_the_last_page_shows_the_ticket_and_the_link_shows_it_again(
    pipeline: Pipeline, visitor: ApiClient
) -> None:
    await offer(pipeline, codes=("A-1", "A-2"), expires_after="P30D")
    await decided(pipeline)
    shown = await answer(pipeline, visitor)
    (reward,) = await rewards(pipeline.store)
    assert reward.code is not None
    again = await (await visitor.get(f"/s/{await pipeline.token()}")).text()
    for page in (shown, again):
        assert f">{reward.code}</code>" in page
        assert TEN_OFF in page
        assert "Valid until " in page
    await pipeline.run()
    assert [one.code for one in await rewards(pipeline.store)] == [reward.code]
    pipeline.pass_time(timedelta(days=31))
    late = await (await visitor.get(f"/s/{await pipeline.token()}")).text()
    assert reward.code not in late
    assert "The time to use your thank-you is over." in late
    assert len(pipeline.letters()) == 1  # the page has shown it


async def test_a_reader_of_another_language_reads_the_ticket_in_it(pipeline: Pipeline, visitor: ApiClient) -> None:
    await offer(pipeline, **SHARED)
    questions = [{"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}]
    await pipeline.store.configuration.surveys.put(NAME, a_survey(questions=questions))
    await decided(pipeline, locale="de-DE")
    page = await answer(pipeline, visitor)
    assert "10 % Rabatt" in page
    assert "THANKS-10" in page


async def test_a_wished_for_message_brings_the_code_as_well(pipeline: Pipeline, visitor: ApiClient) -> None:
    await offer(pipeline, **SHARED, send=True)
    await decided(pipeline)
    await answer(pipeline, visitor)
    await pipeline.run()
    _, letter = pipeline.letters()
    assert letter.to == "ada@example.com"
    assert letter.subject == "Your thank-you from Acme"
    assert "THANKS-10" in letter.text
    (message,) = [row for row in await pipeline.deliveries() if row.kind is DeliveryKind.REWARD]
    assert message.state is DeliveryState.SENT


async def test_an_answer_that_was_left_open_is_thanked_by_message_once_its_time_is_over(
    pipeline: Pipeline, visitor: ApiClient
) -> None:
    await offer(pipeline, **SHARED)
    await decided(pipeline)
    await answer(pipeline, visitor, 3)  # a question is left
    assert (await pipeline.responses())[0].status is ResponseStatus.PARTIAL
    assert await rewards(pipeline.store) == []
    pipeline.pass_time(timedelta(days=2))
    await pipeline.run()
    (reward,) = await rewards(pipeline.store)
    assert reward.state is RewardState.GRANTED
    assert "THANKS-10" in pipeline.letters()[-1].text


async def test_an_empty_pool_never_blocks_an_answer_and_the_code_follows(
    pipeline: Pipeline, visitor: ApiClient
) -> None:
    await offer(pipeline, codes=("A-1",))
    await decided(pipeline)
    await pipeline.store.codes.delete_unused(VOUCHER)
    page = await answer(pipeline, visitor)
    assert "Our codes have just run out." in page
    (response,) = await pipeline.responses()
    assert response.status is ResponseStatus.FINISHED
    incentive = await pipeline.store.configuration.incentives.get(VOUCHER)
    assert incentive is not None
    await pipeline.store.codes.add(VOUCHER, ["B-1"])
    await pipeline.service.parts.granting.note_codes(incentive)
    await pipeline.run()
    (reward,) = await rewards(pipeline.store)
    assert (reward.state, reward.code) == (RewardState.GRANTED, "B-1")
    assert "B-1" in pipeline.letters()[-1].text


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"total": 1}, RewardReason.TOTAL, "has run out"),
        ({"per_day": 1}, RewardReason.PER_DAY, "has run out"),
        ({"hold": {"most": 1}}, RewardReason.SAME_SOURCE, "We look at your thank-you once more."),
        ({"per_person": 1}, RewardReason.PER_PERSON, "You have had this thank-you before"),
    ],
)
async def test_a_promise_that_cannot_be_kept_at_once_is_told_in_plain_words(
    pipeline: Pipeline, visitor: ApiClient, changes: dict[str, Any], reason: RewardReason, said: str
) -> None:
    per_person = changes.get("per_person", 5)
    await offer(pipeline, **SHARED, **{**changes, "per_person": per_person})
    await decided(pipeline)
    invitation = await pipeline.invitation()
    other = await pipeline.invite(incentive=VOUCHER, idempotency_key="2")
    assert other.invitation.incentive == invitation.incentive
    first = pipeline.service.parts.direct.url_of(invitation)
    assert first is not None
    pages = []
    for url in (first, other.url):
        response = await visitor.post("/s/" + url.rpartition("/")[2], data={"nps": "9", "_page": "nps why"})
        pages.append(await response.text())
    assert "THANKS-10" in pages[0]
    assert "THANKS-10" not in pages[1]
    assert said in pages[1]
    assert {row.reason for row in await rewards(pipeline.store)} == {None, reason}


async def test_nobody_is_taken_away_from_a_ticket(pipeline: Pipeline, visitor: ApiClient) -> None:
    await offer(pipeline, **SHARED)
    redirect = {"url": "https://acme.example/", "label": {"en": "On"}, "at_once": True}
    await pipeline.store.configuration.brands.put("acme", a_brand(redirects=[redirect]))
    await decided(pipeline)
    assert "http-equiv" not in await answer(pipeline, visitor)


async def test_a_direct_invitation_offers_what_it_names(pipeline: Pipeline) -> None:
    await offer(pipeline, **SHARED)
    made = await pipeline.invite(incentive=VOUCHER)
    assert made.invitation.incentive is not None
    assert made.invitation.incentive.incentive == VOUCHER
