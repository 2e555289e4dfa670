"""Amounts of money and quantities: decimals with four places, as the warehouse stores them."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

#: Decimal(18, 4) holds fourteen digits before the point.
LIMIT = Decimal(10) ** 14
_PLACES = Decimal("0.0001")
_CURRENCY = re.compile(r"[A-Z]{3}")


def round_money(amount: Decimal) -> Decimal | None:
    """Return `amount` rounded half-even to four places, or None outside Decimal(18, 4).

    Decision 12.
    """
    if not amount.is_finite() or abs(amount) >= LIMIT:
        return None
    with localcontext(prec=40):
        rounded = amount.quantize(_PLACES, rounding=ROUND_HALF_EVEN)
    return rounded if abs(rounded) < LIMIT else None


def rounded_sum(amount: Decimal) -> Decimal:
    """Return a sum rounded half-even to four places; one too large to be an amount, as it is."""
    rounded = round_money(amount)
    return amount if rounded is None else rounded


def plain_amount(amount: Decimal) -> str:
    """Return `amount` as a JSON number: no exponent, no zeros at the end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


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


# For text without blanks around it. The number ends with no blank, so that every text is read one
# way only: with several, the engine would try them all, which takes hours for long ones.
_AMOUNT = re.compile(
    r"(?P<before>[A-Za-z]{3})?\s*"
    r"(?P<number>[+-]?[0-9](?:[0-9.,\u00a0\u202f' ]*[0-9.,'])?)\s*"
    r"(?P<after>[A-Za-z]{3})?"
)
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]{1,2}")
_GROUPED_POINT = re.compile(r"[+-]?[0-9]{1,3}([, \u00a0\u202f'][0-9]{3})+(\.[0-9]+)?")
_GROUPED_COMMA = re.compile(r"[+-]?[0-9]{1,3}([. \u00a0\u202f'][0-9]{3})+,[0-9]+")


def read_amount(text: str) -> tuple[Decimal, str | None] | None:
    """Return the number people wrote in `text` and the currency code beside it, if any.

    `12.50`, `12,50`, `1 234,50 PLN`, `EUR 1,234.50`; None for anything else and for what reads
    two ways (`1,234` may be a thousand or a decimal comma).
    """
    if _PLAIN.fullmatch(text):
        number = decimal_of(text)
        return None if number is None else (number, None)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return None
    codes = [code for code in (match["before"], match["after"]) if code]
    if len(codes) > 1:
        return None
    written = match["number"]
    if _PLAIN.fullmatch(written):
        plain = written
    elif _DECIMAL_COMMA.fullmatch(written):
        plain = written.replace(",", ".")
    elif _GROUPED_COMMA.fullmatch(written):
        plain = re.sub(r"[^0-9,+-]", "", written).replace(",", ".")
    elif _GROUPED_POINT.fullmatch(written) and ("." in written or "," not in written):
        plain = re.sub(r"[^0-9.+-]", "", written)
    else:
        return None
    number = decimal_of(plain)
    if number is None:
        return None
    return number, codes[0].upper() if codes else None
