"""Direct invitations: whom they reach, and what makes one out of many requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from survey_service.errors import Conflict, InvalidInput
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.tokens import OptOutSubject
from tests.support.deciding import holds
from tests.support.failpoints import failing
from tests.support.pipeline import Pipeline, an_event

BAD_VALUE = 2


async def test_a_direct_invitation_for_the_web_has_its_address_at_once(pipeline: Pipeline) -> None:
    await pipeline.configure()
    made = await pipeline.invite(channels=(ChannelName.WEB,), profile=CustomerProfile(external_id="c-1"))
    assert made.created
    assert made.url.startswith("https://survey.example/s/")
    await pipeline.run()
    assert (await pipeline.invitation()).state is InvitationState.SENT
    assert pipeline.smtp.mails == []


async def test_a_web_invitation_that_is_answered_before_it_is_planned_comes_to_rest(pipeline: Pipeline) -> None:
    await pipeline.configure()
    made = await pipeline.invite(channels=(ChannelName.WEB,))
    taken = await pipeline.service.parts.recording.submit_token(made.url.rpartition("/")[2], {"nps": "3"})
    assert taken.taken
    async with asyncio.timeout(10):
        await pipeline.run()
    assert (await pipeline.invitation()).state is InvitationState.STARTED


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_direct_invitation_that_could_not_be_stored_bars_no_repetition(
    pipeline: Pipeline, mongodb_uri: str, database_name: str, key: str | None
) -> None:
    await pipeline.configure()
    async with failing(mongodb_uri, f"{database_name}.invitations", ["insert"], {"times": 1}, errorCode=BAD_VALUE):
        with pytest.raises(OperationFailure):
            await pipeline.invite(ignore_rules=False, idempotency_key=key)
    assert len(await holds(pipeline)) == (0 if key is None else 1)
    made = await pipeline.invite(ignore_rules=False, idempotency_key=key)
    assert await holds(pipeline) == {made.invitation.id: 2}


async def test_an_idempotency_key_means_one_request(pipeline: Pipeline) -> None:
    await pipeline.configure()
    first = await pipeline.invite(idempotency_key="k", content_hash="a")
    again = await pipeline.invite(idempotency_key="k", content_hash="a")
    other_caller = await pipeline.invite(idempotency_key="k", content_hash="a", key="key_2")
    assert (first.created, again.created, other_caller.created) == (True, False, True)
    assert (again.url, again.invitation.id) == (first.url, first.invitation.id)
    assert other_caller.invitation.id != first.invitation.id
    with pytest.raises(Conflict):
        await pipeline.invite(idempotency_key="k", content_hash="b")
    made, another = await pipeline.invite(), await pipeline.invite()
    assert made.invitation.id != another.invitation.id


async def test_of_many_equal_requests_at_once_one_makes_the_invitation(pipeline: Pipeline) -> None:
    await pipeline.configure()
    made = await asyncio.gather(*(pipeline.invite(idempotency_key="k") for _ in range(20)))
    assert sum(result.created for result in made) == 1
    assert len({result.url for result in made}) == 1
    assert len(await pipeline.invitations()) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"survey": "no-such"}, "/survey"),
        ({"channels": (ChannelName.SMS,)}, "/channels"),
        ({"profile": CustomerProfile(email="broken@")}, "/customer"),
    ],
)
async def test_a_direct_invitation_that_reaches_nobody_is_refused(
    pipeline: Pipeline, changes: dict[str, Any], pointer: str
) -> None:
    await pipeline.configure()
    with pytest.raises(InvalidInput) as refused:
        await pipeline.invite(**changes)
    assert refused.value.problems[0].pointer == pointer
    assert await pipeline.invitations() == ()


async def test_a_direct_invitation_does_not_reach_who_opted_out(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    await pipeline.service.parts.opting_out.opt_out(OptOutSubject("acme", (await pipeline.invitation()).customer))
    await pipeline.invite()
    await pipeline.run()
    assert pipeline.recipients() == ["ada@example.com"]
    newest = (await pipeline.deliveries())[0]
    assert (newest.state, newest.reason) == (DeliveryState.CANCELLED, Reason.SUPPRESSED)
