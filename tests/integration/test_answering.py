"""Answering: a page's word becomes a response, exactly one; a finished one never changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from survey_service.answering.forms import Fault
from survey_service.answering.gate import Door
from survey_service.answering.recording import Recording, Submission
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import response_id
from survey_service.models.invitation import InvitationState
from survey_service.models.response import FinishedBy, Response, ResponseStatus
from survey_service.models.suppression import SuppressionReason, SuppressionScope
from survey_service.store.paging import PageRequest
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import Keyring, OptOutSubject
from tests.support.pipeline import NAME, Pipeline, a_customer, a_survey, an_event


@pytest.fixture
async def token(pipeline: Pipeline) -> str:
    """Of an invitation that has left."""
    await pipeline.configure()
    await pipeline.handle(an_event(data={"touchpoint": "berlin", "agent": "a-7"}))
    return await pipeline.token()


@pytest.fixture
def recording(pipeline: Pipeline) -> Recording:
    return pipeline.service.parts.recording


async def response(pipeline: Pipeline) -> Response:
    (only,) = await pipeline.responses()
    return only


def shown(submission: Submission) -> list[str]:
    return [question.id for question in submission.page]


async def test_a_look_changes_nothing(pipeline: Pipeline, recording: Recording, token: str) -> None:
    before = await pipeline.invitation()
    for _ in range(3):
        visit = await recording.look(token)
        assert visit.door is Door.OPEN
        assert [question.id for question in recording.page_of(visit)] == ["nps", "why"]
    assert await pipeline.invitation() == before
    assert await pipeline.responses() == ()


async def test_two_pages_make_a_partial_and_then_a_finished_response(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    first = await recording.submit_token(token, {"nps": "3", "why": "slow"})
    assert (first.taken, first.visit.door, shown(first)) == (True, Door.OPEN, ["fix"])
    partial = await response(pipeline)
    assert (partial.status, partial.revision, partial.finished_by) == (ResponseStatus.PARTIAL, 1, None)
    assert partial.answers == {"nps": 3, "why": "slow"}
    assert (await pipeline.invitation()).state is InvitationState.STARTED

    second = await recording.submit_token(token, {"fix": "speed"})
    assert (second.taken, second.visit.door, second.page) == (True, Door.FINISHED, ())
    finished = await response(pipeline)
    assert (finished.status, finished.revision) == (ResponseStatus.FINISHED, 2)
    assert finished.finished_by is FinishedBy.CUSTOMER
    assert finished.started_at == partial.started_at
    assert finished.finished_at is not None
    assert finished.answers == {"nps": 3, "why": "slow", "fix": "speed"}
    assert finished.asked == ("nps", "why", "fix")
    assert (finished.metric, finished.scale, finished.score, finished.scores) == ("nps", "0-10", 3, {"nps": 3})
    assert finished.comment == "slow"
    assert (await pipeline.invitation()).state is InvitationState.FINISHED


async def test_a_response_says_where_it_comes_from(pipeline: Pipeline, recording: Recording, token: str) -> None:
    await pipeline.store.configuration.surveys.put(NAME, a_survey(name="Another version"))
    await recording.submit_token(token, {"nps": "10"}, "de")
    row, invitation = await response(pipeline), await pipeline.invitation()
    assert row.id == response_id(invitation.id)
    assert (row.survey, row.survey_version, row.trigger, row.trigger_version) == (NAME, 1, NAME, 1)
    assert (row.customer, row.customer_ref, row.touchpoint) == (invitation.customer, "c-ada", "berlin")
    assert (row.channel, row.language, row.brand) == ("email", "de", "acme")
    assert row.event is not None
    assert (row.event.id, row.event.type) == ("ord-1", "order.delivered")


async def test_a_finished_response_never_changes(pipeline: Pipeline, recording: Recording, token: str) -> None:
    await recording.submit_token(token, {"nps": "9"})
    before = await response(pipeline)
    for form in ({"nps": "0"}, {"nps": "9", "why": "more"}, {"fix": "x"}, {}):
        again = await recording.submit_token(token, form)
        assert (again.taken, again.visit.door) == (False, Door.FINISHED)
    assert await response(pipeline) == before


async def test_a_first_page_that_comes_again_leads_on_and_changes_nothing(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    """The back button, a double tap, or a second tab."""
    await recording.submit_token(token, {"nps": "3"})
    again = await recording.submit_token(token, {"nps": "10", "why": "changed my mind"})
    assert (again.taken, shown(again), again.faults) == (False, ["fix"], None)
    assert (await response(pipeline)).answers == {"nps": 3}


@pytest.mark.parametrize("scores", [["9"] * 8, ["3"] * 8, [str(number) for number in range(8)]])
async def test_of_many_tabs_that_submit_at_once_exactly_one_is_taken(
    pipeline: Pipeline, recording: Recording, token: str, scores: list[str]
) -> None:
    submissions = await asyncio.gather(*(recording.submit_token(token, {"nps": score}) for score in scores))
    taken = [(score, submission) for score, submission in zip(scores, submissions, strict=True) if submission.taken]
    assert len(taken) == 1
    stored = await response(pipeline)
    assert (stored.score, stored.revision) == (int(taken[0][0]), 1)


async def test_of_many_tabs_on_the_last_page_exactly_one_is_taken(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    await recording.submit_token(token, {"nps": "3"})
    submissions = await asyncio.gather(*(recording.submit_token(token, {"fix": f"tab {tab}"}) for tab in range(8)))
    (taken,) = [tab for tab, submission in enumerate(submissions) if submission.taken]
    assert {submission.visit.door for submission in submissions} == {Door.FINISHED}
    stored = await response(pipeline)
    assert (stored.answers["fix"], stored.revision) == (f"tab {taken}", 2)


async def test_a_page_with_a_fault_stores_nothing(pipeline: Pipeline, recording: Recording, token: str) -> None:
    refused = await recording.submit_token(token, {"nps": "11", "why": "x" * 5000})
    assert (refused.taken, refused.faults) == (False, {"nps": Fault.NOT_ON_SCALE, "why": Fault.TOO_LONG})
    assert shown(refused) == ["nps", "why"]
    assert await pipeline.responses() == ()
    assert (await pipeline.invitation()).state is InvitationState.SENT


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 22, "A" * 21, "A" * 23, "ä" * 22, "../" * 7 + "x", "\0" * 22, "A" * 100_000, "{$ne: 1}"]
)
async def test_a_token_that_is_not_ours_is_unknown(recording: Recording, token: str) -> None:
    visit = await recording.look(token)
    assert (visit.door, visit.invitation, visit.survey) == (Door.UNKNOWN, None, None)
    assert not (await recording.submit_token(token, {"nps": "9"})).taken


async def test_a_foreign_token_looks_like_an_unknown_one(pipeline: Pipeline, recording: Recording, token: str) -> None:
    invitation = await pipeline.invitation()
    foreign = Keyring(["the secret of somebody else"]).survey_token(invitation.id) or ""
    opt_out = pipeline.service.parts.keyring.opt_out_token(OptOutSubject("acme", invitation.customer))
    for other in (foreign, opt_out, opt_out[:22], token.swapcase()):
        assert (await recording.look(other)).door is Door.UNKNOWN


async def test_an_expired_invitation_is_closed_before_anybody_wrote_it_down(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    pipeline.pass_time(timedelta(days=14))
    assert (await pipeline.invitation()).state is InvitationState.SENT
    assert (await recording.look(token)).door is Door.CLOSED
    assert not (await recording.submit_token(token, {"nps": "9"})).taken
    await pipeline.run()
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED
    assert (await recording.look(token)).door is Door.CLOSED
    assert await pipeline.responses() == ()


async def test_a_partial_answer_that_nothing_more_comes_to_is_taken_for_the_whole(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    await recording.submit_token(token, {"nps": "3", "why": "slow"})
    pipeline.pass_time(timedelta(hours=23))
    await pipeline.run()
    assert (await response(pipeline)).status is ResponseStatus.PARTIAL
    pipeline.pass_time(timedelta(hours=1))
    await pipeline.run()
    finished = await response(pipeline)
    assert (finished.status, finished.finished_by) == (ResponseStatus.FINISHED, FinishedBy.TIMEOUT)
    assert (finished.score, finished.comment, finished.due_at) == (3, "slow", None)
    assert (await pipeline.invitation()).state is InvitationState.FINISHED
    assert not (await recording.submit_token(token, {"fix": "too late"})).taken


async def test_each_answer_gives_time_for_the_next(pipeline: Pipeline, recording: Recording) -> None:
    third = {"id": "last", "kind": "text", "text": {"en": "And?"}, "required": False, "show_if": "answers.fix != ''"}
    survey = a_survey()
    survey = survey.model_validate({**survey.model_dump(), "questions": [*survey.questions, third]})
    await pipeline.configure()
    await pipeline.store.configuration.surveys.put(NAME, survey)
    await pipeline.handle(an_event())
    token = await pipeline.token()
    for form in ({"nps": "3"}, {"fix": "speed"}):
        pipeline.pass_time(timedelta(hours=23))
        await pipeline.run()
        assert (await recording.submit_token(token, form)).taken
    assert (await response(pipeline)).status is ResponseStatus.PARTIAL


async def test_a_page_of_nothing_but_a_box_may_be_left_unticked(pipeline: Pipeline, recording: Recording) -> None:
    box = {
        "id": "quote",
        "kind": "consent",
        "text": {"en": "May we?"},
        "required": False,
        "show_if": "answers.nps > 8.0",
    }
    survey = a_survey()
    survey = survey.model_validate({**survey.model_dump(), "questions": [*survey.questions, box]})
    await pipeline.configure()
    await pipeline.store.configuration.surveys.put(NAME, survey)
    await pipeline.handle(an_event())
    token = await pipeline.token()
    await recording.submit_token(token, {"nps": "9", "_page": "nps why"})
    assert not (await recording.submit_token(token, {"nps": "9", "_page": "nps why"})).taken
    assert (await recording.submit_token(token, {"_page": "quote"})).taken
    stored = await response(pipeline)
    assert (stored.status, stored.answers["quote"]) == (ResponseStatus.FINISHED, False)


async def test_a_submission_that_comes_again_under_its_own_id_finds_itself_stored(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    first, last = {"nps": "3", "_submission": "s-1"}, {"fix": "speed", "_submission": "s-2"}
    for _ in range(2):
        assert (await recording.submit_token(token, first)).taken
    for _ in range(2):
        again = await recording.submit_token(token, last)
        assert (again.taken, again.visit.door) == (True, Door.FINISHED)
    assert not (await recording.submit_token(token, {**last, "_submission": "s-3"})).taken
    stored = await response(pipeline)
    assert (stored.revision, stored.submissions) == (2, ("s-1", "s-2"))


async def test_a_finished_answer_is_finished_also_after_its_time(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    await recording.submit_token(token, {"nps": "9"})
    pipeline.pass_time(timedelta(days=30))
    await pipeline.run()
    assert (await recording.look(token)).door is Door.FINISHED
    assert (await pipeline.invitation()).state is InvitationState.FINISHED


async def test_a_cancelled_invitation_is_closed(pipeline: Pipeline, recording: Recording, token: str) -> None:
    invitation = await pipeline.invitation()
    whose = {"invitation": invitation.id}
    assert await withdraw_waiting(pipeline.store.database, whose, Reason.CANCELLED) == 0  # it has left already
    assert await withdraw_waiting(pipeline.store.database, whose, Reason.CANCELLED, (InvitationState.SENT,)) == 1
    assert await withdraw_waiting(pipeline.store.database, whose, Reason.CANCELLED, (InvitationState.SENT,)) == 0
    assert (await recording.look(token)).door is Door.CLOSED
    assert not (await recording.submit_token(token, {"nps": "9"})).taken


async def test_a_link_in_hand_works_though_no_message_could_be_delivered(
    pipeline: Pipeline, recording: Recording, token: str
) -> None:
    invitation = await pipeline.invitation()
    assert await pipeline.store.invitations.move(invitation.id, InvitationState.UNDELIVERABLE, Reason.REFUSED)
    assert (await recording.submit_token(token, {"nps": "9"})).taken
    assert (await pipeline.invitation()).state is InvitationState.FINISHED


async def test_a_new_secret_leaves_the_links_of_the_old_one_open(pipeline: Pipeline, token: str) -> None:
    invitation = await pipeline.invitation()
    rotated = Keyring(["a secret that came later", "a secret of sixteen characters or more"])
    assert rotated.survey_token(invitation.id, invitation.token.kid) == token


async def test_an_opt_out_says_so_for_the_person_and_each_address_and_repeating_it_changes_nothing(
    pipeline: Pipeline, recording: Recording
) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event(customer=a_customer(phone="+4915123456789")))
    opting_out, keyring = pipeline.service.parts.opting_out, pipeline.service.parts.keyring
    invitation = await pipeline.invitation()
    subject = opting_out.subject_of(keyring.opt_out_token(OptOutSubject("acme", invitation.customer)))
    assert subject is not None
    await opting_out.opt_out(subject)
    first = (await pipeline.store.suppressions.page({}, PageRequest(limit=100))).rows
    assert sorted(row.scope for row in first) == [
        SuppressionScope.ADDRESS,
        SuppressionScope.ADDRESS,
        SuppressionScope.PERSON,
    ]
    assert {(row.brand, row.reason) for row in first} == {("acme", SuppressionReason.UNSUBSCRIBED)}
    await asyncio.gather(*(opting_out.opt_out(subject) for _ in range(5)))
    assert (await pipeline.store.suppressions.page({}, PageRequest(limit=100))).rows == first
    stored = str([document async for document in pipeline.store.database["suppressions"].find()])
    for private in ("ada@example.com", "+4915123456789", invitation.customer):
        assert private not in stored
    # Whoever opted out may still answer what is in the mailbox.
    assert (await recording.submit_token(await pipeline.token(), {"nps": "2"})).taken


async def test_an_opt_out_of_somebody_unknown_is_taken(pipeline: Pipeline) -> None:
    await pipeline.service.parts.opting_out.opt_out(OptOutSubject("acme", "cus_gone"))
    (row,) = (await pipeline.store.suppressions.page({}, PageRequest(limit=10))).rows
    assert row.scope is SuppressionScope.PERSON


async def test_an_opt_out_and_an_answer_at_once_are_both_kept(pipeline: Pipeline, recording: Recording) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(10)))
    urls = {row.id: pipeline.service.parts.direct.url_of(row) or "" for row in await pipeline.invitations()}
    tokens = [url.rpartition("/")[2] for url in urls.values()]
    people = [row.customer for row in await pipeline.invitations()]
    opting_out = pipeline.service.parts.opting_out
    results = await asyncio.gather(
        *(recording.submit_token(token, {"nps": "9"}) for token in tokens),
        *(opting_out.opt_out(OptOutSubject("acme", customer)) for customer in people),
    )
    answered = sum(result.taken for result in results if isinstance(result, Submission))
    assert len(await pipeline.responses()) == answered
    states = [row.state for row in await pipeline.invitations()]
    assert set(states) <= {InvitationState.FINISHED, InvitationState.CANCELLED}
    assert states.count(InvitationState.FINISHED) <= answered
    assert {row.state.value for row in await pipeline.deliveries()} == {"cancelled"}


async def test_a_direct_invitation_is_answered_like_any_other(pipeline: Pipeline, recording: Recording) -> None:
    await pipeline.configure()
    made = await pipeline.invite(channels=(ChannelName.WEB,), language="en")
    assert (await recording.submit_token(made.url.rpartition("/")[2], {"nps": "10"})).taken
    row = await response(pipeline)
    assert (row.channel, row.event, row.trigger, row.status) == ("web", None, None, ResponseStatus.FINISHED)
