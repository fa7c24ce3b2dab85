"""What the HTTP edge is handed: the concrete parts of a running service, put together in wiring."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from survey_service.answering.opting_out import OptingOut
from survey_service.answering.recording import Recording
from survey_service.clock import Clock
from survey_service.delivery.composing import Composer
from survey_service.delivery.silencing import Silencing
from survey_service.followup.granting import Granting
from survey_service.followup.resolving import Resolving
from survey_service.followup.webhook_addresses import Addresses
from survey_service.intake.direct import DirectInvitations
from survey_service.intake.receiving import Receiving
from survey_service.models.delivery import ChannelName
from survey_service.settings import Settings
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

MAX_EXPORTS = 4
MAX_REHEARSALS = 1


class WriteAsCustomer(Protocol):
    """Lets a customer write to our number, in the sandbox."""

    async def __call__(self, number: str, text: str) -> bool:
        """Whether our own callback took it."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """`base_url` is what links start with; `usable_channels` are those with settings or a sandbox.

    `sms_auth_token` proves that a callback is Twilio's, or the sandbox's; None without an SMS channel.
    `write_as_customer` is there where text messages stay in the sandbox. `webhook_addresses` says where webhooks
    may lead. `exporting` has a place for each export that this process makes at a time, `rehearsing` for each period
    that it tries.
    """

    settings: Settings
    store: Store
    clock: Clock
    keyring: Keyring
    bells: Bells
    base_url: str
    usable_channels: frozenset[ChannelName]
    receiving: Receiving
    recording: Recording
    opting_out: OptingOut
    silencing: Silencing
    direct: DirectInvitations
    composer: Composer
    granting: Granting
    resolving: Resolving
    sms_auth_token: str | None = field(default=None, repr=False)
    write_as_customer: WriteAsCustomer | None = None
    webhook_addresses: Addresses = field(default_factory=Addresses)
    exporting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_EXPORTS))
    rehearsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_REHEARSALS))


PARTS = web.AppKey("parts", Parts)
