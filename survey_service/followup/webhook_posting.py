"""Posting: a URL, secrets and a body come in; what the receiver answered goes out. One pooled session a process.

The connector connects to the very addresses that were checked; Host and TLS stay those of the name. Redirects are
not followed, cookies not kept, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook as Signer
from yarl import URL

from survey_service.followup.webhook_addresses import Addresses, AddressRefused, check_address
from survey_service.models.webhook import CallError

CONNECT_SECONDS = 5.0  # to resolve, connect and shake hands
TOTAL_SECONDS = 15.0
MAX_ANSWER_BYTES = 64 * 1024
LONGEST_RETRY_AFTER = timedelta(hours=24)
_ANSWER_SECONDS = 1.0  # for a body that nobody reads: without it the connection cannot be used again
_MAY_ASK_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_AGENT = "survey-service-webhooks"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why there is none."""

    milliseconds: int
    status: int | None = None
    error: CallError | None = None
    retry_after: timedelta | None = None

    @property
    def is_delivered(self) -> bool:
        """2xx, as Standard Webhooks has it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def signed_headers(secrets: Sequence[str], message: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of https://www.standardwebhooks.com: one signature a secret, separated by spaces."""
    signatures = [Signer(secret).sign(message, at, body) for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }


def read_retry_after(header: str | None, now: datetime) -> timedelta | None:
    """RFC 9110, section 10.2.3: seconds or a date; at most 24 hours, and None for what is neither."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 10:
        wait = timedelta(seconds=int(text))
    else:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST_RETRY_AFTER)


class Poster:
    """Calls receivers; made within a running loop. A whole call, from its name to its answer, takes `total` seconds."""

    def __init__(self, addresses: Addresses, total: float = TOTAL_SECONDS) -> None:
        self._addresses = addresses
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # Lanes bound the calls; a limit here would let slow receivers keep others waiting for a place.
                limit=0,
                resolver=_CheckedNames(addresses),
                socket_factory=self._checked_socket,
            ),
            timeout=aiohttp.ClientTimeout(total=total, connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"user-agent": _AGENT},
        )

    async def post(self, url: str, secrets: Sequence[str], message: str, body: str, now: datetime) -> Answer:
        """Sign and post once; whatever goes wrong is an answer too."""
        headers = signed_headers(secrets, message, now, body)
        address = URL(url, encoded=True)
        began = time.monotonic()
        status, error, retry_after = None, None, None
        try:
            async with self._session.post(address, data=body.encode(), headers=headers, allow_redirects=False) as reply:
                status = reply.status
                if status in _MAY_ASK_TO_WAIT:
                    retry_after = read_retry_after(reply.headers.get("Retry-After"), now)
                await _skip_body(reply)
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as fault:  # uvloop has RuntimeErrors for some
            error = None if status is not None else error_of(fault)
        return Answer(round((time.monotonic() - began) * 1000), status, error, retry_after)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()

    def _checked_socket(self, info: Any) -> socket.socket:
        """The last look at an address, which is then connected to: hosts that are IP addresses come this way alone."""
        family, kind, protocol, _, place = info
        check_address(ipaddress.ip_address(place[0]), loopback=self._addresses.loopback)
        return socket.socket(family, kind, protocol)


class _CheckedNames(AbstractResolver):
    """Names for the connector: all of a name's addresses may be called, or none is."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._addresses.resolve(host, port)
        ]

    async def close(self) -> None:
        return


def error_of(fault: BaseException) -> CallError:
    """What went wrong, in words that tell nothing of the network that the service stands in."""
    if isinstance(fault, TimeoutError):
        return CallError.TIMEOUT
    if isinstance(fault, AddressRefused) or _cause(fault, AddressRefused):
        return CallError.ADDRESS_REFUSED
    if isinstance(fault, aiohttp.ClientConnectorDNSError):
        return CallError.UNRESOLVED
    if isinstance(fault, aiohttp.ClientSSLError):
        return CallError.TLS
    if isinstance(fault, aiohttp.ClientConnectorError):
        return CallError.NOT_CONNECTED
    return CallError.DROPPED


def _cause(fault: BaseException, kind: type[BaseException]) -> bool:
    return isinstance(fault, aiohttp.ClientConnectorError) and isinstance(fault.os_error, kind)


async def _skip_body(reply: aiohttp.ClientResponse) -> None:
    """Read a short body, so that the connection can be used again; a long or slow one costs the connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            left = MAX_ANSWER_BYTES
            while left > 0 and (piece := await reply.content.read(left)):
                left -= len(piece)
