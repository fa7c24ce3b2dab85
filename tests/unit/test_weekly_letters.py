"""The weekly mail: what it says of a week, in every language, and that a name is never more than a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from survey_service.delivery.plain_tables import WIDTH
from survey_service.models.report import Report, Verdict
from survey_service.reporting.comparing import compare
from survey_service.reporting.scores import corrected_level, score_of
from survey_service.reporting.weekly_figures import OpenCases, WeekFigures
from survey_service.reporting.weekly_letters import MOST_ROWS, report_of, weekly_letter
from survey_service.texts.printable import one_line
from survey_service.texts.words import LANGUAGES
from tests.support.hostile import HOSTILE
from tests.support.plain_text import read_page
from tests.support.weekly import HOME, MONDAY, a_weekly, delivery_of, mail_of, standing

GOOD, POOR = {10: 60, 8: 20, 3: 20}, {10: 20, 8: 20, 3: 60}
SOME = {10: 5, 8: 3, 3: 2}
GMAIL_CLIPS_AT = 102 * 1024


def the_report(*places: Any, **changes: Any) -> Report:
    return report_of(a_weekly(standing("nps", "0-10", dict(places)), **changes))


def test_the_total_comes_first_then_what_really_changed_then_what_has_most_answers() -> None:
    report = the_report(
        ("quiet", ({10: 50}, {10: 50})), ("up", (GOOD, POOR)), ("few", (SOME, SOME)), ("down", (POOR, GOOD))
    )
    (table,) = report.tables
    assert (table.metric, table.total.name, table.total.n) == ("NPS", "All touchpoints", "260")
    assert [row.name for row in table.rows] == ["down", "up", "quiet", "few"]
    assert [row.verdict for row in table.rows] == [Verdict.WORSE, Verdict.BETTER, Verdict.CHANCE, Verdict.CHANCE]
    assert report.summary == "Biggest changes, by more than chance: down −80.0, up +80.0."


def test_a_row_says_score_interval_answers_and_the_change_with_its_interval() -> None:
    (table,) = the_report(("up", (GOOD, POOR)), ("other", (SOME, SOME))).tables
    now, before = score_of("nps", "0-10", GOOD), score_of("nps", "0-10", POOR)
    change = compare(now, before, corrected_level(2)).interval
    assert now.interval is not None
    assert change is not None
    (row,) = [row for row in table.rows if row.name == "up"]
    assert (row.score, row.change, row.answers) == ("40.0", "+80.0", "100 answers")
    assert row.interval == f"{now.interval.low:.0f} to {now.interval.high:.0f}"
    assert row.change_interval == f"+{change.low:.0f} to +{change.high:.0f}"


def test_among_many_touchpoints_a_change_must_be_larger_to_count() -> None:
    weeks = ({10: 26, 3: 14}, {10: 16, 3: 24})
    (line,) = [line for _, line in standing("nps", "0-10", {"a": weeks}).places]
    assert line.real_change > 0
    among_forty = standing("nps", "0-10", {f"t{number}": weeks for number in range(40)})
    assert all(line.real_change == 0 for _, line in among_forty.places)
    assert among_forty.total.real_change > 0


def test_one_touchpoint_is_named_in_place_of_a_table() -> None:
    (table,) = the_report(("mitte", (GOOD, GOOD)), names={"mitte": "Berlin Mitte"}).tables
    assert (table.total.name, table.rows) == ("Berlin Mitte", ())
    assert (
        "NPS · Berlin Mitte"
        in mail_of(a_weekly(standing("nps", "0-10", {"mitte": (GOOD, GOOD)}), names={"mitte": "Berlin Mitte"})).html
    )


def test_a_touchpoint_that_fell_silent_stays_in_the_table() -> None:
    (table,) = the_report(("on", (GOOD, GOOD)), ("gone", ({}, SOME)), (None, (SOME, {}))).tables
    rows = {row.name: row for row in table.rows}
    assert (rows["gone"].score, rows["gone"].n, rows["gone"].change) == ("", "0", "")
    assert (rows["without a touchpoint"].url, rows["without a touchpoint"].verdict) == (None, Verdict.NONE)


def test_scales_are_tables_of_their_own_and_changes_say_of_which_they_are() -> None:
    weekly = a_weekly(
        standing("nps", "0-10", {"a": (GOOD, POOR), "b": (SOME, SOME)}),
        standing("csat", "1-5", {"a": ({5: 8, 1: 2}, {})}),
        standing("ces", "1-7", {"a": ({7: 40, 2: 5}, {7: 5, 2: 40})}),
    )
    report = report_of(weekly)
    assert [table.metric for table in report.tables] == ["NPS", "Satisfaction (1–5)", "Ease"]
    assert report.summary == (
        "Biggest changes, by more than chance: a +3.89 (Ease), a +80.0 (NPS), All touchpoints +72.7 (NPS)."
    )
    assert report.tables[1].sentence == "There is nothing to compare it with in the period before."
    assert delivery_of(weekly).text == (
        "NPS 39.1, 110 answers. Satisfaction (1–5) 80.0\N{NO-BREAK SPACE}%, 10 answers. Ease 6.4, 45 answers. "
        + report.summary
    )


@pytest.mark.parametrize(
    ("weeks", "summary"),
    [
        ((SOME, SOME), "Nothing changed by more than chance."),
        ((SOME, {}), ""),
        (({}, SOME), "Nobody answered in this week (the week before: 10 answers)."),
        (({}, {10: 1}), "Nobody answered in this week (the week before: 1 answer)."),
    ],
)
def test_one_honest_line_where_nothing_happened(weeks: Any, summary: str) -> None:
    report = the_report(("a", weeks))
    assert report.summary == summary
    assert bool(report.tables) is bool(weeks[0])


@pytest.mark.parametrize(
    ("weeks", "summary"),
    [
        (({10: 3}, {10: 8}), "In this week: fewer than 5 answers, not shown (the week before: 8 answers)."),
        (({10: 3}, {10: 4}), "In this week: fewer than 5 answers, not shown (the week before: fewer than 5 answers)."),
        (({10: 3}, {}), "In this week: fewer than 5 answers, not shown."),
        (({}, {10: 4}), "Nobody answered in this week (the week before: fewer than 5 answers)."),
    ],
)
def test_what_too_few_answered_is_not_called_silence(weeks: Any, summary: str) -> None:
    weekly = a_weekly(standing("nps", "0-10", {"a": weeks}, least=5), least=5)
    report = report_of(weekly)
    assert weekly.figures.says_anything
    assert (report.summary, report.tables) == (summary, ())


def test_what_is_withheld_is_said_beside_what_is_shown() -> None:
    nps = standing("nps", "0-10", {"a": (GOOD, {10: 4}), "b": ({10: 4}, GOOD), "c": ({10: 1}, {10: 1})}, least=5)
    csat = standing("csat", "1-5", {"a": ({5: 2}, {5: 9})}, least=5)
    report = report_of(a_weekly(nps, csat, least=5))
    (table,) = report.tables
    shown = {row.name: (row.score, row.n, row.answers, row.change) for row in table.rows}
    few = ("", "<5", "fewer than 5 answers", "")
    assert shown == {"a": ("40.0", "100", "100 answers", ""), "b": few, "c": few}
    assert report.summary.endswith("Not shown, with fewer than 5 answers: Satisfaction (1–5).")
    before = report_of(a_weekly(standing("nps", "0-10", {"a": (GOOD, {10: 4})}, least=5), least=5)).tables[0]
    assert before.sentence == "The period before has fewer than 5 answers: not shown."


def test_how_sure_a_change_has_to_be_is_said_below_the_table() -> None:
    note = (
        "With 3 touchpoints compared, a change counts only if chance would bring it less than once in 60 times. "
        "On the page of one touchpoint alone, it is once in 20."
    )
    places: dict[str | None, Any] = dict.fromkeys(("a", "b", "c"), (GOOD, GOOD))
    weekly = a_weekly(standing("nps", "0-10", {**places, "new": (GOOD, {})}))
    assert report_of(weekly).tables[0].note == note
    assert note in mail_of(weekly).html
    assert note in " ".join(mail_of(weekly).text.split())
    assert the_report(("a", (GOOD, GOOD)), ("new", (GOOD, {}))).tables[0].note == ""


def test_what_cannot_be_counted_is_said() -> None:
    weekly = a_weekly(timezone="Asia/Kathmandu")
    weekly = type(weekly)(weekly.person, weekly.brand, MONDAY, WeekFigures(is_too_much=True), {}, HOME)
    assert "in the time zone Asia/Kathmandu" in report_of(weekly).summary
    assert weekly.figures.says_anything


@pytest.mark.parametrize(
    ("cases", "text"),
    [
        (OpenCases(), ""),
        (OpenCases(active=1), "1 open case"),
        (OpenCases(active=5, overdue=2, own=1), "5 open cases · overdue: 2 · yours: 1"),
        (OpenCases(active=1000, own=1000), "1,000+ open cases · yours: 1,000"),
    ],
)
def test_open_cases_are_counted(cases: OpenCases, text: str) -> None:
    assert report_of(a_weekly(standing("nps", "0-10", {"a": (SOME, SOME)}), cases=cases)).cases == text


def test_the_button_and_the_names_lead_to_the_same_week_in_the_dashboard() -> None:
    weekly = a_weekly(standing("nps", "0-10", {"a&b": (SOME, SOME), "c": (SOME, SOME)}))
    delivery = delivery_of(weekly)
    assert delivery.button is not None
    assert delivery.report is not None
    week = {"from": ["2026-11-16"], "to": ["2026-11-22"], "zone": ["Europe/Berlin"], "question": ["nps.0-10"]}
    week["brand"] = ["acme"]  # else the dashboard would count the answers to deleted surveys, too
    assert parse_qs(urlsplit(delivery.button.url).query) == week
    urls = [row.url or "" for row in delivery.report.tables[0].rows]
    assert [parse_qs(urlsplit(url).query) for url in urls] == [{**week, "touchpoint": [name]} for name in ("a&b", "c")]


def test_the_longest_table_ends_and_says_so() -> None:
    places = {f"t{number:03}": ({10: 1 + number, 3: 3}, SOME) for number in range(100)}
    weekly = a_weekly(standing("nps", "0-10", places), names=dict.fromkeys(places, "x" * 200))
    (table,) = report_of(weekly).tables
    assert (len(table.rows), table.left_out) == (MOST_ROWS, "More touchpoints in the dashboard: 80")
    assert len(mail_of(weekly).html.encode()) < GMAIL_CLIPS_AT / 2


@pytest.mark.parametrize("lang", sorted(LANGUAGES))
@pytest.mark.parametrize("monday", [MONDAY, datetime(2027, 1, 4, tzinfo=UTC), datetime(2026, 10, 5, tzinfo=UTC)])
def test_the_subject_fits_a_list_of_mails(lang: str, monday: datetime) -> None:
    weekly = replace(a_weekly(standing("nps", "0-10", {"a": (SOME, SOME)}), language=lang), monday=monday)
    names = ["Ä" * 8, "A brand of some 20 signs", "A name that goes on and on " * 4]
    subjects = [replace(weekly, brand=weekly.brand.model_copy(update={"name": name})).subject for name in names]
    assert [len(subject) <= 50 for subject in subjects] == [True] * 3
    assert names[0] in subjects[0]
    assert "A brand" in subjects[1]
    assert "…" in subjects[2]


def test_it_leaves_when_the_persons_quiet_hours_end() -> None:
    weekly = a_weekly(standing("nps", "0-10", {"a": (SOME, SOME)}), quiet_hours={"allow": {"mon-fri": ["10:00-17:00"]}})
    delivery = weekly_letter(weekly, datetime(2026, 11, 23, 6, tzinfo=UTC), letter="dlv_1")
    assert delivery.due_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert delivery.expires_at - delivery.due_at >= timedelta(days=1)


def columns(line: str) -> int:
    """How many columns a terminal gives these signs."""
    return sum(2 if "\u2e7f" < sign < "\uffff" else sign != "\N{LEFT-TO-RIGHT MARK}" for sign in line)


@pytest.mark.parametrize("lang", sorted(LANGUAGES))
def test_the_plain_text_stands_in_columns_in_every_language(lang: str) -> None:
    places = {"a": (GOOD, POOR), "b": (SOME, POOR), "c": ({}, SOME)}
    names = {"a": "東京駅前の大きなお店です", "b": "Düsseldorf Königsallee / Ecke Graf-Adolf-Platz", "c": "c"}
    weekly = a_weekly(standing("csat", "1-10", places), names=names, language=lang)
    mail = mail_of(weekly)
    lines = mail.text.split("\n")
    first = next(place for place, line in enumerate(lines) if line.startswith("  "))
    table = lines[first : lines.index("", first)]
    assert max(map(columns, table)) <= WIDTH
    assert {names["a"], names["b"]} <= set(table), "the two long names have lines of their own"
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in mail.headers


def test_the_columns_of_the_plain_text_stand_under_one_another() -> None:
    weekly = a_weekly(standing("nps", "0-10", {"one": (GOOD, POOR), "two": (SOME, SOME), "three": (SOME, {})}))
    expected = """
                 Score       95 %  Answers  Change
