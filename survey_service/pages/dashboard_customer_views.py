"""Everything that is stored about a customer comes in; the view of their page goes out, newest moment first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from survey_service.calendars.zones import is_zone, zone
from survey_service.models.case import Case
from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.delivery import Delivery
from survey_service.models.event import Event
from survey_service.models.incentive import Reward
from survey_service.models.invitation import Invitation
from survey_service.models.response import CallWish, Response
from survey_service.pages.dashboard_look import CustomerView, MomentKind, MomentView
from survey_service.pages.dashboard_sections import band_of, value_text
from survey_service.pages.dashboard_viewers import Viewer
from survey_service.pages.dashboard_views import reader_of
from survey_service.texts.locales import LANGUAGE_NAMES, language_of, spoken_text
from survey_service.texts.moments import time_in_zone
from survey_service.texts.numbers import moment_text
from survey_service.texts.words import Words, words_in


@dataclass(frozen=True, slots=True)
class History:
    """Rows about one customer; `names` are those of registered touchpoints."""

    customer: Customer
    events: Sequence[Event] = ()
    invitations: Sequence[Invitation] = ()
    deliveries: Sequence[Delivery] = ()
    responses: Sequence[Response] = ()
    cases: Sequence[Case] = ()
    rewards: Sequence[Reward] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether anything happened."""
        return bool(self.events or self.invitations or self.responses or self.cases or self.rewards)


def customer_view(viewer: Viewer, history: History, zone_name: str, now: datetime) -> CustomerView:
    """The page; what the person who calls has to know stands in `wishes`, beside the rest."""
    words, profile = words_in(viewer.language), history.customer.profile
    writer = _Writer(history, words, zone(zone_name))
    wishes = [*writer.wishes(), *(writer.note(note) for note in reversed(history.customer.notes))]
    moments = sorted(writer.moments(), key=lambda pair: pair[0], reverse=True)
    return CustomerView(
        reader=reader_of(viewer),
        id=history.customer.id,
        name=profile.name or profile.first_name or history.customer.ref,
        facts=tuple(_facts(history.customer, words, now)),
        wishes=tuple(wishes),
        moments=tuple(moment for _, moment in moments),
        may_write=viewer.writes_as is not None,
    )


def _facts(customer: Customer, words: Words, now: datetime) -> Iterator[tuple[str, str]]:
    profile = customer.profile
    if profile.phone:
        yield words("Phone"), profile.phone
    if profile.email:
        yield words("Email"), profile.email
    if profile.timezone and is_zone(profile.timezone):
        yield words("Their time"), time_in_zone(now, zone(profile.timezone), words.lang)
    if language := language_of(profile.locale):
        yield words("Language"), LANGUAGE_NAMES.get(language, language)
    if profile.account:
        yield words("Account"), profile.account
    yield words("Customer id"), customer.ref


class _Writer:
    """Puts rows into words."""

    def __init__(self, history: History, words: Words, place: ZoneInfo) -> None:
        self._history = history
        self._words = words
        self._zone = place

    def wishes(self) -> Iterator[MomentView]:
        """Calls that were asked for and cases that somebody takes care of."""
        words = self._words
        for row in self._history.responses:
            for answer in row.answers.values():
                if isinstance(answer, CallWish):
                    at = moment_text(answer.at, self._zone, words.lang)
                    yield self._moment(
                        "response", words("Asked for a call"), at, row.started_at, quote=answer.about or ""
                    )
        for case in self._history.cases:
            if case.is_active:
                due = words("due by {time}", time=moment_text(case.due_by, self._zone, words.lang))
                yield self._moment("case", words("Open case"), case.title, case.opened_at, (case.owner or "", due))

    def note(self, note: CustomerNote) -> MomentView:
        """What somebody wrote down."""
        by, mark, _ = note.source.partition("#")  # as `/v1/customers/{id}/notes` writes it
        return self._moment("note", self._words("Note"), by if mark else "", note.at, quote=note.text)

    def moments(self) -> Iterator[tuple[datetime, MomentView]]:
        """Everything that happened, with when."""
        words, history = self._words, self._history
        for event in history.events:
            lines = [
                self._place(event.touchpoint),
                *(_decision(each.trigger, each.outcome, each.reason) for each in event.decisions),
            ]
            yield event.time, self._moment("event", words("Event"), event.type, event.time, lines)
        for invitation in history.invitations:
            state = _states(invitation.state, invitation.reason)
            yield (
                invitation.created_at,
                self._moment("invitation", words("Invitation"), invitation.survey, invitation.created_at, (state,)),
            )
        for delivery in history.deliveries:
            at = delivery.sent_at or delivery.created_at
            lines = [f"{delivery.kind.value} · {_states(delivery.state, delivery.reason)}"]
            yield at, self._moment("delivery", words("Message"), delivery.channel.value, at, lines)
        for response in history.responses:
            yield response.started_at, self._response(response)
        for case in history.cases:
            lines = [_states(case.state, None), case.owner or "", *(note.text for note in case.notes)]
            case_moment = self._moment("case", words("Case"), case.title, case.opened_at, lines, case.public_note or "")
            yield case.opened_at, case_moment
        for reward in history.rewards:
            name = spoken_text(reward.text, words.lang)[0] if reward.text else reward.name
            state = _states(reward.state, reward.reason)
            yield reward.created_at, self._moment("reward", words("Reward"), name, reward.created_at, (state,))

    def _response(self, row: Response) -> MomentView:
        words = self._words
        score = "" if row.score is None else value_text(row.scale, row.score, words)
        texts = [answer for answer in row.answers.values() if isinstance(answer, str)]
        moment = self._moment(
            "response",
            words("Answer"),
            f"{row.metric.upper()} {score}" if score else row.survey,
            row.started_at,
            (self._place(row.touchpoint),),
            "\n".join(dict.fromkeys(texts)) or row.comment or "",
        )
        band = band_of(row.scale, row.score) if row.score is not None else None
        return MomentView(
            moment.kind, moment.name, moment.title, moment.at, moment.iso, moment.lines, moment.quote, band
        )

    def _place(self, touchpoint: str | None) -> str:
        return self._history.names.get(touchpoint or "", touchpoint or "")

    def _moment(
        self, kind: MomentKind, name: str, title: str, at: datetime, lines: Sequence[str] = (), quote: str = ""
    ) -> MomentView:
        shown = moment_text(at, self._zone, self._words.lang)
        return MomentView(kind, name, title, shown, at.isoformat(), tuple(line for line in lines if line), quote)


def _decision(trigger: str, outcome: str, reason: str | None) -> str:
    return f"{trigger}: {_states(outcome, reason)}"


def _states(state: str, reason: str | None) -> str:
    """The service's own names, which the API and its docs use as well."""
    return f"{state} ({reason})" if reason else str(state)
