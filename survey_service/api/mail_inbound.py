"""`/callbacks/email/inbound`: a mail that answers one of ours comes in raw; it is stored once, and read by a worker."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from channels.inbound_mail import InboundMail, parse_mail
from survey_service.answering.commands import Command, read_command
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.reading import read_beginning
from survey_service.models.api_key import Scope
from survey_service.models.delivery import ASKS, TO_PEOPLE, ChannelName, Delivery, DeliveryKind
from survey_service.models.ids import hashed_id
from survey_service.models.mail import MAIL_PREFIX, MAX_MAIL_TEXT, Mail
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email
from survey_service.texts.folding import fold
from survey_service.texts.own_words import own_words
from survey_service.texts.printable import one_line, printable

MAX_MAIL_BYTES = 10 * 1024 * 1024
READ_BYTES = 1024 * 1024  # of a mail; what people write stands before what they attach
_MAX_SUBJECT = 200
_RAW_MAIL = "The message as it arrived, headers and all, at most 10 MiB"
_ACCEPTS = {"message/rfc822": _RAW_MAIL, "application/octet-stream": _RAW_MAIL}
_NOT_ANSWERED = TO_PEOPLE | {DeliveryKind.TEST}


class Taken(StrEnum):
    """What a mail is, at first sight."""

    STORED = "stored"  # a worker reads it within seconds
    AUTOMATIC = "automatic"  # no person wrote it, such as an out-of-office note
    UNKNOWN = "unknown"  # it answers no message to a customer of ours
    EMPTY = "empty"  # nothing is left without what it quotes
    SIGNED = "signed"  # it answers an anonymous survey, but a mail names its sender: nothing of it is kept


class MailTaken(BaseModel):
    """What a mail is, and the message that it answers; handing it over again answers the same."""

    taken: Taken
    mail: str | None = Field(description="Its id, where it is stored")
    delivery: str | None = Field(description="The delivery that it answers; null where it names none of ours")


@endpoint(
    "POST",
    "/callbacks/email/inbound",
    tag="callbacks",
    scope=Scope.RESPONSES_WRITE,
    answers={202: MailTaken},
    accepts=_ACCEPTS,
)
async def post_inbound_mail(call: Call) -> Reply:
    """Hand over a mail that somebody wrote in answer to one of ours, raw.

    Meant for the mail system that takes the mail of a brand's `answers_to`: a pipe posts each message with an API key
    of the scope `responses:write`, e.g. `curl --fail --data-binary @- -H 'Content-Type: message/rfc822' …`. Whatever
    is no answer is taken as well, and nothing follows from it: the pipe has no use for an error that will never go
    away.
    """
    raw = await read_beginning(call.request, tuple(_ACCEPTS), most=MAX_MAIL_BYTES, keep=READ_BYTES)
    mail = parse_mail(raw)
    delivery = await _answered(call, mail)
    if delivery is None:
        return _taken(Taken.UNKNOWN, None, None)
    if mail.is_automatic:
        return _taken(Taken.AUTOMATIC, None, delivery.id)
    text = printable(own_words(printable(mail.text)))[:MAX_MAIL_TEXT].strip()
    if not text:
        return _taken(Taken.EMPTY, None, delivery.id)
    if await _asks_anonymously(call, delivery) and read_command(fold(text)) is not Command.STOP:
        return _taken(Taken.SIGNED, None, delivery.id)
    now = call.parts.clock.now()
    row = Mail(
        id=hashed_id(MAIL_PREFIX, delivery.id, mail.message_id or text),
        delivery=delivery.id,
        asks=delivery.kind in ASKS,
        invitation=delivery.invitation,
        brand=delivery.brand,
        customer=delivery.customer,
        case=delivery.case,
        from_recipient=_is_recipient(mail.sender, delivery),
        subject=one_line(mail.subject)[:_MAX_SUBJECT],
        text=text,
        received_at=now,
        due_at=now,
    )
    await call.parts.store.mails.insert(row)
    call.parts.bells.ring("mails")
    return _taken(Taken.STORED, row.id, delivery.id)


async def _answered(call: Call, mail: InboundMail) -> Delivery | None:
    """The message to a customer that the mail answers."""
    for name in mail.deliveries:
        found = await call.parts.store.deliveries.get(name)
        if found is None or found.erased_at is not None:
            continue  # what answers a tombstone would belong to nobody, and could be forgotten by nobody
        if found.channel is ChannelName.EMAIL and found.kind not in _NOT_ANSWERED:
            return found
    return None


async def _asks_anonymously(call: Call, delivery: Delivery) -> bool:
    if delivery.survey is None or delivery.survey_version is None:
        return False
    survey = await call.parts.store.configuration.survey(delivery.survey, delivery.survey_version)
    return survey is not None and survey.anonymous


def _is_recipient(sender: str | None, delivery: Delivery) -> bool:
    try:
        return sender is not None and email_key(normalise_email(sender)) == email_key(normalise_email(delivery.to))
    except AddressInvalid:
        return False


def _taken(taken: Taken, mail: str | None, delivery: str | None) -> Reply:
    return Reply(MailTaken(taken=taken, mail=mail, delivery=delivery), status=202)


ENDPOINTS = (post_inbound_mail,)
