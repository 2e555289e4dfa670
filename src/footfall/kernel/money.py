"""Amounts of money and quantities: decimals with four places, as the warehouse stores them."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

#: Decimal(18, 4) holds fourteen digits before the point.
LIMIT = Decimal(10) ** 14
_PLACES = Decimal("0.0001")
_CURRENCY = re.compile(r"[A-Z]{3}")


def round_money(amount: Decimal) -> Decimal | None:
    """Return `amount` rounded half-even to four places (decision 12), or None outside Decimal(18, 4)."""
    if not amount.is_finite() or abs(amount) >= LIMIT:
        return None
    with localcontext(prec=40):
        rounded = amount.quantize(_PLACES, rounding=ROUND_HALF_EVEN)
    return rounded if abs(rounded) < LIMIT else None


def decimal_of(text: str) -> Decimal | None:
    """Return the decimal written in `text`, or None if it is not a plain finite number."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def currency_of(text: str) -> str | None:
    """Return `text` as an ISO 4217 code in capitals, or None if it cannot be one."""
    code = text.strip().upper()
    return code if _CURRENCY.fullmatch(code) else None