All touchpoints   38.3   23 to 51      120   +72.0   +49 to +91  better
one               40.0   23 to 54      100   +80.0  +53 to +103  better
three             30.0  −19 to 65       10       –            –
two               30.0  −19 to 65       10     0.0   −68 to +68  chance?

With 2 touchpoints compared,"""
    assert expected.replace("95 %", "95\N{NO-BREAK SPACE}%") in mail_of(weekly).text


def test_arabic_runs_from_right_to_left() -> None:
    mail = mail_of(a_weekly(standing("nps", "0-10", {"a": (GOOD, POOR), "b": (SOME, SOME)}), language="ar"))
    assert 'dir="rtl"' in mail.html
    assert '<th scope="col" class="soft line" align="right"' in mail.html


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_touchpoint_may_be_called_anything(name: str) -> None:
    text = HOSTILE[name]
    places = {text: (GOOD, POOR), "b": (SOME, SOME)}
    usual = mail_of(a_weekly(standing("nps", "0-10", {"plain": (GOOD, POOR), "b": (SOME, SOME)})))
    for names in ({}, {text: text}):
        mail = mail_of(a_weekly(standing("nps", "0-10", places), names=names))
        page = read_page(mail.html)
        assert page.structure == read_page(usual.html).structure
        shown = one_line(text)[:50]
        assert any(shown in " ".join(each.split()) for each in page.texts)
        assert mail.subject == usual.subject
        assert any(shown in line for line in mail.text.split("\n"))
