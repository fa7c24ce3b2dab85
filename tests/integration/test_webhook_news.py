"""What webhooks are told of besides answers: messages that cannot be sent, suppressions, decisions, and their rows."""

from __future__ import annotations

from datetime import timedelta

from survey_service.api.told_rows import TOLD_ROWS
from survey_service.followup.telling import TellInTurn
from survey_service.followup.webhooks import MAX_BODY_BYTES
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.outbox import NewsType
from survey_service.models.suppression import SuppressionReason
from survey_service.store.suppressions import address_suppression
from tests.support.hooked import Hooked
from tests.support.pipeline import a_customer, an_event
from tests.support.receiver import Receiver


async def test_a_message_that_cannot_be_sent_is_told(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.DELIVERY_DEAD,))
    await hooked.pipeline.post(an_event("ord-1", a_customer("ada")))
    await hooked.run("intake", "planning")
    deliveries = hooked.pipeline.store.deliveries
    for _ in range(2):
        claim = await deliveries.claims.claim(1)
        assert claim is not None
        (row,) = claim.rows
        assert await deliveries.record_end(row, DeliveryState.DEAD, Reason.REFUSED, "550 no")
        await hooked.run("following", "webhooks")
        hooked.pipeline.pass_time(timedelta(minutes=1))
        assert await deliveries.retry(row.id, hooked.pipeline.clock.now())
    first, second = receiver.calls
    assert first.message != second.message
    assert first.content["type"] == "delivery.dead"
    data = first.content["data"]
    assert (data["id"], data["to"], data["reason"]) == (row.id, "a•••@example.com", "refused")


async def test_a_suppression_is_told_without_whom_it_silences(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.SUPPRESSION_CREATED,))
    parts = hooked.pipeline.service.parts
    row = address_suppression(
        parts.keyring, "ada@example.com", "acme", SuppressionReason.MANUAL, parts.clock.now(), "asked by phone"
    )
    for _ in range(2):
        await parts.store.suppressions.insert([row])
        await hooked.run("following", "webhooks")
    (call,) = receiver.calls
    assert call.content["data"]["id"] == row.id
    assert row.subject_hash not in call.body.decode()
    assert "ada@example.com" not in call.body.decode()


async def test_decisions_are_told_only_if_somebody_listens(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.pipeline.post(an_event("ord-1", a_customer("ada")))
    await hooked.run("intake")
    document = await hooked.pipeline.store.database["events"].find_one({})
    assert document is not None
    assert "outbox" not in document
    await hooked.add(receiver.url, types=(NewsType.EVENT_DECIDED,))
    await hooked.pipeline.post(an_event("ord-2", a_customer("bob")))
    await hooked.run("intake", "following", "webhooks")
    (call,) = receiver.calls
    assert call.content["data"]["id"] == "ord-2"
    assert call.content["data"]["decisions"][0]["outcome"] == "invited"


async def test_what_is_too_large_to_be_posted_is_named(hooked: Hooked, receiver: Receiver) -> None:
    await hooked.add(receiver.url, types=(NewsType.EVENT_DECIDED,))
    await hooked.pipeline.post(an_event("ord-1", a_customer("ada"), data={"note": "x" * MAX_BODY_BYTES}))
    await hooked.run("intake", "following", "webhooks")
    (call,) = receiver.calls
    assert call.content["data"] == {"key": (await hooked.pipeline.event()).id, "id": "ord-1", "too_large": True}


async def test_every_kind_of_document_that_is_told_of_has_a_row(hooked: Hooked) -> None:
    following = hooked.loop("following").stage.handle
    assert isinstance(following, TellInTurn)
    assert following.documents == TOLD_ROWS.keys()
