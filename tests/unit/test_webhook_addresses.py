"""A webhook leads to a public host, however its address is spelled and whatever its name says the second time."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from survey_service.followup.webhook_addresses import (
    Addresses,
    AddressRefused,
    check_address,
    is_development,
    read_place,
)
from survey_service.followup.webhook_posting import Answer, Poster
from survey_service.models.webhook import CallError, new_secret
from tests.support.receiver import Receiver

PUBLIC = "93.184.215.14"

HOSTILE_ADDRESSES = (
    "0.0.0.0",  # noqa: S104 -- nobody listens there: it is refused
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "64:ff9b:1:7f00:0:1::",
    "100::1",
    "200::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
HOSTILE_URLS = (
    "http://acme.example/hooks",
    "ftp://acme.example/hooks",
    "file:///etc/passwd",
    "//acme.example/hooks",
    "https:acme.example",
    "https:///hooks",
    "https://",
    "https://user@acme.example/",
    "https://user:secret@acme.example/",
    "https://acme.example@10.0.0.1/",
    "https://acme.example:443@10.0.0.1/",
    "https://acme.example#@10.0.0.1/",
    "https://acme.example/#part",
    "https://acme.example\\@10.0.0.1/",
    "https://10.0.0.1\\.acme.example/",
    "https://acme.example/hooks\r\nHost: inside",
    "https://acme.example/ho oks",
    "https://acme.example\t/",
    " https://acme.example/",
    "https://acme.example:0/",
    "https://acme.example:22/",
    "https://acme.example:25/",
    "https://acme.example:80/",
    "https://acme.example:65536/",
    "https://acme.example:0443/",
    "https://acme.example:+443/",
    "https://localhost/",
    "https://LOCALHOST:8443/",
    "https://localhost./",
    "https://hooks.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://nas.home.arpa/",
    "https://hidden.onion/",
    "https://metadata/",
    "https://acme.example./",
    "https://acme..example/",
    "https://.acme.example/",
    "https://-acme.example/",
    "https://acme_hooks.example/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://127.000.000.001/",
    "https://10.0.0.0x1/",
    "https://1.2.3.4.5/",
    "https://256.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "https://%31%32%37.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://١٢٧.0.0.1/",
    "https://lоcalhost/",
    "https://ⓛocalhost/",
    "https://bücher.example/",
    "https://acme.example\u200b/",
    "https://[::1]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::1/",
    "https://::1/",
    "https://[127.0.0.1]/",
    "https://[v1.fe80::1]/",
    "https://[]/",
)


@pytest.mark.parametrize("text", HOSTILE_ADDRESSES)
def test_an_address_inside_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", HOSTILE_ADDRESSES)
async def test_a_name_that_leads_inside_is_refused_even_if_it_leads_outside_as_well(text: str) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return [PUBLIC, text]

    with pytest.raises(AddressRefused):
        await Addresses(resolve=both).check("https://acme.example/hooks")


@pytest.mark.parametrize("text", [text for text in HOSTILE_ADDRESSES if "%" not in text])
def test_a_url_with_an_address_inside_is_refused(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(AddressRefused):
        read_place(f"https://{host}/hooks")


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_url_that_could_mislead_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_place(url)


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "93.184.215.14",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "192.0.1.1",
        "198.17.255.255",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
    ],
)
def test_a_public_address_is_taken(text: str) -> None:
    check_address(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://acme.example", "acme.example", 443),
        ("https://Hooks.ACME.example/in?key=1&at=@", "hooks.acme.example", 443),
        ("https://acme.example:8443/hooks/%7Ein", "acme.example", 8443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://1-2-3-4.acme.example/", "1-2-3-4.acme.example", 443),
        ("https://1.1.1.1/hooks", "1.1.1.1", 443),
        ("https://[2606:4700:4700::1111]:9000/", "[2606:4700:4700::1111]", 9000),
    ],
)
def test_a_plain_https_url_is_taken(url: str, host: str, port: int) -> None:
    place = read_place(url)
    assert (place.host, place.port) == (host, port)


async def test_a_name_that_leads_nowhere_yet_is_taken() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    await Addresses(resolve=nowhere).check("https://acme.example/hooks")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost:80/", "http://[::1]:9/", "https://127.1.1.1/"]
)
def test_in_development_this_machine_is_taken(url: str) -> None:
    read_place(url, loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://acme.example/",
        "https://192.168.0.1/",
        "http://169.254.169.254/",
        "http://127.1/",
        "http://localhost.acme.example/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_in_development_everything_else_stays_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_place(url, loopback=True)


@pytest.mark.parametrize(
    ("base_url", "on_this_machine", "expected"),
    [
        ("http://127.0.0.1:8080", True, True),
        ("http://localhost:8080", True, True),
        ("http://[::1]:8080", True, True),
        ("http://127.0.0.1:8080", False, False),
        ("https://127.0.0.1:8080", True, False),
        ("http://0.0.0.0:8080", True, False),
        ("https://survey.example", True, False),
        ("http://survey.example", True, False),
    ],
)
def test_only_a_service_on_this_machine_itself_is_in_development(
    base_url: str, on_this_machine: bool, expected: bool
) -> None:
    assert is_development(base_url, on_this_machine=on_this_machine) is expected


class ChangingName:
    """A name whose owner gives another answer each time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return [self.answers.pop(0)]


async def post_once(addresses: Addresses, url: str) -> Answer:
    poster = Poster(addresses)
    try:
        return await poster.post(url, [new_secret()], "msg_1", "{}", datetime.now(UTC))
    finally:
        await poster.close()


async def test_a_name_that_was_public_when_it_was_saved_is_refused_when_it_leads_inside_at_the_call() -> None:
    async with Receiver() as inside:
        name = ChangingName(PUBLIC, "127.0.0.1")
        addresses = Addresses(resolve=name)
        url = inside.url.replace("http://127.0.0.1", "https://rebound.example")
        await addresses.check(url)
        answer = await post_once(addresses, url)
        assert (answer.error, answer.status) == (CallError.ADDRESS_REFUSED, None)
        assert (name.answers, inside.calls) == ([], [])


async def test_the_connection_goes_to_the_address_that_was_checked_and_nobody_asks_again() -> None:
    async with Receiver() as receiver:
        name = ChangingName("127.0.0.1", "10.0.0.1")
        url = receiver.url.replace("127.0.0.1", "named.example")
        answer = await post_once(Addresses(loopback=True, resolve=name), url)
        assert answer.status == 204
        assert name.answers == ["10.0.0.1"]
        (call,) = receiver.calls
        assert call.headers["host"] == url.removeprefix("http://").removesuffix("/hooks")


async def test_a_host_that_is_an_address_is_checked_at_the_call_as_well() -> None:
    async with Receiver() as inside:
        answer = await post_once(Addresses(), inside.url)
        assert answer.error is CallError.ADDRESS_REFUSED
        assert inside.calls == []


async def test_a_name_with_one_address_inside_is_not_called_at_its_others() -> None:
    async with Receiver() as receiver:

        async def both(host: str, port: int) -> Sequence[str]:
            return ["127.0.0.1", "10.0.0.1"]

        url = receiver.url.replace("127.0.0.1", "named.example")
        answer = await post_once(Addresses(loopback=True, resolve=both), url)
        assert answer.error is CallError.ADDRESS_REFUSED
        assert receiver.calls == []


async def test_an_address_inside_by_any_spelling_that_resolvers_know_is_refused() -> None:
    for host in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1"):
        with pytest.raises(AddressRefused):
            await Addresses().resolve(host, 443)
