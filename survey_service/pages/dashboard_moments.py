"""Rows about a customer come in; what each says to the person who is about to call goes out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from survey_service.models.case import Case
from survey_service.models.customer import CustomerNote
from survey_service.models.delivery import Delivery
from survey_service.models.event import Event
from survey_service.models.incentive import Reward
from survey_service.models.invitation import Invitation
from survey_service.models.response import AnswerValue, CallWish, Response
from survey_service.models.survey import OPTIONS, YES_NO, Question
from survey_service.pages.charts.distribution import Band
from survey_service.pages.dashboard_history import Known, Row
from survey_service.pages.dashboard_look import LineView, MomentKind, MomentView, SaidView
from survey_service.pages.dashboard_sections import band_of, value_text
from survey_service.pages.dashboard_words import (
    author_text,
    case_text,
    channel_texts,
    invitation_text,
    message_text,
    note_author,
    note_text,
    outcome_text,
    reward_text,
    sending_text,
)
from survey_service.reporting.figure_texts import metric_text
from survey_service.reporting.scores import Metric
from survey_service.texts.filling import Links, Place, filler
from survey_service.texts.locales import spoken_text
from survey_service.texts.numbers import moment_text
from survey_service.texts.words import Words


class Narrator:
    """Puts rows into words, in a language, by the clock of a zone."""

    def __init__(self, known: Known, words: Words, place: ZoneInfo, now: datetime) -> None:
        self._known = known
        self._words = words
        self._zone = place
        self._now = now

    def moment(self, row: Row) -> MomentView:
        """What happened, under the instant that it stands by in the timeline."""
        match row:
            case Event():
                return self._event(row)
            case Invitation():
                return self._invitation(row)
            case Delivery():
                return self._delivery(row)
            case Response():
                return self._response(row)
            case Case():
                return self._case(row)
            case Reward():
                return self._reward(row)

    def call(self, wish: CallWish, asked_at: datetime) -> MomentView:
        """A call that was asked for."""
        lines = (LineView(wish.phone or ""),)
        name, quote = self._words("Asked for a call"), wish.about or ""
        return self._view("response", name, self._time(wish.at), asked_at, lines, quote=quote)

    def open_case(self, case: Case) -> MomentView:
        """A case that somebody takes care of."""
        due = self._words("due by {time}", time=self._time(case.due_by))
        lines = (LineView(self._owner(case)), LineView(due))
        return self._view("case", self._words("Open case"), case.title, case.opened_at, lines)

    def note(self, note: CustomerNote) -> MomentView:
        """What somebody wrote down."""
        by = note_author(note, self._known.people, self._words)
        lines = (LineView(by), self._place(note.touchpoint))
        return self._view("note", note_text(note.kind, self._words), "", note.at, lines, quote=note.text)

    def _event(self, row: Event) -> MomentView:
        words = self._words
        lines = [self._place(row.touchpoint)]
        if row.reason is not None:
            lines.append(LineView(words("not asked"), row.reason))
        lines += (
            LineView(f"{each.trigger}: {outcome_text(each.outcome, words)}", each.reason or "")
            for each in row.decisions
        )
        return self._view("event", words("Event"), row.type, row.time, lines)

    def _invitation(self, row: Invitation) -> MomentView:
        state = LineView(invitation_text(row.state, self._words), row.reason or "")
        title = self._survey(row.survey, row.survey_version)
        return self._view("invitation", self._words("Invitation"), title, row.created_at, (state,))

    def _delivery(self, row: Delivery) -> MomentView:
        words = self._words
        sent_at = self._time(row.sent_at) if row.sent_at else ""
        lines = (
            LineView(channel_texts(words)[row.channel]),
            LineView(sending_text(row.state, sent_at, words), row.reason or ""),
        )
        return self._view("delivery", words("Message"), message_text(row.kind, words), row.created_at, lines)

    def _case(self, row: Case) -> MomentView:
        words = self._words
        notes = (LineView(f"{author_text(note.by, self._known.people, words)}: {note.text}") for note in row.notes)
        lines = [LineView(case_text(row.state, words)), LineView(self._owner(row)), *notes]
        return self._view("case", words("Case"), row.title, row.opened_at, lines, quote=row.public_note or "")

    def _reward(self, row: Reward) -> MomentView:
        name = spoken_text(row.text, self._words.lang)[0] if row.text else row.name
        state = LineView(reward_text(row.state, self._words), row.reason or "")
        return self._view("reward", self._words("Reward"), name, row.created_at, (state,))

    def _response(self, row: Response) -> MomentView:
        words, title, band = self._words, "", None
        survey = self._survey(row.survey, row.survey_version)
        if row.score is not None:
            metric = metric_text(cast(Metric, row.metric), row.scale, words)
            title, band = f"{metric} {value_text(row.scale, row.score, words)}", band_of(row.scale, row.score)
        lines = [
            LineView(survey if title else ""),
            self._place(row.touchpoint),
            LineView(channel_texts(words).get(row.channel, row.channel)),
        ]
        if row.suspect:
            lines.append(LineView(words("perhaps no person’s answer: no figure counts it"), row.suspect))
        said = tuple(self._said(row))
        quote = "" if any(each.is_quote for each in said) else row.comment or ""
        name = words("Answers")
        return self._view("response", name, title or survey, row.started_at, lines, said=said, quote=quote, band=band)

    def _said(self, row: Response) -> Iterator[SaidView]:
        """The answers in the order of the survey; under their ids what is no longer known of it."""
        survey = self._known.surveys.get((row.survey, row.survey_version))
        questions = {question.id: question for question in survey.questions} if survey else {}
        fill = self._filler(row)
        for name in dict.fromkeys([*(name for name in questions if name in row.answers), *row.answers]):
            question = questions.get(name)
            answer, is_quote = self._answer(row, name, question, row.answers[name])
            asked = fill(spoken_text(question.text, self._words.lang)[0]) if question else name
            yield SaidView(asked, answer, is_quote)

    def _answer(self, row: Response, name: str, question: Question | None, value: AnswerValue) -> tuple[str, bool]:
        """An answer, and whether it is in the customer's own words."""
        words = self._words
        options = (
            {option.id: spoken_text(option.text, words.lang)[0] for option in question.options} if question else {}
        )
        match value:
            case CallWish():
                return self._time(value.at), False
            case bool():
                return words("Yes") if value else words("No"), False
            case int():
                scale = row.measures[name].scale if name in row.measures else row.scale
                shown = value_text(scale, value, words)
                return shown if scale == YES_NO else f"{shown} ({scale.replace('-', '–')})", False
            case str():
                is_option = question is not None and question.kind in OPTIONS
                is_words = question.takes_words if question else value == row.comment
                return options.get(value, value) if is_option else value, is_words
            case tuple():
                return ", ".join(options.get(each, each) for each in value), False

    def _filler(self, row: Response) -> Callable[[str], str]:
        """Fills the placeholders of a question as they stood when it was asked; without its brand they stay."""
        brand = self._known.brands.get(row.brand)
        survey = self._known.surveys.get((row.survey, row.survey_version))
        if brand is None or survey is None:
            return str
        invitation = self._known.invitations.get(row.invitation or "")
        place = None if invitation else Place(row.touchpoint, self._known.touchpoints.get(row.touchpoint or ""))
        return filler(brand, survey, invitation, Links(), place, self._words.lang)

    def _survey(self, name: str, version: int) -> str:
        survey = self._known.surveys.get((name, version))
        return survey.name if survey else name

    def _owner(self, case: Case) -> str:
        return self._known.people.get(case.owner, case.owner) if case.owner else self._words("nobody owns it")

    def _place(self, touchpoint: str | None) -> LineView:
        return LineView(self._known.touchpoints.get(touchpoint or "", touchpoint or ""))

    def _time(self, at: datetime) -> str:
        return moment_text(at, self._zone, self._words.lang, self._now)

    def _view(
        self,
        kind: MomentKind,
        name: str,
        title: str,
        at: datetime,
        lines: Sequence[LineView] = (),
        *,
        said: tuple[SaidView, ...] = (),
        quote: str = "",
        band: Band | None = None,
    ) -> MomentView:
        shown = tuple(line for line in lines if line.text)
        return MomentView(kind, name, title, self._time(at), at.isoformat(), shown, said, quote, band)
