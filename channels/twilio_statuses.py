"""Twilio's word for the state of a message comes in; a `ProviderStatus` goes out.

Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
"""

from __future__ import annotations

from channels.base import ProviderStatus

_STATUSES = {
    "accepted": ProviderStatus.ACCEPTED,  # a messaging service has it and looks for a sender
    "scheduled": ProviderStatus.ACCEPTED,  # a messaging service keeps it for later
    "queued": ProviderStatus.ACCEPTED,  # waits for its turn at the sender
    "sending": ProviderStatus.ACCEPTED,  # on its way to the nearest carrier
    "sent": ProviderStatus.SENT,  # that carrier took it
    "partially_delivered": ProviderStatus.SENT,  # some of its segments arrived
    "delivered": ProviderStatus.DELIVERED,
    "read": ProviderStatus.DELIVERED,  # RCS and WhatsApp alone say so
    "undelivered": ProviderStatus.FAILED,  # a carrier says that it did not arrive
    "failed": ProviderStatus.FAILED,  # Twilio could not send it
    "canceled": ProviderStatus.FAILED,  # taken back before it was sent
}


def status_of(word: str) -> ProviderStatus:
    """The status that Twilio's word stands for; UNKNOWN for one that is not in its documentation."""
    return _STATUSES.get(word.lower(), ProviderStatus.UNKNOWN)
