"""Whatever the people, triggers, events and clocks: no send in quiet hours, none beyond the budget, one word each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey_service.api.dry_run import planned_messages
from survey_service.calendars import parse_period
from survey_service.intake.drafting import Draft, Facts, draft_decisions, occasion_of, settle, wish_of
from survey_service.intake.inviting import new_invitation
from survey_service.models.brand import Brand
from survey_service.models.contact import Contact
from survey_service.models.contact_policy import ContactLimit, ContactPolicyContent
from survey_service.models.customer import Customer, CustomerProfile
from survey_service.models.decision import Decision, Outcome
from survey_service.models.delivery import Delivery, DeliveryKind
from survey_service.models.event import Event
from survey_service.models.ids import invitation_id
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Survey
from survey_service.models.trigger import Trigger
from survey_service.store.configuration import Snapshot
from survey_service.tokens import Keyring
from survey_service.work.budget import SAME_TEXT
from survey_service.work.reserving import Answer, Granted, place
from tests.support.factories import make_event

KEYRING = Keyring(["a secret of sixteen characters or more"])
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Clocks change within these weeks in some of the zones, in both directions and by half an hour too.
STARTS = (datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Kiritimati",
)
TYPES = ("order.delivered", "call.ended")
SURVEYS = ("short", "long")
PERIODS = ("PT6H", "P1D", "P3D", "P10D")


@dataclass(frozen=True)
class World:
    """What stands, and what happens: (event, when it is decided), in order."""

    people: tuple[Customer, ...]
    triggers: tuple[Trigger, ...]
    policy: ContactPolicyContent
    brand: Brand
    happenings: tuple[tuple[Event, datetime], ...]

    def facts(self, now: datetime, contacts: Mapping[str, Contact]) -> Facts:
        snapshot = Snapshot(
            1,
            {name: a_survey(name) for name in SURVEYS},
            {one.trigger: one for one in self.triggers},
            {"acme": self.brand},
        )
        return Facts(now, snapshot, self.policy, {}, {}, contacts, KEYRING)

    def person_of(self, event: Event) -> Customer:
        return next(one for one in self.people if one.profile.external_id == event.data["customer"]["id"])


@cache
def a_survey(name: str) -> Survey:
    question = {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}}
    content = {"name": name, "brand": "acme", "primary": "nps", "questions": [question]}
    return Survey.model_validate({**content, "id": f"{name}:1", "survey": name, "version": 1, "created_at": STARTS[0]})


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any] | None:
    """When messages may leave: always, by day, or one or two spans on some of the weekdays."""
    if draw(st.booleans()):
        return draw(st.sampled_from([None, {"allow": {"mon-sun": ["08:00-21:00"]}}]))
    first, last = sorted(draw(st.lists(st.integers(0, 6), min_size=2, max_size=2)))
    hours = sorted(draw(st.lists(st.integers(0, 24), min_size=4, max_size=4, unique=True)))
    spans = [f"{a:02}:00-{b:02}:00" for a, b in ((hours[0], hours[1]), (hours[2], hours[3]))]
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return {"allow": {f"{days[first]}-{days[last]}": spans[: draw(st.integers(1, 2))]}}


@st.composite
def triggers(draw: st.DrawFn, number: int) -> Trigger:
    period = st.sampled_from([None, *PERIODS])
    fields = {
        "id": f"t{number}:1",
        "trigger": f"t{number}",
        "version": 1,
        "created_at": STARTS[0],
        "survey": draw(st.sampled_from(SURVEYS)),
        "event_type": draw(st.sampled_from(TYPES)),
        "channels": draw(st.sampled_from([("email",), ("sms", "email"), ("email", "sms"), ("web", "email")])),
        "channel_mode": draw(st.sampled_from(["first", "fallback"])),
        "fallback_after": draw(st.sampled_from([None, "P1D"])),
        "reminders": draw(
            st.sampled_from([(), ({"after": "P2D"},), ({"after": "PT7H"}, {"after": "P5D", "channel": "sms"})])
        ),
        "delay": draw(st.sampled_from(["PT0S", "PT2H", "P2D"])),
        "expires_after": draw(st.sampled_from(["P3D", "P14D", "P40D"])),
        "sample": draw(st.sampled_from([1.0, 0.7])),
        "cooldown": draw(period),
        "when_not_allowed": draw(st.sampled_from(["skip", "defer"])),
        "quiet_hours": draw(windows()),
        "condition": draw(st.sampled_from([None, "customer.invitations_90d < 3.0"])),
    }
    return Trigger.model_validate(fields)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    start = draw(st.sampled_from(STARTS))
    zones = st.sampled_from([None, *ZONES])
    people = tuple(
        Customer(
            id=f"cus_{number}",
            keys=(f"id:{number}",),
            profile=CustomerProfile(
                external_id=str(number),
                email=draw(st.sampled_from([None, *["family@example.com", f"{number}@example.com"] * 2])),
                phone=draw(st.sampled_from([None, "+4915123456789"])),
                timezone=draw(zones),
            ),
            profile_at=start,
            created_at=start,
        )
        for number in range(draw(st.integers(1, 3)))
    )
    limits = st.builds(ContactLimit, max=st.integers(1, 3), period=st.sampled_from(PERIODS))
    policy = ContactPolicyContent(
        limits=tuple(draw(st.lists(limits, max_size=2))), cooldown=draw(st.sampled_from([None, *PERIODS]))
    )
    happenings = []
    for number in range(draw(st.integers(1, 10))):
        at = start + draw(st.integers(0, 20 * 24 * 60)) * MINUTE
        event = make_event(
            f"ord-{number}",
            type=draw(st.sampled_from(TYPES)),
            time=at,
            data={"customer": {"id": draw(st.sampled_from(people)).profile.external_id}},
        )
        happenings.append((event, at + draw(st.sampled_from([timedelta(), 5 * MINUTE, 2 * DAY]))))
    happenings.sort(key=lambda happening: happening[1])
    count = draw(st.integers(1, 3))
    return World(
        people,
        tuple(draw(triggers(number)) for number in range(count)),
        policy,
        Brand(id="acme", name="Acme", timezone=draw(st.sampled_from(ZONES))),
        tuple(happenings),
    )


@dataclass
class Told:
    """What came of it."""

    decisions: list[tuple[Event, Decision]] = field(default_factory=list)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)


def live_through(world: World, batch: int) -> Told:
    """Decide everything, `batch` events at a time."""
    told = Told()
    for start in range(0, len(world.happenings), batch):
        part = world.happenings[start : start + batch]
        now = max(at for _, at in part)
        facts = world.facts(now, dict(told.contacts))
        drafts = [draft for event, _ in part for draft in draft_decisions(event, world.person_of(event), facts)]
        answers, after = ask(drafts, facts, told.contacts)
        # A pass that died and comes again with all its places held is answered the same, and holds nothing more.
        again, same = ask(drafts, facts, after)
        assert granted(again) == granted(answers)
        assert same == after
        told.contacts = after
        for draft in drafts:
            decision, plan = settle(draft, answers.get(draft.invitation))
            told.decisions.append((draft.event, decision))
            if plan is not None and draft.survey is not None:
                row, _ = new_invitation(draft.invitation, occasion_of(draft), draft.survey, plan, KEYRING, now)
                assert row.id not in told.invitations
                told.invitations[row.id] = row
    return told


def ask(
    drafts: Sequence[Draft], facts: Facts, contacts: Mapping[str, Contact]
) -> tuple[dict[str, Answer], dict[str, Contact]]:
    wishes = [wish for draft in drafts if (wish := wish_of(draft, facts)) is not None]
    named = {name for wish in wishes for name in wish.contacts}
    answers, changed = place(wishes, {name: contacts.get(name, Contact(id=name)) for name in named})
    return answers, {**contacts, **changed}


def granted(answers: Mapping[str, Answer]) -> dict[str, datetime]:
    return {name: answer.at for name, answer in answers.items() if isinstance(answer, Granted)}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.integers(1, 5))
def test_no_send_in_quiet_hours_none_beyond_the_budget_and_one_word_each(world: World, batch: int) -> None:
    told = live_through(world, batch)
    check_words(world, told)
    sends = [send for invitation in told.invitations.values() for send in planned_messages(invitation)]
    for send in sends:
        check_wall_clock(told.invitations[send.invitation or ""], send)
    check_budget_of_everybody(world, told, sends)


def check_words(world: World, told: Told) -> None:
    """Each trigger says one word about each event of its type, and what it says is whole."""
    said = Counter((event.id, decision.trigger) for event, decision in told.decisions)
    owed = {
        (event.id, trigger.trigger)
        for event, _ in world.happenings
        for trigger in world.triggers
        if trigger.event_type == event.type
    }
    assert said == dict.fromkeys(owed, 1)
    for event, decision in told.decisions:
        name = invitation_id(event.id, decision.trigger)
        assert (name in told.invitations) is (decision.outcome is not Outcome.SKIPPED)
        if decision.outcome is Outcome.SKIPPED:
            assert decision.reason is not None
            assert decision.invitation is None
        else:
            made = told.invitations[name]
            assert decision.invitation == name
            assert event.time <= made.send_at < made.expires_at
        if decision.outcome is Outcome.DEFERRED:
            assert (decision.next_eligible_at, decision.reason is None) == (made.send_at, False)


def check_wall_clock(invitation: Invitation, send: Delivery) -> None:
    """A clock on the wall of the zone shows a time inside a window of its day."""
    if invitation.quiet_hours is None:
        return
    wall = send.planned_at.astimezone(ZoneInfo(invitation.timezone))
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    spans = []
    for key, windows_of in invitation.quiet_hours.allow.items():
        first, last = (days.index(name) for name in (key.split("-") * 2)[:2])
        if first <= wall.weekday() <= last:
            spans += [span.split("-") for span in windows_of]
    assert any(opens <= f"{wall:%H:%M}" < closes for opens, closes in spans), (send.kind, wall, spans)


def check_budget_of_everybody(world: World, told: Told, sends: Sequence[Delivery]) -> None:
    """Counted anew from the messages themselves, by person and by address."""
    first = [send for send in sends if send.kind is DeliveryKind.INVITE]
    by_contact: dict[str, list[Delivery]] = defaultdict(list)
    for send in first:
        by_contact[send.customer or ""].append(send)
        by_contact[send.to].append(send)
    cooldowns = {one.trigger: one.cooldown for one in world.triggers}
    for messages in by_contact.values():
        messages.sort(key=lambda send: send.planned_at)
        times = [send.planned_at for send in messages]
        for limit in world.policy.limits:
            for earliest, latest in zip(times, times[limit.max :], strict=False):
                assert latest - earliest >= parse_period(limit.period)
        check_pauses(times, world.policy.cooldown)
        for trigger, cooldown in cooldowns.items():
            check_pauses([send.planned_at for send in messages if send.trigger == trigger], cooldown)
        for survey in SURVEYS:
            same = [send.planned_at for send in messages if send.survey == survey]
            assert all(later - earlier >= SAME_TEXT for earlier, later in pairwise(same))
    held = {(hold.invitation, hold.at) for contact in told.contacts.values() for hold in contact.holds}
    assert held == {(send.invitation, send.planned_at) for send in first}


def check_pauses(times: Sequence[datetime], period: str | None) -> None:
    if period is not None:
        assert all(later - earlier >= parse_period(period) for earlier, later in pairwise(times))
