"""What is kept of an anonymous answer, and of all that is known when it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from survey_service.answering.ballots import ballot_occasion, ballot_of, counted, next_hour
from survey_service.models.ballot import Ballot
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName
from survey_service.models.invitation import EventFacts, Invitation, TokenRef
from survey_service.models.outbox import NewsType
from survey_service.models.response import FinishedBy, Measure, Response, ResponseStatus
from survey_service.models.survey import Survey

NOW = datetime(2026, 11, 22, 14, 47, 10, 123_000, UTC)
INVITATION = Invitation(
    id="inv_1",
    event=EventFacts(key="evt_1", id="T-1", source="/tickets", type="ticket.closed", time=NOW),
    trigger="ticket",
    trigger_version=3,
    variant="b",
    survey="ticket",
    survey_version=2,
    brand="helpdesk",
    customer="cus_1",
    customer_ref="e-17",
    recipient=CustomerProfile(email="ada@acme.example", first_name="Ada", phone="+4915123456789"),
    touchpoint="it-workplace",
    data={"ticket": "T-1"},
    dimensions={"queue": "laptops"},
    language="pt",
    channels=(ChannelName.EMAIL,),
    send_at=NOW,
    expires_at=NOW + timedelta(days=14),
    created_at=NOW,
    token=TokenRef(kid="k", sha256="0" * 64),
)
SURVEY = Survey.model_validate(
    {
        "_id": "ticket:2",
        "survey": "ticket",
        "version": 2,
        "created_at": NOW,
        "name": "After a ticket",
        "brand": "helpdesk",
        "anonymous": True,
        "default_language": "en",
        "primary": "easy",
        "questions": ({"id": "easy", "kind": "ces", "text": {"en": "Easy?", "pt": "Fácil?"}},),
    }
)
SAID = {"score": 6, "scores": {"easy": 6}, "answers": {"easy": 6, "why": "quick"}, "comment": "quick"}


def answered(**changes: object) -> Response:
    """An answer of Ada's, with everything on it that one may carry."""
    fields: dict[str, object] = {
        **ballot_occasion(INVITATION, "sheet").facts,
        "id": "rsp_1",
        "status": ResponseStatus.FINISHED,
        "finished_by": FinishedBy.CUSTOMER,
        "survey": "ticket",
        "survey_version": 2,
        "brand": "helpdesk",
        "channel": "email",
        "language": "pt",
        "metric": "ces",
        "scale": "1-7",
        "measures": {"easy": Measure(metric="ces", scale="1-7")},
        "asked": ("easy", "why"),
        **SAID,
        "event": INVITATION.event,
        "invitation": "inv_1",
        "customer": "cus_1",
        "customer_ref": "e-17",
        "trigger_version": 3,
        "variant": "b",
        "incentive": "voucher",
        "texts": ("txt_1",),
        "submissions": ("1-2-3-4",),
        "network": "0" * 32,
        "suspect": "too_fast",
        "suspect_by": "service",
        "started_at": NOW,
        "finished_at": NOW,
    }
    return Response.model_validate({**fields, **changes})


def test_nothing_is_kept_but_what_was_said_and_about_what() -> None:
    ballot = ballot_of(answered(), SURVEY, NOW)
    kept = {name for name, value in ballot.to_document().items() if value not in (None, (), {}, [])}
    about = {"survey", "survey_version", "brand", "trigger", "touchpoint", "dimensions", "channel", "language"}
    said = {"status", "finished_by", "metric", "scale", "measures", "measured", "asked", *SAID}
    work = {"_id", "schema", "box", "revision", "submissions", "due_at", "claim", "deaths"}
    assert kept - {"started_at", "finished_at"} == about | said | work
    assert (ballot.language, ballot.channel) == ("en", "web")
    assert (ballot.answers, ballot.score, ballot.dimensions) == (SAID["answers"], 6, {"queue": "laptops"})


def test_a_ballot_says_the_day_and_no_more() -> None:
    ballot = ballot_of(answered(), SURVEY, NOW)
    assert (ballot.started_at, ballot.finished_at) == (datetime(2026, 11, 22, tzinfo=UTC),) * 2
    assert ballot.due_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    partial = answered(status=ResponseStatus.PARTIAL, finished_at=None, due_at=NOW + timedelta(days=1))
    waiting = ballot_of(partial, SURVEY, NOW)
    assert (waiting.finished_at, waiting.due_at) == (None, datetime(2026, 11, 24, tzinfo=UTC))


def test_those_that_leave_a_box_together_bear_one_instant_and_tell_their_news_then() -> None:
    later = NOW + timedelta(days=3)
    response = counted(ballot_of(answered(), SURVEY, NOW), later)
    assert not isinstance(response, Ballot)
    assert (response.started_at, response.finished_at, response.outbox.due_at) == (later,) * 3
    assert [news.type for news in response.outbox.entries] == [NewsType.RESPONSE_SCORED, NewsType.RESPONSE_FINISHED]
    assert {news.at for news in response.outbox.entries} == {later}
    assert (response.submissions, response.due_at, response.lease, response.revision) == ((), None, None, 1)


@pytest.mark.parametrize(
    ("changes", "is_alike"),
    [
        ({"answers": {"easy": 1}, "score": 1, "comment": None}, True),
        ({"status": ResponseStatus.FINISHED, "finished_by": FinishedBy.TIMEOUT}, True),
        ({"language": "en", "network": None, "customer": "cus_2"}, True),
        ({"touchpoint": "elsewhere"}, False),
        ({"dimensions": {"queue": "phones"}}, False),
        ({"dimensions": {}}, False),
        ({"survey_version": 3}, False),
        ({"trigger": None}, False),
        ({"link": "desk"}, False),
    ],
)
def test_a_box_holds_what_is_alike_in_all_but_what_was_said(changes: dict[str, object], is_alike: bool) -> None:
    own, other = ballot_of(answered(), SURVEY, NOW), ballot_of(answered(**changes), SURVEY, NOW)
    assert (own.box == other.box) is is_alike


def test_the_occasion_leads_nowhere_and_conditions_see_answers_alone() -> None:
    one, other = ballot_occasion(INVITATION, "one"), ballot_occasion(INVITATION, "other")
    somebody_elses = ballot_occasion(INVITATION.model_copy(update={"id": "inv_2", "customer": "cus_2"}), "one")
    assert one.response != other.response
    assert one.response == somebody_elses.response
    assert one.facts.keys() == {"trigger", "touchpoint", "dimensions"}
    assert one.variables == {"event": {}, "customer": {}}
    assert one.phone is None


@pytest.mark.parametrize(
    ("at", "hour"),
    [((14, 0, 0), (22, 15)), ((14, 59, 59), (22, 15)), ((23, 30, 0), (23, 0))],
)
def test_the_next_hour_is_a_full_one(at: tuple[int, int, int], hour: tuple[int, int]) -> None:
    day, full = hour
    now = datetime(2026, 11, 22, *at, 5, tzinfo=UTC)
    assert next_hour(now) == datetime(2026, 11, day, full, tzinfo=UTC)
