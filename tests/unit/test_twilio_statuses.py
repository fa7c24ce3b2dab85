"""Twilio's words, codes and forms: what each of them is read as, and what is refused."""

from __future__ import annotations

import pytest
from multidict import MultiDict

from channels.base import ProviderStatus
from channels.errors import OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.twilio_callbacks import (
    CallbackMalformed,
    InboundSms,
    OptOutType,
    SmsStatus,
    read_inbound,
    read_status,
    verify,
)
from channels.twilio_codes import Fault, meaning_of
from channels.twilio_http import Refused
from channels.twilio_refusals import refusal
from channels.twilio_statuses import status_of

SID = "SM" + "0a" * 16
STATUS = {"MessageSid": SID, "MessageStatus": "delivered", "To": "+4915123456789", "From": "+4915100000000"}
INBOUND = {"MessageSid": SID, "From": "+4915123456789", "To": "+4915100000000", "Body": "9", "NumMedia": "0"}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", ProviderStatus.ACCEPTED),
        ("scheduled", ProviderStatus.ACCEPTED),
        ("queued", ProviderStatus.ACCEPTED),
        ("sending", ProviderStatus.ACCEPTED),
        ("sent", ProviderStatus.SENT),
        ("partially_delivered", ProviderStatus.SENT),
        ("delivered", ProviderStatus.DELIVERED),
        ("read", ProviderStatus.DELIVERED),
        ("undelivered", ProviderStatus.FAILED),
        ("failed", ProviderStatus.FAILED),
        ("canceled", ProviderStatus.FAILED),
        ("teleported", ProviderStatus.UNKNOWN),
        ("", ProviderStatus.UNKNOWN),
    ],
)
def test_a_word_of_twilios_has_one_meaning(word: str, status: ProviderStatus) -> None:
    assert status_of(word) is status
    assert status_of(word.upper()) is status


def test_no_later_word_has_a_lower_rank_than_an_earlier_one() -> None:
    ranks = [status_of(word).rank for word in ("accepted", "queued", "sending", "sent", "undelivered", "delivered")]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("code", "unusable", "opted_out"),
    [
        ("21211", True, False),
        ("21614", True, False),
        ("30005", True, False),
        ("30006", True, False),
        ("30003", False, False),
        ("30004", False, False),
        ("30007", False, False),
        ("30008", False, False),
        ("21610", False, True),
        ("39999", False, False),
    ],
)
def test_a_code_says_whether_the_number_or_the_person_is_lost(code: str, unusable: bool, opted_out: bool) -> None:
    meaning = meaning_of(code)
    assert (meaning.address_unusable, meaning.opted_out) == (unusable, opted_out)
    assert meaning.sentence.endswith(".")


def test_an_unlisted_code_is_named_in_its_sentence() -> None:
    assert meaning_of("39999").fault is Fault.MESSAGE
    assert "39999" in meaning_of("39999").sentence


@pytest.mark.parametrize(
    ("status", "body", "failure", "code"),
    [
        (400, '{"code": 21602}', PermanentFailure, "21602"),
        (400, '{"code": 99999, "message": "new"}', PermanentFailure, "99999"),
        (400, '{"type": "t", "title": "New", "status": 400, "code": 99999, "detail": "d"}', PermanentFailure, "99999"),
        (400, "[]", PermanentFailure, "400"),
        (400, "{", PermanentFailure, "400"),
        (413, "", PermanentFailure, "413"),
        (301, "", TemporaryFailure, "301"),
        (404, "<h1>nginx</h1>", TemporaryFailure, "404"),
        (408, "", TemporaryFailure, "408"),
        (500, '{"code": 20500, "message": "Internal Server Error"}', OutcomeUnknown, "20500"),
        (500, '{"code": 21610}', OutcomeUnknown, "21610"),
        (503, "", OutcomeUnknown, "503"),
    ],
)
def test_an_answer_is_read_by_its_code_and_else_by_its_status(
    status: int, body: str, failure: type[Exception], code: str
) -> None:
    error = refusal(Refused(status, body, None))
    assert type(error) is failure
    assert error.code == code


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 0.0), (None, None), ("", None), ("soon", None), ("-1", None), ("1e9", None), ("9" * 9, None)],
)
def test_retry_after_is_taken_in_seconds_alone(header: str | None, seconds: float | None) -> None:
    error = refusal(Refused(429, "", header))
    assert isinstance(error, TemporaryFailure)
    assert (error.retry_after, error.channel_down) == (seconds, False)


def test_the_number_of_a_person_stays_out_of_the_detail() -> None:
    said = "The number +49 (151) 2345-6789 or 04915123456789 is odd, see error 99999"
    error = refusal(Refused(400, f'{{"code": 99999, "message": "{said}"}}', None))
    assert error.detail == "The number [number] or [number] is odd, see error 99999"


