"""Which pages may use an app key."""

import pytest

from footfall.workspaces.logic import _fits_wildcard, origin_allowed

ALLOWED = ("https://shop.example", "https://*.shop.example")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://www.shop.example", True),
        ("https://a.b.shop.example", True),
        ("http://shop.example", False),
        ("https://shop.example:8443", False),
        ("https://evilshop.example", False),
        ("https://.shop.example", False),
        ("https://evil.example/.shop.example", False),
        ("https://evil.example\r\nx: .shop.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_wildcard_stands_for_labels_and_nothing_else(origin: str, allowed: bool) -> None:
    assert origin_allowed(origin, ALLOWED) is allowed
    assert origin_allowed(origin, None)


def test_what_is_longer_than_any_origin_is_refused_and_not_remembered() -> None:
    _fits_wildcard.cache_clear()
    assert not origin_allowed(f"https://{'a.' * 100_000}shop.example", ALLOWED)
    assert _fits_wildcard.cache_info().currsize == 0
