"""Where a request comes from, and who is turned away because of it or because of too many."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.http.admission import MAX_HOPS, Admission, caller_address
from footfall.http.rate_limit import RateLimiter, Throttled
from footfall.kernel.addresses import Network, network_of
from footfall.kernel.errors import Forbidden

PROXIES = (network_of("10.0.0.0/8"), network_of("fd00::/8"))


@dataclass(frozen=True)
class Rights:
    """Of a token with limits."""

    api_key_id: int = 1
    allowed_networks: tuple[Network, ...] | None = None
    requests_per_second: int | None = None


def request(client: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"shop.test")]
    headers += [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": None if client is None else (client, 4711), "headers": headers}


def caller(client: str | None, *forwarded: str) -> str | None:
    address = caller_address(request(client, *forwarded), PROXIES)
    return None if address is None else str(address)


def test_without_a_proxy_the_peer_calls_whatever_the_header_says() -> None:
    assert caller("203.0.113.7", "192.0.2.1") == "203.0.113.7"
    assert caller("::ffff:203.0.113.7") == "203.0.113.7"
    assert caller("2001:db8::7", "192.0.2.1") == "2001:db8::7"
    assert caller(None, "192.0.2.1") is None


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["192.0.2.1, 203.0.113.7"], "203.0.113.7"),
        (["192.0.2.1,203.0.113.7 , 10.9.9.9"], "203.0.113.7"),
        (["192.0.2.1", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:9", "[fd00::2]:9"], "203.0.113.7"),
        (["2001:db8::7", "::ffff:10.0.0.9"], "2001:db8::7"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ([""], None),
        (["unknown"], None),
        (["203.0.113.7, nonsense, 10.0.0.2"], None),
        (["203.0.113.7, , 10.0.0.2"], None),
        (["203.0.113.7\xff"], None),
    ],
)
def test_behind_proxies_the_last_that_is_none_of_theirs_calls(
    forwarded: list[str], found: str | None
) -> None:
    assert caller("10.0.0.1", *forwarded) == found


@given(st.lists(st.sampled_from(["10.0.0.2", "192.0.2.1", "x", "", "fd00::9"]), max_size=6))
def test_what_a_caller_writes_before_the_proxy_changes_nothing(forged: list[str]) -> None:
    assert caller("10.0.0.1", ",".join([*forged, "203.0.113.7"])) == "203.0.113.7"
    assert caller("10.0.0.1", *forged, "203.0.113.7") == "203.0.113.7"


def test_a_header_of_endless_hops_is_given_up() -> None:
    assert caller("10.0.0.1", ",".join(["203.0.113.7"] + ["10.0.0.2"] * (MAX_HOPS - 1)))
    assert caller("10.0.0.1", ",".join(["203.0.113.7"] + ["10.0.0.2"] * MAX_HOPS)) is None
    assert caller("10.0.0.1", *["10.0.0.2"] * (MAX_HOPS + 1)) is None
    assert caller("10.0.0.1", "10.0.0.2," * 100_000) is None


def test_a_token_is_for_its_networks_only() -> None:
    admission = Admission(RateLimiter(lambda: 0.0), PROXIES)
    rights = Rights(allowed_networks=(network_of("203.0.113.0/24"), network_of("2001:db8::/32")))
    for client in ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1"):
        admission.check(rights, request(client))
    admission.check(rights, request("10.0.0.1", "203.0.113.7"))
    for foreign, told in (
        (request("192.0.2.1", "203.0.113.7"), "192.0.2.1"),
        (request("10.0.0.1"), "10.0.0.1"),
        (request("10.0.0.1", "203.0.113.7, 2001:db9::1"), "2001:db9::1"),
        (request("10.0.0.1", "203.0.113.7, ?"), "an unknown address"),
        (request(None), "an unknown address"),
    ):
        with pytest.raises(Forbidden) as refusal:
            admission.check(rights, foreign)
        assert refusal.value.code == "address_not_allowed"
        assert f"from {told};" in refusal.value.message
    admission.check(Rights(), request(None))


def test_each_token_has_a_limit_of_its_own_and_strangers_use_none_of_it() -> None:
    seconds = 0.0
    admission = Admission(RateLimiter(lambda: seconds))
    home = (network_of("203.0.113.7"),)
    rights = Rights(allowed_networks=home, requests_per_second=2)
    here, elsewhere = request("203.0.113.7"), request("192.0.2.1")
    for _ in range(10):
        with pytest.raises(Forbidden):
            admission.check(rights, elsewhere)
    for _ in range(2):
        admission.check(rights, here)
    with pytest.raises(Throttled) as refusal:
        admission.check(rights, here)
    assert refusal.value.retry_after_seconds == 1
    with pytest.raises(Forbidden):
        admission.check(rights, elsewhere)
    admission.check(Rights(api_key_id=2, requests_per_second=1), elsewhere)
    seconds = 0.5
    admission.check(rights, here)
    with pytest.raises(Throttled):
        admission.check(rights, here)
