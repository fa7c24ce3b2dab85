"""Confirming: a call that a customer has just asked for comes in; the message that confirms it goes out. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from survey_service.answering.flow import Answers
from survey_service.answering.gate import Visit
from survey_service.calendars.periods import parse_period
from survey_service.models.delivery import AgreedCall, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import delivery_id
from survey_service.models.response import CallWish, Response
from survey_service.models.survey import Survey


def confirmations(response: Response, visit: Visit, new: Answers, usable: Collection[ChannelName]) -> list[Delivery]:
    """The messages that are to be sent because of the answers in `new`: one for each call, if there is a way.

    By mail if an address is known, else by text message to the known number, else to the one that was given; `usable`
    are the channels with settings. A public link has none: whoever finds it could make us write to any number, so the
    page alone confirms. The same answers make the same rows, under the same ids.
    """
    wishes = {name: answer for name, answer in new.items() if isinstance(answer, CallWish)}
    if visit.survey is None or visit.invitation is None:
        return []
    known = visit.invitation.recipient
    asked_at = _answered_at(response, visit.survey)
    messages = []
    for name, wish in wishes.items():
        call = AgreedCall(at=wish.at, minutes=wish.minutes, about=wish.about, phone=wish.phone or known.phone)
        ways = {ChannelName.EMAIL: known.email, ChannelName.SMS: known.phone or wish.phone}
        way = next(((channel, to) for channel, to in ways.items() if to and channel in usable), None)
        if way is not None:
            messages.append(_confirmation(response, name, call, *way, asked_at))
    return messages


def _answered_at(response: Response, survey: Survey) -> datetime:
    """When the newest answers of a response came: an open one ends `finish_after` later."""
    if response.due_at is not None:
        return response.due_at - parse_period(survey.finish_after)
    return response.finished_at or response.started_at


def _confirmation(
    response: Response, question: str, call: AgreedCall, channel: ChannelName, to: str, asked_at: datetime
) -> Delivery:
    return Delivery(
        id=delivery_id(response.id, f"call:{question}", 1),
        kind=DeliveryKind.DIALOGUE,
        channel=channel,
        invitation=response.invitation,
        brand=response.brand,
        survey=response.survey,
        survey_version=response.survey_version,
        trigger=response.trigger,
        customer=response.customer,
        touchpoint=response.touchpoint,
        to=to,
        language=response.language,
        call=call,
        state=DeliveryState.REQUESTED,
        due_at=asked_at,
        created_at=asked_at,
        planned_at=asked_at,
        updated_at=asked_at,
        expires_at=call.at,  # afterwards there is nothing to confirm
    )
