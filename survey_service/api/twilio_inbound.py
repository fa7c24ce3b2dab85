"""`/callbacks/twilio/inbound`: what somebody wrote to our number comes in; it is stored once, and read by a worker."""

from __future__ import annotations

from aiohttp import web

from channels.twilio_callbacks import CallbackMalformed, read_inbound
from survey_service.api.endpoint import Call, endpoint
from survey_service.api.twilio_callbacks import FORM, read_signed_form
from survey_service.errors import InvalidInput
from survey_service.models.inbound import MAX_INBOUND_TEXT, InboundText

# Replies are messages of their own: TwiML that answers nothing (https://www.twilio.com/docs/messaging/twiml).
_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@endpoint(
    "POST",
    "/callbacks/twilio/inbound",
    tag="callbacks",
    scope=None,
    answers={200: None},
    accepts={FORM: "The fields that Twilio posts, signed with the account's auth token"},
)
async def post_inbound_sms(call: Call) -> web.Response:
    """Take a text message that somebody wrote to us.

    Configure this address as the webhook for incoming messages of the number or the messaging service. It answers as
    soon as the message is stored; repeating it answers the same, and nothing is read twice.
    """
    form = await read_signed_form(call)
    try:
        said = read_inbound(form)
    except CallbackMalformed as error:
        raise InvalidInput.at("", "callback", str(error)) from None
    now = call.parts.clock.now()
    text = InboundText(
        id=said.provider_id,
        sender=said.sender,
        recipient=said.recipient,
        text=said.text[:MAX_INBOUND_TEXT],
        opt_out_type=said.opt_out_type.value if said.opt_out_type else None,
        media=said.media,
        received_at=now,
        due_at=now,
    )
    await call.parts.store.inbound.insert(text)
    call.parts.bells.ring("dialogue")
    return web.Response(text=_NOTHING_TO_SAY, content_type="text/xml")


ENDPOINTS = (post_inbound_sms,)
