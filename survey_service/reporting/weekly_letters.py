"""The figures of a week come in; the mail that tells them to a person goes out, for the sending stage. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from survey_service.calendars import parse_windows, zone
from survey_service.models.brand import Brand
from survey_service.models.delivery import Button, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.person import Person
from survey_service.models.report import Report, ReportRow, ReportTable, Verdict
from survey_service.reporting.figure_texts import (
    answers_text,
    change_ends,
    change_sentence,
    change_text,
    direction_of,
    few_number,
    few_text,
    interval_text,
    level_of_changes,
    metric_text,
)
from survey_service.reporting.weekly_figures import MOST_COUNTED, Line, OpenCases, Place, Standing, WeekFigures
from survey_service.reporting.weekly_schedule import OF_USE, week_before
from survey_service.texts.numbers import days_text, decimal, score_text
from survey_service.texts.printable import one_line
from survey_service.texts.words import Words, words_in

MOST_ROWS = 20  # touchpoints of a table; the dashboard has all of them
_NAMED = 3  # changes that the sentence names
_LONGEST = 60  # characters of a name
_SUBJECT = 50  # characters: what phones show of it
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """What one mail is about: a person, a brand, and the week that ends with `monday`.

    `names` are those of registered touchpoints. `home` is what addresses start with.
    """

    person: Person
    brand: Brand
    monday: datetime
    figures: WeekFigures
    names: Mapping[str, str]
    home: str

    @property
    def words(self) -> Words:
        """The interface in the person's language."""
        return words_in(self.person.language)

    @property
    def days(self) -> str:
        """The week, as the language writes it: `16–22 Nov 2026`."""
        return days_text(week_before(self.monday).date(), (self.monday - _DAY).date(), self.words.lang)

    @property
    def subject(self) -> str:
        """The brand and the week in one line, as much of the brand's name as a list of mails has room for."""
        days = days_text(week_before(self.monday).date(), (self.monday - _DAY).date(), self.words.lang, "MMMd")
        room = _SUBJECT - len(self.words("Your week at {brand}, {days}", brand="", days=days))
        return self.words("Your week at {brand}, {days}", brand=_cut(one_line(self.brand.name), room), days=days)

    def dashboard(self, **filters: str) -> str:
        """The address at which the dashboard shows the same week, narrowed by `filters`."""
        week = {"from": f"{week_before(self.monday):%Y-%m-%d}", "to": f"{self.monday - _DAY:%Y-%m-%d}"}
        # Of a brand the dashboard counts the surveys that there are, as this mail does, of none the deleted ones too.
        query = {"brand": self.brand.id, **filters, **week, "zone": self.person.timezone}
        return f"{self.home}/dashboard?{urlencode(query)}"

    def name_of(self, place: Place) -> str:
        """What people call a touchpoint."""
        if place is None:
            return self.words("without a touchpoint")
        return _cut(one_line(self.names.get(place, place)), _LONGEST)


def weekly_letter(weekly: Weekly, now: datetime, *, letter: str) -> Delivery:
    """The mail, under the id `letter`; it leaves as soon as the person's quiet hours allow.

    Raises:
        ValueError: the person has no address.
    """
    person, words = weekly.person, weekly.words
    if person.email is None:
        raise ValueError("a report is a mail")
    send_at = now
    if person.quiet_hours is not None:
        send_at = parse_windows(person.quiet_hours.allow).next_allowed(now, zone(person.timezone))
    report = report_of(weekly)
    question = {"question": _question(weekly.figures.standings[0])} if weekly.figures.standings else {}
    return Delivery(
        id=letter,
        kind=DeliveryKind.REPORT,
        channel=ChannelName.EMAIL,
        brand=weekly.brand.id,
        to=person.email,
        language=words.lang,
        subject=weekly.subject,
        text=" ".join((*_headlines(weekly), report.summary)).strip(),
        button=Button(label=words("Open the dashboard"), url=weekly.dashboard(**question)),
        report=report,
        person=person.id,
        state=DeliveryState.REQUESTED,
        due_at=send_at,
        created_at=now,
        planned_at=send_at,
        expires_at=send_at + OF_USE,
    )


def report_of(weekly: Weekly) -> Report:
    """What the mail says."""
    figures, words = weekly.figures, weekly.words
    tables = [_table(weekly, standing) for standing in figures.standings if standing.total.n]
    return Report(
        title=words("Your week, {days}", days=weekly.days),
        summary=_summary(weekly),
        tables=tuple(tables),
        cases=_cases(figures.cases, words),
    )


def _headlines(weekly: Weekly) -> list[str]:
    """Each score with its answers, for those who read no further."""
    return [
        f"{metric_text(each.metric, each.scale, weekly.words)} "
        f"{score_text(each.metric, each.total.score.score or 0.0, weekly.words.lang)}, "
        f"{answers_text(each.total.n, weekly.words)}."
        for each in weekly.figures.standings
        if each.total.score is not None
    ]


def _summary(weekly: Weekly) -> str:
    """What really changed, the most first; or honestly why there is nothing to tell, and what is not shown.

    Empty where there is nothing to compare: each score says so itself.
    """
    figures, words = weekly.figures, weekly.words
    if figures.is_too_much:
        zone_name = weekly.person.timezone
        return words("These are more answers than can be counted at once in the time zone {zone}.", zone=zone_name)
    if not any(standing.total.n for standing in figures.standings):
        return _nothing_shown(figures, words)
    return " ".join(part for part in (_biggest_changes(weekly), _withheld(figures, words)) if part)


