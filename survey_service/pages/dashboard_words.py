"""States and kinds of rows come in; the words that say them to our people go out, in the reader's language. Pure.

The API's own names are in docs/; reasons keep theirs, which docs/reasons.md explains.
"""

from __future__ import annotations

from collections.abc import Mapping

from survey_service.followup.changing import BY_CUSTOMER
from survey_service.models.case import CaseState
from survey_service.models.customer import CustomerNote, NoteKind
from survey_service.models.decision import Outcome
from survey_service.models.delivery import ChannelName, DeliveryKind, DeliveryState
from survey_service.models.incentive import RewardState
from survey_service.models.invitation import InvitationState
from survey_service.texts.words import Words


def channel_texts(words: Words) -> dict[str, str]:
    """The channels, by the names that are stored."""
    return {
        ChannelName.EMAIL.value: words("Email"),
        ChannelName.SMS.value: words("Text message"),
        ChannelName.WEB.value: words("Web"),
    }


def outcome_text(outcome: Outcome, words: Words) -> str:
    """What a trigger decided."""
    match outcome:
        case Outcome.INVITED:
            return words("asked")
        case Outcome.DEFERRED:
            return words("asked later")
        case Outcome.SKIPPED:
            return words("not asked")


def invitation_text(state: InvitationState, words: Words) -> str:
    """How far an invitation came."""
    return {
        InvitationState.WAITING: words("nothing was sent yet"),
        InvitationState.SENT: words("waits for an answer"),
        InvitationState.STARTED: words("answered in part"),
        InvitationState.FINISHED: words("answered"),
        InvitationState.EXPIRED: words("expired"),
        InvitationState.CANCELLED: words("taken back"),
        InvitationState.UNDELIVERABLE: words("could not be delivered"),
    }[state]


def message_text(kind: DeliveryKind, words: Words) -> str:
    """What a message to a customer is for."""
    return {
        DeliveryKind.INVITE: words("First message"),
        DeliveryKind.FALLBACK: words("On another channel"),
        DeliveryKind.REMINDER: words("Reminder"),
        DeliveryKind.DIALOGUE: words("Reply by the service"),
        DeliveryKind.REWARD: words("Reward"),
        DeliveryKind.CASE_REPLY: words("Personal message"),
    }.get(kind, kind.value)


def sending_text(state: DeliveryState, sent_at: str, words: Words) -> str:
    """How far a message came; `sent_at` is when it left, empty if it did not."""
    if state is DeliveryState.SENT and sent_at:
        return words("sent {time}", time=sent_at)
    return {
        DeliveryState.REQUESTED: words("planned"),
        DeliveryState.PLANNED: words("planned"),
        DeliveryState.SENDING: words("is being sent"),
        DeliveryState.SENT: words("was sent"),
        DeliveryState.UNKNOWN: words("may have been sent"),
        DeliveryState.DEAD: words("could not be sent"),
        DeliveryState.CANCELLED: words("not sent any more"),
    }[state]


def case_text(state: CaseState, words: Words) -> str:
    """How far a case came."""
    return {
        CaseState.OPEN: words("open"),
        CaseState.WAITING: words("waits for the customer"),
        CaseState.RESOLVED: words("resolved"),
        CaseState.CLOSED: words("closed"),
    }[state]


def reward_text(state: RewardState, words: Words) -> str:
    """What became of a reward."""
    return {
        RewardState.GRANTED: words("granted"),
        RewardState.HELD: words("somebody is to look at it first"),
        RewardState.REFUSED: words("not granted"),
    }[state]


def note_text(kind: NoteKind | None, words: Words) -> str:
    """What a note is about."""
    return {NoteKind.WISH: words("Wish"), NoteKind.NEED: words("Need"), None: words("Note")}[kind]


def author_text(by: str, people: Mapping[str, str], words: Words) -> str:
    """Who wrote something, by name: one of our people, a key, or the customer."""
    if by in people:
        return people[by]
    if by == BY_CUSTOMER:
        return words("the customer")
    return words("API key {name}", name=by.removeprefix("api:")) if by.startswith("api:") else by


def note_author(note: CustomerNote, people: Mapping[str, str], words: Words) -> str:
    """Who wrote a note, and how it came."""
    match note.by_customer:
        case ChannelName.SMS:
            return words("the customer, by text message")
        case ChannelName.EMAIL:
            return words("the customer, by mail")
        case _:
            return author_text(note.source.partition("#")[0], people, words)
