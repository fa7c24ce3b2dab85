"""Networks: whose address counts behind proxies, and what is stored of it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.errors import ConfigurationError
from survey_service.pages.networks import customer_address, network_hash, read_address
from survey_service.settings import read_settings
from tests.support.pipeline import BASE_URL

KEY = bytes(32)
PUBLIC, OTHER, V6 = "9.9.9.9", "8.8.4.4", "2620:fe::fe"  # well-known resolvers: documentation addresses are private
PROXIES = "10.0.0.0/8, 192.0.2.7,2001:db8::/32"
TRUSTED = read_settings({"SURVEY_TRUSTED_PROXIES": PROXIES}).trusted_networks


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PUBLIC, "", PUBLIC),
        (V6, "", V6),
        ("172.16.0.1", "", "172.16.0.1"),  # an intranet, or a test
        (PUBLIC, OTHER, PUBLIC),  # forged: nobody trusts the peer
        (PUBLIC, "10.0.0.1", PUBLIC),
        ("10.0.0.1", OTHER, OTHER),
        ("192.0.2.7", OTHER, OTHER),
        ("192.0.2.8", OTHER, None),  # a private address that forwards: a proxy that nobody declared
        ("10.0.0.1", V6, V6),
        ("2001:db8::1", OTHER, OTHER),
        ("::ffff:10.0.0.1", f"::ffff:{OTHER}", OTHER),
        ("10.0.0.1", f"{PUBLIC}, {OTHER}", OTHER),  # the left one is forged
        ("10.0.0.1", f"{PUBLIC},{OTHER}, 10.2.0.1 ,192.0.2.7", OTHER),
        ("10.0.0.1", f"10.9.9.9, {OTHER}", OTHER),
        ("10.0.0.1", f"{OTHER}:50123", OTHER),
        ("10.0.0.1", f"[{V6}]:443", V6),
        ("10.0.0.1", f"{PUBLIC}, 172.16.0.1", None),  # another undeclared one
        ("10.0.0.1", "172.16.0.1", "172.16.0.1"),
        ("10.0.0.1", "", None),  # a proxy is no customer
        ("10.0.0.1", "10.2.0.1, 10.3.0.1", None),
        ("10.0.0.1", f"{PUBLIC}, unknown", None),
        ("10.0.0.1", f"{PUBLIC}, ", None),
        ("10.0.0.1", "999.1.1.1", None),
        ("10.0.0.1", "\0", None),
        ("", "", None),  # a socket without an address
        (None, PUBLIC, None),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_counts(
    peer: str | None, forwarded: str, expected: str | None
) -> None:
    found = customer_address(peer, forwarded, TRUSTED)
    assert found == (ip_address(expected) if expected else None)


@pytest.mark.parametrize("forwarded", [OTHER, f"{OTHER}, 10.0.0.1", "10.0.0.1", "garbage"])
def test_without_trusted_proxies_the_header_never_names_the_customer(forwarded: str) -> None:
    assert customer_address(PUBLIC, forwarded, ()) == ip_address(PUBLIC)
    assert customer_address("127.0.0.1", forwarded, ()) is None


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    read_address(text)
    customer_address("10.0.0.1", text, TRUSTED)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("9.9.9.9", "9.9.9.9", True),
        ("9.9.9.9", "9.9.9.10", False),
        ("2620:fe::1", "2620:fe::ffff:1:2:3", True),  # one /64
        ("2620:fe:0:1::1", "2620:fe:0:2::1", False),
        ("9.9.9.9", "::ffff:9.9.9.9", True),
    ],
)
def test_a_network_is_one_address_or_the_first_half_of_one(one: str, other: str, same: bool) -> None:
    first, second = read_address(one), read_address(other)
    assert first is not None
    assert second is not None
    assert (network_hash(KEY, first) == network_hash(KEY, second)) is same
    assert network_hash(KEY, first) != network_hash(b"another key", first)
    assert len(network_hash(KEY, first)) == 32


@pytest.mark.parametrize("value", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "10.0.0.0/8;192.0.2.7"])
def test_proxies_that_are_no_networks_stop_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SURVEY_TRUSTED_PROXIES"):
        read_settings({"SURVEY_TRUSTED_PROXIES": value, "SURVEY_PUBLIC_URL": BASE_URL})


def test_nobody_is_trusted_unless_named() -> None:
    assert read_settings({}).trusted_networks == ()
