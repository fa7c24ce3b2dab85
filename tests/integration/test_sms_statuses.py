"""Twilio's status callbacks: forged ones are refused, and any order of the genuine ones ends in the same state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from aiohttp import ClientResponse
from twilio.request_validator import RequestValidator

from channels.base import ProviderStatus
from channels.twilio_callbacks import SIGNATURE_HEADER, SmsStatus
from channels.twilio_statuses import status_of
from survey_service.cli.running import Role, running_service
from survey_service.delivery.reports import take_sms_status
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.parts import Parts
from survey_service.settings import read_settings
from survey_service.store.store import Store
from tests.support.factories import NOON, make_customer, make_delivery, make_invitation
from tests.support.pipeline import SECRET, a_brand, a_customer, a_survey, a_trigger, an_event
from tests.support.problems import assert_problem
from tests.support.processes import in_database
from tests.support.service import BASE_URL, SMS_AUTH_TOKEN, ApiClient
from tests.support.sms_sending import twilio_settings
from tests.support.twilio_server import ScriptedTwilio
from tests.support.waiting import until

PHONE = "+4915123456789"
SID = "SM" + "0" * 31 + "1"
SIX = ("accepted", "queued", "sending", "sent", "delivered", "undelivered")


def a_text(number: int = 1, **changes: Any) -> tuple[Invitation, Delivery]:
    """A text message of an invitation of its own."""
    invitation = make_invitation(f"ord-{number}", channels=(ChannelName.SMS,))
    fields = {"channel": ChannelName.SMS, "to": PHONE, "attempts": 1, "segments": 1, **changes}
    return invitation, make_delivery(invitation, **fields)


async def keep(store: Store, *texts: tuple[Invitation, Delivery]) -> None:
    await store.invitations.insert([invitation for invitation, _ in texts])
    await store.deliveries.insert([delivery for _, delivery in texts])


async def read(store: Store, delivery: str) -> Delivery:
    row = await store.deliveries.get(delivery)
    assert row is not None
    return row


def fields_of(status: str, sid: str = SID, **more: str) -> dict[str, str]:
    return {"MessageSid": sid, "MessageStatus": status, "To": PHONE, "AccountSid": "AC1", **more}


async def post(api: ApiClient, delivery: str, form: dict[str, str], signature: str | None = None) -> ClientResponse:
    path = f"/callbacks/twilio/status/{delivery}"
    signed = RequestValidator(SMS_AUTH_TOKEN).compute_signature(BASE_URL + path, form)
    headers = {SIGNATURE_HEADER: signed if signature is None else signature, "Authorization": ""}
    return await api.post(path, data=form, headers=headers)


# --- the edge


async def test_a_signed_status_is_noted(api: ApiClient, store: Store) -> None:
    text = a_text(state=DeliveryState.SENT, provider_id=SID)
    await keep(store, text)
    assert (await post(api, text[1].id, fields_of("delivered"))).status == 204
    row = await read(store, text[1].id)
    assert (row.provider_status, row.state) == ("delivered", DeliveryState.SENT)


@pytest.mark.parametrize("signature", ["", "forged", "ä"])
async def test_a_forged_status_is_refused_and_changes_nothing(api: ApiClient, store: Store, signature: str) -> None:
    text = a_text(state=DeliveryState.UNKNOWN)
    await keep(store, text)
    await assert_problem(await post(api, text[1].id, fields_of("delivered"), signature), 403, "forbidden")
    assert (await read(store, text[1].id)).state is DeliveryState.UNKNOWN


async def test_a_status_that_was_signed_for_another_delivery_or_other_fields_is_refused(
    api: ApiClient, store: Store
) -> None:
    form = fields_of("delivered")
    signed = RequestValidator(SMS_AUTH_TOKEN).compute_signature(f"{BASE_URL}/callbacks/twilio/status/dlv_other", form)
    await assert_problem(await post(api, "dlv_1", form, signed), 403, "forbidden")
    await assert_problem(await post(api, "dlv_other", form | {"ErrorCode": "21610"}, signed), 403, "forbidden")
    assert (await post(api, "dlv_other", form, signed)).status == 204


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": SID},
        {"MessageStatus": "sent"},
        fields_of("sent", sid="nobody"),
        fields_of("sent", ErrorCode="a lot"),
    ],
)
async def test_a_signed_form_without_what_a_status_has_is_malformed(api: ApiClient, form: dict[str, str]) -> None:
    await assert_problem(await post(api, "dlv_1", form or {"Other": "field"}), 400, "malformed")


async def test_a_status_of_an_unknown_delivery_is_taken_and_has_no_effect(api: ApiClient) -> None:
    assert (await post(api, "dlv_nobody", fields_of("delivered"))).status == 204


async def test_a_status_names_no_mail(api: ApiClient, store: Store) -> None:
    invitation = make_invitation()
    mail = make_delivery(invitation, state=DeliveryState.SENT)
    await keep(store, (invitation, mail))
    assert (await post(api, mail.id, fields_of("undelivered", ErrorCode="30005"))).status == 204
    assert (await read(store, mail.id)).provider_status is None


# --- what follows


@pytest.mark.parametrize("status", ["queued", "sent", "delivered", "undelivered", "a new word"])
async def test_any_status_proves_that_twilio_has_an_unknown_message(api: ApiClient, store: Store, status: str) -> None:
    text = a_text(state=DeliveryState.UNKNOWN, reason=Reason.OUTCOME_UNKNOWN, due_at=NOON)
    await keep(store, text)
    await post(api, text[1].id, fields_of(status))
    row = await read(store, text[1].id)
    assert (row.state, row.reason, row.due_at, row.provider_id) == (DeliveryState.SENT, None, None, SID)
    invitation = await store.invitations.get(text[0].id)
    assert invitation is not None
    assert invitation.state is InvitationState.SENT


@pytest.mark.parametrize(
    ("code", "suppressions"),
    [
        ("30003", set()),
        ("30005", {("address", "*", "bounced")}),
        ("30006", {("address", "*", "bounced")}),
        ("21610", {("address", "acme", "stop"), ("person", "acme", "stop")}),
        ("99999", set()),
    ],
)
async def test_a_failure_is_read_by_its_code_and_wakes_the_invitation(
    api: ApiClient, store: Store, code: str, suppressions: set[tuple[str, str, str]]
) -> None:
    text = a_text(state=DeliveryState.SENT, provider_id=SID)
    await store.customers.insert([make_customer()])
    await keep(store, text)
    for _ in range(2):
        await post(api, text[1].id, fields_of("undelivered", ErrorCode=code))
    row = await read(store, text[1].id)
    assert row.provider_status == "failed"
    assert (row.detail or "").startswith(code)
    found = (await (await api.get("/v1/suppressions")).json())["data"]
    kept = {(entry["scope"], entry["brand"], entry["reason"]) for entry in found}
    # Of a person who is known, the mail address is silenced as well: under the brand, like the number.
    assert kept == suppressions
    invitation = await store.invitations.get(text[0].id)
    assert invitation is not None
    assert (invitation.due_at is not None) or invitation.state is InvitationState.CANCELLED


# --- every order


def said(word: str) -> SmsStatus:
    return SmsStatus(SID, status_of(word), word, "30003" if word == "undelivered" else None, PHONE)


def highest(words: Sequence[str]) -> ProviderStatus:
    return max((status_of(word) for word in words), key=lambda status: status.rank)


ORDERS = list(permutations(SIX))


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.UNKNOWN])
async def test_every_order_of_the_six_statuses_with_repeats_ends_the_same(
    store: Store, parts: Parts, state: DeliveryState
) -> None:
    texts = [a_text(number, state=state, id=f"dlv_{number}") for number in range(len(ORDERS))]
    await keep(store, *texts)

    async def report(delivery: str, order: Sequence[str], repeat: int) -> None:
        with_repeats = [word for word in order for _ in range(1 + (repeat % 2))] + [order[repeat % len(order)]]
        for word in with_repeats:
            await take_sms_status(delivery, said(word), store, parts.silencing)

    await asyncio.gather(
        *(report(delivery.id, order, n) for n, ((_, delivery), order) in enumerate(zip(texts, ORDERS, strict=True)))
    )
    found = store.database["deliveries"].find({}, {"state": 1, "provider_status": 1, "provider_id": 1})
    ends = {(row["state"], row["provider_status"], row["provider_id"]) async for row in found}
    assert ends == {("sent", "delivered", SID)}


async def test_statuses_before_and_after_the_send_returned_end_the_same(store: Store, parts: Parts) -> None:
    """720 orders, and in each the send returns (or its worker gives up on it) at another place."""
    rng = random.Random(20261122)  # noqa: S311 -- repeats, the same ones in each run
    texts = [
        a_text(number, state=DeliveryState.SENDING, id=f"dlv_{number}", lease="l", claim=1)
        for number in range(len(ORDERS))
    ]
    await keep(store, *texts)

    async def live(row: Delivery, order: Sequence[str], returns_at: int, gives_up: bool) -> None:
        words = list(order)
        for place in range(len(words) + 1):
            if place == returns_at:
                if gives_up:
                    await store.deliveries.record_unknown(row, "timeout", None)
                else:
                    accepted = ProviderStatus.ACCEPTED
                    assert await store.deliveries.record_sent(row, "twilio", SID, accepted.value, accepted.rank)
            if place < len(words):
                for _ in range(rng.choice((1, 1, 2))):
                    await take_sms_status(row.id, said(words[place]), store, parts.silencing)

    await asyncio.gather(
        *(
            live(row, order, number % 7, gives_up=number % 2 == 0)
            for number, ((_, row), order) in enumerate(zip(texts, ORDERS, strict=True))
        )
    )
    found = store.database["deliveries"].find({}, {"state": 1, "provider_status": 1, "provider_id": 1, "lease": 1})
    ends = {(row["state"], row["provider_status"], row["provider_id"], row["lease"]) async for row in found}
    assert ends == {("sent", "delivered", SID, None)}


@pytest.mark.parametrize("length", range(1, 7))
def test_the_status_that_ranks_highest_does_not_depend_on_the_order(length: int) -> None:
    for words in permutations(SIX, length):
        assert highest(words) is highest(sorted(words))


# --- end to end


@pytest.mark.parametrize("report_first", [True, False], ids=["before the answer", "after the answer"])
@pytest.mark.parametrize(
    ("statuses", "status", "invitation"),
    [
        (("delivered", "sent", "queued", "delivered"), "delivered", InvitationState.SENT),
        ((("undelivered", 30003), "sent", ("undelivered", 30003)), "failed", InvitationState.UNDELIVERABLE),
    ],
    ids=["arrives", "fails"],
)
async def test_a_running_service_follows_what_twilio_reports(
    mongodb_uri: str,
    database_name: str,
    report_first: bool,
    statuses: Sequence[str | tuple[str, int]],
    status: str,
    invitation: InvitationState,
) -> None:
    async with ScriptedTwilio() as twilio:
        twilio.statuses, twilio.report_first = statuses, report_first
        environ = {"SURVEY_MONGODB_URI": in_database(mongodb_uri, database_name), "SURVEY_SECRET": SECRET}
        settings = read_settings({**environ, **twilio_settings(twilio), "SURVEY_PORT": "0"})
        async with running_service(settings, Role.SERVE) as running:
            store = running.service.parts.store
            await store.configuration.brands.put("acme", a_brand())
            await store.configuration.surveys.put("after-delivery", a_survey())
            await store.configuration.triggers.put("after-delivery", a_trigger(channels=("sms",)))
            event = an_event("ord-1", a_customer(phone=PHONE, email=None))
            await running.service.parts.receiving.receive([event], decide=True)

            async def is_settled() -> bool:
                rows = [row async for row in store.database["invitations"].find({"state": invitation.value})]
                deliveries = [row async for row in store.database["deliveries"].find({"provider_status": status})]
                return bool(rows and deliveries and deliveries[0]["state"] == "sent")

            await until(is_settled, f"the delivery is {status}")
            assert len(twilio.accepted) == 1
            await twilio.until_reported()
