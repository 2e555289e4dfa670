"""How amounts are read that people wrote."""

from decimal import Decimal

import pytest

from footfall.kernel.money import read_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.50", (Decimal("12.50"), None)),
        (" 12,50 ", (Decimal("12.50"), None)),
        ("1 234,50 PLN", (Decimal("1234.50"), "PLN")),
        ("EUR\u00a01,234.50", (Decimal("1234.50"), "EUR")),
        ("eur12", (Decimal(12), "EUR")),
        ("-3.5 usd", (Decimal("-3.5"), "USD")),
        ("1'234.50", (Decimal("1234.50"), None)),
        ("1,234", None),
        ("12 PLN EUR", None),
        ("EUR 12 PLN", None),
        ("", None),
        ("12 x", None),
    ],
)
def test_amounts_as_people_write_them(text: str, amount: tuple[Decimal, str | None] | None) -> None:
    assert read_amount(text) == amount


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "1" + " " * 10_000 + "!",
        " " * 10_000 + "!",
        "1 " * 5_000 + "!",
        "EUR" + " " * 10_000 + "!",
        "1" * 10_000 + "!",
    ],
)
def test_no_text_takes_long_to_be_no_amount(text: str) -> None:
    assert read_amount(text) is None
