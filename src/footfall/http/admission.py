"""Turns away requests of a known token that come from elsewhere, or more often, than it may."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from footfall.http.rate_limit import RateLimiter
from footfall.kernel.addresses import Address, Network, address_of, is_within
from footfall.kernel.errors import Forbidden

#: Proxies between a program and us, with room to spare; more are a forged header.
MAX_HOPS: Final = 32


class Limited(Protocol):
    """What a token's rights say of where and how often; `http.services.Access` does."""

    @property
    def api_key_id(self) -> int | None:
        """Whose token it was; None for a person."""

    @property
    def allowed_networks(self) -> tuple[Network, ...] | None:
        """From where; None: from anywhere."""

    @property
    def requests_per_second(self) -> int | None:
        """How often; None: as often as it likes."""


class Admission:
    """One per process, for the REST routes and the collector, so that they share the limits.

    Args:
        limiter: Of tokens alone.
        trusted_proxies: Whose word about the caller's address counts.
    """

    def __init__(self, limiter: RateLimiter, trusted_proxies: tuple[Network, ...] = ()) -> None:
        self._limiter = limiter
        self._trusted_proxies = trusted_proxies

    def check(self, access: Limited, scope: Mapping[str, Any]) -> None:
        """Do nothing for a request that may come in, and count it.

        Args:
            scope: ASGI's; read only where the token has a list of networks.

        Raises:
            Forbidden: The token is not for the address that the request comes from.
            Throttled: The token is over its limit.
        """
        if access.allowed_networks is not None:
            address = caller_address(scope, self._trusted_proxies)
            if address is None or not is_within(address, access.allowed_networks):
                raise _foreign(address)
        if access.requests_per_second is not None:
            self._limiter.admit(access.api_key_id, access.requests_per_second)


def caller_address(
    scope: Mapping[str, Any], trusted_proxies: tuple[Network, ...]
) -> Address | None:
    """Return the address that an ASGI request comes from, None where nobody can tell.

    Behind proxies that we trust it is the last one in X-Forwarded-For that is none of theirs: what
    stands before it, the caller may have made up.
    """
    client = scope.get("client")
    address = None if client is None else address_of(str(client[0]))
    hops = _forwarded(scope)
    while address is not None and is_within(address, trusted_proxies):
        hop = next(hops, None)
        if hop is None:
            break
        address = address_of(hop)
    return address


def _forwarded(scope: Mapping[str, Any]) -> Iterator[str]:
    """Yield what proxies wrote, the last first, and in the end something that is no address."""
    hops = 0
    # A proxy may add to the header that came, or a header of its own behind it.
    for name, value in reversed(scope["headers"]):
        if name == b"x-forwarded-for":
            for hop in reversed(value.decode("latin-1").rsplit(",", MAX_HOPS)):
                yield hop if hops < MAX_HOPS else ""
                hops += 1


def _foreign(address: Address | None) -> Forbidden:
    told = "an unknown address" if address is None else str(address)
    return Forbidden(
        f"This token may not be used from {told}; its list of networks does not have it.",
        code="address_not_allowed",
    )