def _nothing_shown(figures: WeekFigures, words: Words) -> str:
    totals = [standing.total for standing in figures.standings]
    few, before = few_text(figures.least, words), ""
    if most := max((total.before.n for total in totals if total.before), default=0):
        before = answers_text(most, words)
    elif any(total.was_withheld for total in totals):
        before = few
    if any(total.is_withheld for total in totals):
        if before:
            return words("In this week: {few}, not shown (the week before: {answers}).", few=few, answers=before)
        return words("In this week: {few}, not shown.", few=few)
    if before:
        return words("Nobody answered in this week (the week before: {answers}).", answers=before)
    return words("Nobody answered in this week.")


def _withheld(figures: WeekFigures, words: Words) -> str:
    hidden = [metric_text(each.metric, each.scale, words) for each in figures.standings if each.total.is_withheld]
    few = few_text(figures.least, words)
    return words("Not shown, with {few}: {metrics}.", few=few, metrics=", ".join(hidden)) if hidden else ""


def _biggest_changes(weekly: Weekly) -> str:
    figures, words = weekly.figures, weekly.words
    totals = [standing.total for standing in figures.standings]
    changes = [(line, text) for standing in figures.standings for line, text in _changes(weekly, standing)]
    changes.sort(key=lambda pair: -abs(pair[0].real_change))
    if changes:
        listed = ", ".join(text for _, text in changes[:_NAMED])
        return words("Biggest changes, by more than chance: {changes}.", changes=listed)
    if any(total.against is not None and total.against.interval is not None for total in totals):
        return words("Nothing changed by more than chance.")
    return ""


def _changes(weekly: Weekly, standing: Standing) -> list[tuple[Line, str]]:
    """The real changes of a standing, in words."""
    named = [(_name_of_all(weekly, standing), standing.total)]
    if len(standing.places) > 1:
        named += [(weekly.name_of(place), line) for place, line in standing.places]
    several = len(weekly.figures.standings) > 1
    of = f" ({metric_text(standing.metric, standing.scale, weekly.words)})" if several else ""
    return [
        (line, f"{name} {change_text(standing.metric, line.against.change, weekly.words.lang)}{of}")
        for name, line in named
        if line.real_change and line.against is not None and line.against.change is not None
    ]


def _table(weekly: Weekly, standing: Standing) -> ReportTable:
    words, metric = weekly.words, standing.metric
    question = _question(standing)
    rows = []
    if len(standing.places) > 1:
        for place, line in standing.places[:MOST_ROWS]:
            url = weekly.dashboard(question=question, touchpoint=place) if place else None
            rows.append(_row(weekly, weekly.name_of(place), line, url))
    left_out = len(standing.places) - MOST_ROWS
    return ReportTable(
        metric=metric_text(metric, standing.scale, words),
        total=_row(weekly, _name_of_all(weekly, standing), standing.total, weekly.dashboard(question=question)),
        sentence=change_sentence(
            metric, standing.total.against, words, weekly.figures.least if standing.total.was_withheld else None
        ),
        rows=tuple(rows),
        left_out=words("More touchpoints in the dashboard: {n}", n=decimal(left_out, words.lang))
        if left_out > 0
        else "",
        note=level_of_changes(standing.compared, words) if rows else "",
    )


def _name_of_all(weekly: Weekly, standing: Standing) -> str:
    if len(standing.places) == 1:
        return weekly.name_of(standing.places[0][0])
    return weekly.words("All your touchpoints") if weekly.person.touchpoints else weekly.words("All touchpoints")


def _row(weekly: Weekly, name: str, line: Line, url: str | None) -> ReportRow:
    words, least = weekly.words, weekly.figures.least
    score, against, metric = line.score, line.against, line.metric
    has_score = score is not None and score.score is not None
    change = change_interval = ""
    if against is not None and against.change is not None:
        change = change_text(metric, against.change, words.lang)
    if against is not None and against.interval is not None:
        low, high = change_ends(metric, against.interval, words.lang)
        change_interval = words("{low} to {high}", low=low, high=high)
    return ReportRow(
        name=name,
        url=url,
        score=score_text(metric, score.score or 0.0, words.lang) if score and has_score else "",
        interval=interval_text(metric, score.interval, words) if score and score.interval else "",
        n=few_number(least, words) if line.is_withheld else decimal(line.n, words.lang),
        answers=few_text(least, words) if line.is_withheld else answers_text(line.n, words),
        change=change,
        change_interval=change_interval,
        verdict=_verdict(line),
    )


def _verdict(line: Line) -> Verdict:
    if line.against is None or line.against.interval is None:
        return Verdict.NONE
    return {"up": Verdict.BETTER, "down": Verdict.WORSE, "same": Verdict.CHANCE}[direction_of(line.against)]


def _cases(cases: OpenCases, words: Words) -> str:
    if not cases.active:
        return ""
    count = decimal(cases.active, words.lang) + ("+" if cases.active >= MOST_COUNTED else "")
    parts = [words.count("{count} open case", "{count} open cases", cases.active, count=count)]
    if cases.overdue:
        parts.append(words("overdue: {n}", n=decimal(cases.overdue, words.lang)))
    if cases.own:
        parts.append(words("yours: {n}", n=decimal(cases.own, words.lang)))
    return " · ".join(parts)


def _question(standing: Standing) -> str:
    """As the dashboard's address names it."""
    return f"{standing.metric}.{standing.scale}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
