"""What a change makes of a case: its next revision, its history, what is told, and when it is looked at next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.errors import Conflict
from survey_service.followup.changing import (
    change_case,
    judge_case,
    next_look,
    note_case,
    pass_due,
    remind_case,
    reply_case,
    reward_case,
)
from survey_service.followup.minding import mind_case
from survey_service.followup.wording import Notice, word_alert
from survey_service.models.case import TRANSITIONS, Case, CaseState
from survey_service.models.follow_up import Priority
from survey_service.models.outbox import NewsType
from survey_service.models.person import Person

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BASE_URL = "https://survey.acme.example"
MIA = Person(id="mia", name="Mia", email="mia@acme.example", timezone="Europe/Berlin", language="de")


def a_case(**changes: Any) -> Case:
    """Opened at noon, due in two days, with a reminder four hours before."""
    fields = {
        "id": "cas_1",
        "title": "Unhappy customer",
        "rule": "unhappy",
        "response": "rsp_1",
        "survey": "after-delivery",
        "brand": "acme",
        "channel": "email",
        "metric": "nps",
        "scale": "0-10",
        "score": 2,
        "comment": "It was broken.",
        "owner": "mia",
        "due_within": "P2D",
        "due_by": NOON + 2 * DAY,
        "remind_before": "PT4H",
        "opened_at": NOON,
    }
    return Case.model_validate(fields | changes)


PAIRS = [(before, after) for before in CaseState for after in CaseState if before is not after]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_state_leads_only_where_the_table_says(before: CaseState, after: CaseState) -> None:
    case = a_case(state=before)
    if after in TRANSITIONS[before]:
        assert change_case(case, {"state": after}, "mia", NOON).case.state is after
    else:
        with pytest.raises(Conflict, match=f"the case is {before}"):
            change_case(case, {"state": after}, "mia", NOON)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (CaseState.OPEN, CaseState.WAITING, NewsType.CASE_UPDATED),
        (CaseState.OPEN, CaseState.RESOLVED, NewsType.CASE_CLOSED),
        (CaseState.WAITING, CaseState.CLOSED, NewsType.CASE_CLOSED),
        (CaseState.RESOLVED, CaseState.CLOSED, NewsType.CASE_UPDATED),
        (CaseState.RESOLVED, CaseState.OPEN, NewsType.CASE_UPDATED),
    ],
)
def test_a_case_is_closed_once_when_nobody_takes_care_any_more(
    before: CaseState, after: CaseState, told: NewsType
) -> None:
    changed = change_case(a_case(state=before), {"state": after}, "mia", NOON)
    assert changed.news is not None
    assert changed.news.type is told


def test_what_is_as_it_was_changes_nothing() -> None:
    case = a_case()
    changed = change_case(case, {"owner": "mia", "priority": Priority.NORMAL}, "bo", NOON)
    assert (changed.case, changed.news) == (case, None)


def test_each_change_is_a_line_and_the_news_of_each_revision_are_its_own() -> None:
    first = change_case(a_case(), {"owner": None, "priority": Priority.URGENT, "public_note": "Done."}, "bo", NOON)
    lines = {(line.field, line.before, line.after, line.by) for line in first.case.history}
    assert lines == {
        ("owner", "mia", None, "bo"),
        ("priority", "normal", "urgent", "bo"),
        ("public_note", None, "Done.", "bo"),
    }
    second = note_case(first.case, "Called.", "bo", NOON)
    assert (first.case.revision, second.case.revision) == (2, 3)
    assert first.news is not None
    assert second.news is not None
    assert first.news.id != second.news.id


def test_a_case_that_is_opened_again_has_as_long_again() -> None:
    closed = change_case(a_case(overdue=True), {"state": CaseState.RESOLVED}, "mia", NOON + 5 * DAY).case
    assert (closed.closed_at, closed.due_at) == (NOON + 5 * DAY, None)
    again = change_case(closed, {"state": CaseState.OPEN}, "mia", NOON + 9 * DAY).case
    assert (again.due_by, again.overdue, again.closed_at) == (NOON + 11 * DAY, False, None)
    assert again.due_at == NOON + 11 * DAY - 4 * HOUR


def test_a_due_time_that_is_named_goes_before_the_rules_own() -> None:
    wanted = {"state": CaseState.OPEN, "due_by": NOON + DAY}
    again = change_case(a_case(state=CaseState.RESOLVED), wanted, "mia", NOON).case
    assert again.due_by == NOON + DAY


def test_the_customers_word_is_noted_and_a_no_opens_the_case_again() -> None:
    resolved = a_case(state=CaseState.RESOLVED, closed_at=NOON)
    yes = judge_case(resolved, resolved=True, now=NOON + DAY).case
    assert (yes.state, yes.resolved_for_customer) == (CaseState.RESOLVED, True)
    no = judge_case(resolved, resolved=False, now=NOON + DAY).case
    assert (no.state, no.resolved_for_customer, no.due_by) == (CaseState.OPEN, False, NOON + 3 * DAY)
    assert {line.by for line in (*yes.history, *no.history)} == {"customer"}
    with pytest.raises(Conflict):
        judge_case(no, resolved=True, now=NOON + DAY)


def test_resolving_it_once_more_asks_once_more() -> None:
    contradicted = a_case(resolved_for_customer=False)
    assert change_case(contradicted, {"state": CaseState.RESOLVED}, "mia", NOON).case.resolved_for_customer is None


def test_a_reward_that_was_given_before_is_no_second_line() -> None:
    once = reward_case(a_case(), "rwd_1", "mia", NOON).case
    assert reward_case(once, "rwd_1", "mia", NOON).news is None
    assert reply_case(once, "dlv_1", "mia", NOON).case.replies == 1


@pytest.mark.parametrize(
    ("changes", "look"),
    [
        ({}, NOON + 2 * DAY - 4 * HOUR),
        ({"reminded": True}, NOON + 2 * DAY),
        ({"remind_before": None}, NOON + 2 * DAY),
        ({"state": CaseState.WAITING}, NOON + 2 * DAY - 4 * HOUR),
        ({"overdue": True}, None),
        ({"state": CaseState.RESOLVED}, None),
        ({"state": CaseState.CLOSED}, None),
    ],
)
def test_a_case_is_looked_at_for_the_reminder_and_then_when_it_is_due(
    changes: dict[str, Any], look: datetime | None
) -> None:
    assert next_look(a_case(**changes)) == look


def test_a_reminder_is_not_told_and_the_end_of_its_time_is() -> None:
    assert remind_case(a_case(), NOON).news is None
    overdue = pass_due(a_case(), NOON)
    assert overdue.news is not None
    assert (overdue.news.type, overdue.case.due_at) == (NewsType.CASE_OVERDUE, None)


@pytest.mark.parametrize(
    ("after", "changes", "told"),
    [
        (2 * DAY - 5 * HOUR, {}, []),
        (2 * DAY - 4 * HOUR, {}, ["mia"]),
        (2 * DAY - 4 * HOUR, {"owner": None}, []),
        (2 * DAY, {"reminded": True}, ["mia"]),
        (2 * DAY, {"escalate_to": "sue"}, ["mia", "sue"]),
        (2 * DAY, {"escalate_to": "mia"}, ["mia"]),
        (2 * DAY, {"escalate_to": "sue", "owner": None}, ["sue"]),
        (2 * DAY, {"escalate_to": "away"}, ["mia"]),
        (2 * DAY, {"escalate_to": "gone"}, ["mia"]),
        (2 * DAY, {"state": CaseState.CLOSED}, []),
    ],
)
def test_who_is_told_when_a_case_falls_due(after: timedelta, changes: dict[str, Any], told: list[str]) -> None:
    people = {
        "mia": MIA,
        "sue": Person(id="sue", name="Sue", phone="+4915123456789"),
        "away": Person(id="away", name="Away", email="away@acme.example", active=False),
    }
    _, letters = mind_case(a_case(**changes), people, NOON + after, BASE_URL)
    assert [letter.person for letter in letters] == told


def test_an_alert_says_what_one_has_to_know_in_the_persons_language_and_zone() -> None:
    wording = word_alert(a_case(touchpoint="berlin-mitte"), MIA, Notice.PAST_DUE, BASE_URL)
    assert wording.subject == "Überfällig: Unhappy customer"
    for part in ("NPS 2 (0-10)", "“It was broken.”", "berlin-mitte", "25. November 2026", "13:00 MEZ", "cas_1"):
        assert part in wording.text


@pytest.mark.parametrize(
    ("person", "case", "is_linked"),
    [
        ({}, {}, True),
        ({}, {"touchpoint": "munich"}, True),
        ({"touchpoints": ("berlin",)}, {"touchpoint": "berlin"}, True),
        ({"touchpoints": ("berlin",)}, {"touchpoint": "munich"}, False),
        ({"touchpoints": ("berlin",)}, {}, False),
        ({}, {"customer": None}, False),
        ({"alerts_by": "sms", "phone": "+4915123456789"}, {}, False),
        ({"alerts_by": "sms"}, {}, True),  # a mail comes in its place
    ],
)
def test_a_mail_about_a_case_leads_to_the_customer_whom_its_reader_may_see(
    person: dict[str, Any], case: dict[str, Any], is_linked: bool
) -> None:
    reader = Person.model_validate(MIA.model_dump() | person)
    button = word_alert(a_case(**({"customer": "cus_1"} | case)), reader, Notice.PAST_DUE, BASE_URL).button
    assert (button.url if button else None) == (f"{BASE_URL}/dashboard/customers/cus_1" if is_linked else None)
