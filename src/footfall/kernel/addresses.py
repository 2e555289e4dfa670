"""Addresses of machines and networks of them, as operators and shops write them down."""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

#: The longest address, in brackets, with a zone and a port.
_MAX_CHARACTERS = 100

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: How a socket that takes both kinds writes IPv4 addresses: ::ffff:192.0.2.1.
_MAPPED = IPv6Network("::ffff:0:0/96")


def address_of(text: str) -> Address | None:
    """Return the address in `text`, also with a port or in brackets; None if there is none.

    An IPv4 address that is written as IPv6 is the IPv4 address.
    """
    return _parsed(text) if len(text) <= _MAX_CHARACTERS else None


@lru_cache(maxsize=4096)  # a few programs and proxies call again and again
def _parsed(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def network_of(text: str) -> Network:
    """Return the network in `text`, CIDR or one address.

    Raises:
        ValueError: It is none; the message says what to write.
    """
    try:
        found = ip_network(text.strip())
    except ValueError:
        meant = _meant(text.strip())
        raise ValueError(
            f"{text[:64]!r} is no network. Write one such as 203.0.113.0/24 or 2001:db8::/32, or"
            f" an address.{'' if meant is None else f' Did you mean {meant}?'}"
        ) from None
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        mapped = found.network_address.ipv4_mapped
        assert mapped is not None  # it is in the network of those
        return IPv4Network((mapped, found.prefixlen - _MAPPED.prefixlen))
    return found


def _meant(text: str) -> Network | None:
    """Return the network of an address inside of it, 10.0.0.5/8."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    """Return whether the address is in one of the networks."""
    return any(address in network for network in networks)


def covers(networks: tuple[Network, ...], inner: Network) -> bool:
    """Return whether all of `inner` is in one of the networks."""
    return any(
        inner.version == network.version
        and network.prefixlen <= inner.prefixlen
        and inner.network_address in network
        for network in networks
    )


def written(network: Network) -> str:
    """Return the network as people write it: one address without the length of its prefix."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)
