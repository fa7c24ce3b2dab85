"""Why a message did not leave, as one tree; the caller decides what happens next.

ChannelError
├── TemporaryFailure    worth another try later (4xx, refused connection, time-out before acceptance)
├── PermanentFailure    another try would fail the same way; says whether the address itself is at fault, or its owner
│                       asked to be left alone
└── OutcomeUnknown      the provider may or may not have taken it; never sent again by itself
"""

from __future__ import annotations


class ChannelError(Exception):
    """Root: `code` is the provider's own (`550 5.1.1`, `30003`), `detail` a short text without addresses."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail


class TemporaryFailure(ChannelError):
    """May succeed later; `retry_after` in seconds where the provider named one.

    `channel_down` says that no message would have passed (connection refused, login failed): a reason to
    hold the whole channel for a moment instead of burning the tries of every message.
    """

    def __init__(self, code: str, detail: str, *, retry_after: float | None = None, channel_down: bool = False) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
        self.channel_down = channel_down


class PermanentFailure(ChannelError):
    """Will not succeed; `address_unusable` is set when the recipient's address is the cause (hard bounce).

    `opted_out` is set when the provider keeps messages from this person because they told it STOP: a reason to
    suppress them here as well.
    """

    def __init__(self, code: str, detail: str, *, address_unusable: bool = False, opted_out: bool = False) -> None:
        super().__init__(code, detail)
        self.address_unusable = address_unusable
        self.opted_out = opted_out


class OutcomeUnknown(ChannelError):
    """The call broke after the provider may have accepted; only positive evidence settles it."""
