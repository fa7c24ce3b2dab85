"""Networks: a request comes in; a keyed hash of the network that its customer came from goes out.

The unit is one IPv4 address, since a wider prefix would put strangers together where carriers already do, or the /64
of an IPv6 address: the least that a household or telephone is given, whose other half changes daily (RFC 8981).

The address itself is stored nowhere. Its hash does not change with time: what is counted by it (a minute's answers,
a period's rewards) would start anew at each turn, and a turn would hide nothing from whoever holds the secret. It goes
with the response that carries it, and with the secret.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

from survey_service.parts import PARTS
from survey_service.tokens import Keyring

Address = IPv4Address | IPv6Address

# `Forwarded` (RFC 7239) is not read: a proxy that writes one of the two hands on the other as its customer forged it.
_FORWARDED_FOR = "X-Forwarded-For"
_HASH_DIGITS = 32  # 128 bits


def network_of(request: web.Request) -> str | None:
    """The customer's network, 32 hex digits; None where it cannot be told. Raises nothing, whatever headers say."""
    parts = request.app[PARTS]
    forwarded = ",".join(request.headers.getall(_FORWARDED_FOR, ()))
    return _network(parts.keyring, request.remote, forwarded, parts.settings.trusted_networks)


@lru_cache(maxsize=4096)  # who opens a page often sends it as well
def _network(
    keyring: Keyring, peer: str | None, forwarded: str, trusted: tuple[IPv4Network | IPv6Network, ...]
) -> str | None:
    address = customer_address(peer, forwarded, trusted)
    return None if address is None else network_hash(_key(keyring), address)


def customer_address(peer: str | None, forwarded: str, trusted: Sequence[IPv4Network | IPv6Network]) -> Address | None:
    """The nearest address that is not a trusted proxy: the peer, or what the proxies say of theirs. Pure.

    None where that is not the customer's: each address is a proxy's, or cannot be read, or is a private one that
    forwards for others, which is a proxy that nobody declared; all its customers would look like one network.
    """
    hops = [*(forwarded.split(",") if forwarded else ()), peer or ""]
    for others, hop in reversed(list(enumerate(hops))):
        address = read_address(hop)
        if address is None:
            return None
        if not any(address in network for network in trusted):
            return address if others == 0 or address.is_global else None
    return None


def read_address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; one of IPv4 within IPv6 is the former."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_hash(key: bytes, address: Address) -> str:
    """The stored name of an address's network."""
    network = address.packed if isinstance(address, IPv4Address) else address.packed[:8]
    return hmac.digest(key, network, "sha256").hex()[:_HASH_DIGITS]


@lru_cache(maxsize=8)  # a keyring a service
def _key(keyring: Keyring) -> bytes:
    return bytes.fromhex(keyring.internal_secret("network"))
