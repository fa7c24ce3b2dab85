"""A Twilio error code comes in; whose fault it is goes out, with a sentence for people.

The same codes come as the answer to a send and as `ErrorCode` of a later status callback: through a messaging service
even an opt-out is only reported afterwards. Source: https://www.twilio.com/docs/api/errors, one page a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Fault(Enum):
    """What a code is about."""

    ADDRESS = auto()  # no SMS can reach this number
    OPTED_OUT = auto()  # its owner told Twilio STOP
    CHANNEL = auto()  # no message passes until the account or the settings are put right
    BUSY = auto()  # too much at a time; the same message may pass later
    MESSAGE = auto()  # this message, its route or the moment; says nothing against the number


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What Twilio means by one code."""

    fault: Fault
    sentence: str

    @property
    def address_unusable(self) -> bool:
        """Whether writing to this number again is pointless."""
        return self.fault is Fault.ADDRESS

    @property
    def opted_out(self) -> bool:
        """Whether the person asked to be left alone."""
        return self.fault is Fault.OPTED_OUT


_SENTENCES: dict[Fault, dict[int, str]] = {
    Fault.ADDRESS: {
        21211: "The recipient's number is not a valid number.",
        21217: "The recipient's number does not appear to be valid.",
        21265: "The recipient is a short code, which cannot be written to.",
        21614: "The recipient's number is not a mobile number.",
        21635: "The recipient's number is a landline.",
        30005: "The recipient's number is unknown or no longer in service.",
        30006: "The recipient's number is a landline, or no carrier reaches it.",
    },
    Fault.OPTED_OUT: {
        21610: "The recipient told this sender STOP.",
    },
    Fault.CHANNEL: {
        20003: "Twilio does not know this account SID with this auth token.",
        20005: "The Twilio account is not active.",
        20006: "The Twilio account may not do this.",
        20008: "Twilio's test credentials cannot send real messages.",
        20403: "The Twilio account may not send messages.",
        20404: "There is no such account at this address of Twilio's API.",
        21212: "The sender is not a valid number or name.",
        21601: "The sender is not a number of this Twilio account.",
        21603: "No sender and no messaging service was named.",
        21660: "The sender belongs to another Twilio account.",
        21661: "The sender's number cannot send SMS.",
        21701: "There is no such messaging service.",
        21702: "The messaging service takes no new messages.",
        21704: "The messaging service has no senders.",
        21705: "The messaging service is not valid.",
        30002: "The Twilio account was suspended before the message was sent.",
        30037: "The Twilio account's outbound messaging is switched off.",
        90010: "The Twilio account is not active.",
    },
    Fault.BUSY: {
        20429: "More requests at a time than Twilio allows this account.",
        21611: "The sender's queue at Twilio is full.",
        30001: "The sender's queue at Twilio overflowed.",
        30022: "The US carriers' rate limit of this 10DLC campaign was passed.",
        30023: "The carrier's daily limit of this 10DLC brand is used up.",
        30027: "T-Mobile's daily limit of this 10DLC brand is used up.",
        30454: "The trial account's limit of messages is used up.",
        63038: "The account's limit of messages a day is used up.",
    },
    Fault.MESSAGE: {
        14107: "Too many messages between these two numbers in a short time; looks like a loop.",
        21219: "A trial account may only write to numbers that were verified.",
        21266: "Sender and recipient are the same number.",
        21408: "The account may not send to this country (messaging geo-permissions).",
        21602: "The message has no text.",
        21606: "The sender cannot send to this destination.",
        21608: "A trial account may only write to numbers that were verified.",
        21609: "The status callback's address is not valid.",
        21612: "Twilio has no route from this sender to this recipient at the moment.",
        21617: "The text is longer than 1,600 characters.",
        21659: "The sender is not a Twilio number, or a short code of another country.",
        21703: "No sender of the messaging service can reach this recipient.",
        30003: "The phone was switched off or out of reach; the number itself may be fine.",
        30004: "The recipient or the carrier blocks this message.",
        30007: "Twilio or the carrier filtered the message as spam or against its rules.",
        30008: "The carrier refused the message and did not say why.",
        30010: "The message would have cost more than the maximum price allows.",
        30017: "The carrier's network was congested.",
        30018: "The recipient's carrier wants the sender's name registered first.",
        30019: "The message is larger than the carrier takes.",
        30024: "The recipient's carrier wants the sender's number registered first.",
        30032: "The toll-free sender has not been verified.",
        30033: "The sender's 10DLC campaign is suspended.",
        30034: "The sender is not registered for messages to US numbers (10DLC).",
        30035: "The sender's 10DLC registration is not finished.",
        30036: "The message waited in the queue for longer than its validity period.",
        30410: "The carrier did not answer Twilio in time.",
        30450: "Messages to this recipient are blocked for the time being (fraud protection).",
    },
}
_MEANINGS = {
    str(code): CodeMeaning(fault, sentence)
    for fault, sentences in _SENTENCES.items()
    for code, sentence in sentences.items()
}


def known_meaning(code: str) -> CodeMeaning | None:
    """What the table says of a code; None for one that is not in it."""
    return _MEANINGS.get(code)


def meaning_of(code: str) -> CodeMeaning:
    """What a code of a status callback means; an unlisted one counts against the message alone."""
    return known_meaning(code) or CodeMeaning(Fault.MESSAGE, f"Twilio's error {code}.")