def test_a_status_callback_is_read() -> None:
    assert read_status(STATUS) == SmsStatus(SID, ProviderStatus.DELIVERED, "delivered", None, "+4915123456789")
    failed = read_status({"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "30005", "New": "field"})
    assert failed == SmsStatus(SID, ProviderStatus.FAILED, "undelivered", "30005", None)


def test_an_unknown_word_is_kept() -> None:
    assert read_status({**STATUS, "MessageStatus": "teleported"}).raw == "teleported"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"MessageSid": ""}, "MessageSid"),
        ({"MessageSid": "SM1"}, "MessageSid"),
        ({"MessageSid": f"{SID}\n"}, "MessageSid"),
        ({"MessageSid": f"CA{SID[2:]}"}, "MessageSid"),
        ({"MessageStatus": ""}, "MessageStatus"),
        ({"ErrorCode": "thirty"}, "ErrorCode"),
    ],
)
def test_a_malformed_status_callback_is_refused_by_field(change: dict[str, str], field: str) -> None:
    with pytest.raises(CallbackMalformed, match=field):
        read_status({**STATUS, **change})


@pytest.mark.parametrize("field", ["MessageSid", "MessageStatus"])
def test_a_status_callback_without_a_field_is_refused(field: str) -> None:
    with pytest.raises(CallbackMalformed, match=f"{field} is missing"):
        read_status({name: value for name, value in STATUS.items() if name != field})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"Body": ""}, {"text": ""}),
        ({"Body": "  9 {{x}} <b>$ne 😀\n"}, {"text": "  9 {{x}} <b>$ne 😀\n"}),
        ({"Body": "", "NumMedia": "2"}, {"text": "", "media": 2}),
        ({"OptOutType": "STOP", "Body": "stop"}, {"text": "stop", "opt_out_type": OptOutType.STOP}),
        ({"OptOutType": "HELP"}, {"opt_out_type": OptOutType.HELP}),
        ({"OptOutType": "START"}, {"opt_out_type": OptOutType.START}),
        ({"OptOutType": "WHAT"}, {"opt_out_type": None}),
    ],
)
def test_an_incoming_message_is_read_as_it_was_written(change: dict[str, str], expected: dict[str, object]) -> None:
    usual = {"provider_id": SID, "sender": "+4915123456789", "recipient": "+4915100000000", "text": "9"}
    assert read_inbound({**INBOUND, **change}) == InboundSms(**{**usual, **expected})  # type: ignore[arg-type]  # by name


def test_media_may_come_without_a_body() -> None:
    form = {name: value for name, value in INBOUND.items() if name != "Body"}
    assert read_inbound({**form, "NumMedia": "1"}).text == ""
    with pytest.raises(CallbackMalformed, match="Body is missing"):
        read_inbound(form)


@pytest.mark.parametrize("field", ["MessageSid", "From", "To"])
def test_an_incoming_message_without_a_field_is_refused(field: str) -> None:
    with pytest.raises(CallbackMalformed, match=f"{field} is missing"):
        read_inbound({name: value for name, value in INBOUND.items() if name != field})


@pytest.mark.parametrize("media", ["", "-1", "two", "100", "１"])
def test_a_malformed_number_of_media_is_refused(media: str) -> None:
    with pytest.raises(CallbackMalformed, match="NumMedia"):
        read_inbound({**INBOUND, "NumMedia": media})


# The example of https://www.twilio.com/docs/usage/security#validating-requests
DOCUMENTED_URL = "https://example.com/myapp.php?foo=1&bar=2"
DOCUMENTED_FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
DOCUMENTED_SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_twilios_own_example_of_a_signature_is_accepted() -> None:
    assert verify(DOCUMENTED_URL, DOCUMENTED_FORM, DOCUMENTED_SIGNATURE, "12345")
    assert verify(DOCUMENTED_URL, MultiDict(DOCUMENTED_FORM), DOCUMENTED_SIGNATURE, "12345")


@pytest.mark.parametrize(
    ("url", "change", "signature", "token"),
    [
        (DOCUMENTED_URL, {"Digits": "1235"}, DOCUMENTED_SIGNATURE, "12345"),
        (DOCUMENTED_URL, {"Extra": "1"}, DOCUMENTED_SIGNATURE, "12345"),
        (DOCUMENTED_URL.replace("foo=1", "foo=2"), {}, DOCUMENTED_SIGNATURE, "12345"),
        (DOCUMENTED_URL.replace("https", "http"), {}, DOCUMENTED_SIGNATURE, "12345"),
        (DOCUMENTED_URL, {}, DOCUMENTED_SIGNATURE.lower(), "12345"),
        (DOCUMENTED_URL, {}, DOCUMENTED_SIGNATURE + "=", "12345"),
        (DOCUMENTED_URL, {}, "ä" * len(DOCUMENTED_SIGNATURE), "12345"),
        (DOCUMENTED_URL, {}, "", "12345"),
        (DOCUMENTED_URL, {}, DOCUMENTED_SIGNATURE, "54321"),
    ],
)
def test_a_forged_callback_is_not_accepted(url: str, change: dict[str, str], signature: str, token: str) -> None:
    assert not verify(url, {**DOCUMENTED_FORM, **change}, signature, token)
