"""Where webhooks may lead: a URL or an IP address comes in, words that refuse it come out. Pure, but for `Addresses`.

The service calls what a caller names, from inside its own network: it must never reach what only that network
reaches. The list of networks is our own: `ipaddress.is_global` lets several of them pass.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

# https://www.iana.org/assignments/iana-ipv4-special-registry
_DENIED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # shared by carriers; where Alibaba keeps its metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own, inside every virtual machine
        "169.254.0.0/16",  # link local; where clouds keep their metadata
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private use
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry; outside 2000::/3 nothing is a public host.
_DENIED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/3",  # unspecified, loopback, IPv4-compatible, 64:ff9b:1::/48, 100::/64
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
        "4000::/2",  # reserved; 5f00::/16 for segment routing
        "8000::/1",  # unique local, link local, site local, multicast
    )
)
_LOOPBACK_V4 = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = ipaddress.IPv6Address("::1")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291, section 2.5.5.2
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_6TO4 = ipaddress.IPv6Network("2002::/16")  # RFC 3056

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A last label of digits (or 0x…) is a number to resolvers: 127.1, 0x7f.1 and 2130706433 are all this machine.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!0x)(?=[a-z0-9-]*[a-z]){_LABEL}")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?:[/?][!-~]*)?"
)
_UNSAFE = re.compile(r"[\"'<>\\^`{|}#]")
# Names that mean another thing on every network: RFC 6761, 6762, 7686, 8375, 9476 and ICANN's reservation.
_PRIVATE_NAMES = ("localhost", "local", "internal", "home.arpa", "onion", "alt", "invalid")
_HTTPS_PORT = 443
_FIRST_FREE_PORT = 1024
_LAST_PORT = 65_535

_RESOLVERS = 32  # look-ups at once: a name server that hangs must not keep those of others waiting

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port in, IP addresses out; raises OSError where there are none."""


class AddressRefused(OSError):
    """A webhook must not lead there; the words say why, without the address that a name led to."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL leads to; `address` is set where its host is an IP address."""

    scheme: str
    host: str
    port: int
    address: Address | None


def read_place(url: str, *, loopback: bool = False) -> Place:
    """Where a URL leads, if a webhook may lead there as far as the text tells.

    `loopback` also allows this machine itself, by http too.

    Raises:
        AddressRefused: it may not, and why.
    """
    match = _URL.fullmatch(url)
    if match is None or _UNSAFE.search(url):
        raise AddressRefused("is not a plain https address, such as https://acme.example/hooks (no user, no #part)")
    scheme, host = match["scheme"], match["host"].lower()
    address = _literal(host)
    here = host == "localhost" or (address is not None and is_loopback(address))
    if here and not loopback:
        raise AddressRefused("leads to this machine")
    if scheme != "https" and not here:
        raise AddressRefused("must be an https address")
    if address is None and not here:
        _check_name(host)
    port = int(match["port"] or (_HTTPS_PORT if scheme == "https" else 80))
    if port > _LAST_PORT or not (here or port == _HTTPS_PORT or port >= _FIRST_FREE_PORT):
        raise AddressRefused(f"has a port other than {_HTTPS_PORT} or {_FIRST_FREE_PORT} to {_LAST_PORT}")
    if address is not None:
        check_address(address, loopback=loopback)
    return Place(scheme, host, port, address)


def check_address(address: Address, *, loopback: bool = False) -> None:
    """Refuse an IP address that is not a public host's; `loopback` allows this machine itself.

    Raises:
        AddressRefused: it is not.
    """
    if loopback and is_loopback(address):
        return
    inner = _inner(address)
    denied = _DENIED_V4 if isinstance(inner, ipaddress.IPv4Address) else _DENIED_V6
    if (isinstance(address, ipaddress.IPv6Address) and address.scope_id) or any(inner in network for network in denied):
        raise AddressRefused("leads to an address that is not a public host's")


def is_loopback(address: Address) -> bool:
    """Whether it is this machine, in whichever family it is written."""
    inner = _inner(address)
    return inner in _LOOPBACK_V4 if isinstance(inner, ipaddress.IPv4Address) else inner == _LOOPBACK_V6


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where a translator or tunnel would unpack it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _MAPPED or address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if address in _6TO4:
            return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def _literal(host: str) -> Address | None:
    """The IP address that a host is, in its one plain spelling."""
    try:
        return ipaddress.IPv6Address(host[1:-1]) if host.startswith("[") else ipaddress.IPv4Address(host)
    except ValueError:
        if host.startswith("["):
            raise AddressRefused("has a host that is no IPv6 address") from None
        return None


def _check_name(host: str) -> None:
    if not _NAME.fullmatch(host):
        raise AddressRefused("has a host that is no full name in ASCII (write xn--… for others), such as acme.example")
    if any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES):
        raise AddressRefused("has a host that means another one on every network")


class Addresses:
    """The rules of this service, and how it resolves names; `loopback` allows this machine itself, in development."""

    def __init__(self, *, loopback: bool = False, resolve: Resolve | None = None) -> None:
        self.loopback = loopback
        self._resolve = resolve or SystemResolver()

    async def check(self, url: str) -> None:
        """Refuse a URL that a webhook may not lead to; a name that leads nowhere now may do so later.

        Raises:
            AddressRefused: it may not.
        """
        place = read_place(url, loopback=self.loopback)
        if place.address is None:
            try:
                await self.resolve(place.host, place.port)
            except AddressRefused:
                raise
            except OSError:
                return

    async def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a name, at least one: a name that leads inside with any of them is refused as a whole.

        Raises:
            AddressRefused: one of them may not be called.
            OSError: there are none.
        """
        found = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        if not found:
            raise OSError("the name has no address")
        for address in found:
            check_address(address, loopback=self.loopback)
        return found


def is_development(base_url: str, *, on_this_machine: bool) -> bool:
    """Whether webhooks may lead to this machine: the service itself is reached by http on a loopback address alone."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        here = is_loopback(ipaddress.ip_address(host))
    except ValueError:
        here = host == "localhost"
    return on_this_machine and parts.scheme == "http" and here


class SystemResolver:
    """The machine's own resolver, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="webhook-names")

    async def __call__(self, host: str, port: int) -> list[str]:
        """The IP addresses of a name, without zones; raises OSError where there are none."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
