"""`/callbacks/twilio/status/{delivery}`: what Twilio says became of a text message comes in; it is acted on.

Twilio signs the public URL with every field, so the check wants exactly what was given to it when the message was sent.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from multidict import MultiDict

from channels.twilio_callbacks import SIGNATURE_HEADER, CallbackMalformed, read_status, verify
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.reading import read_body
from survey_service.delivery.reports import take_sms_status
from survey_service.errors import Forbidden, MalformedInput

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200


@endpoint(
    "POST",
    "/callbacks/twilio/status/{delivery}",
    tag="callbacks",
    scope=None,
    answers={204: None},
    accepts={FORM: "The fields that Twilio posts, signed with the account's auth token"},
)
async def post_sms_status(call: Call) -> Reply:
    """Take a status callback of Twilio's.

    Its address is given to Twilio with each message; nothing has to be configured there. Statuses may come twice, late
    and in any order. One about a delivery that is not known any more is taken, and nothing follows from it.
    """
    form = await read_signed_form(call)
    try:
        said = read_status(form)
    except CallbackMalformed as error:
        raise MalformedInput(str(error)) from None
    await take_sms_status(call.path("delivery"), said, call.parts.store, call.parts.silencing)
    return Reply(None, status=204)


async def read_signed_form(call: Call) -> MultiDict[str]:
    """The fields that Twilio posted to this very address.

    Raises:
        Forbidden: not signed with our account's token, or there is no SMS channel.
        MalformedInput: the body is no form.
    """
    body = await read_body(call.request, (FORM,))
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # also of the decoding
        raise MalformedInput("the body is not a form in UTF-8") from error
    form = MultiDict(fields)
    token, signature = call.parts.sms_auth_token, call.request.headers.get(SIGNATURE_HEADER, "")
    url = call.parts.base_url + call.request.raw_path
    if token is None or not verify(url, form, signature, token):
        raise Forbidden("the signature is not Twilio's for this address and these fields")
    return form


ENDPOINTS = (post_sms_status,)
