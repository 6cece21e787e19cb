"""Integers only: a float that is rounded a million times is a wrong bill.

Amounts are billionths of a unit of currency, prices billionths for a million tokens. Every division happens here, once
per item, and rounds half to even (IEEE 754's and banks' way), so that many small roundings do not add up to one side.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from typing import Final

BILLION: Final = 1_000_000_000
MILLION: Final = 1_000_000

LARGEST_PRICE: Final = 1_000_000
"""Units of currency for a million tokens: a unit a token. The dearest vendor asks for 600 dollars."""

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[Inexact])


def half_even(numerator: int, denominator: int) -> int:
    """A quotient rounded to the nearest integer, from the middle to the even one; `denominator` is above 0."""
    whole, rest = divmod(numerator, denominator)
    twice = rest * 2
    return whole + 1 if twice > denominator or (twice == denominator and whole & 1) else whole


def billionths(amount: Decimal) -> int:
    """An amount in billionths.

    Raises:
        ValueError: it is no number, below 0, above `LARGEST_PRICE`, or finer than a billionth.
    """
    if not amount.is_finite() or not 0 <= amount <= LARGEST_PRICE:
        raise ValueError(f"an amount is from 0 to {LARGEST_PRICE}")
    try:
        return int((_EXACT.multiply(amount, Decimal(BILLION))).to_integral_exact(context=_EXACT))
    except Inexact:
        raise ValueError("an amount has at most nine decimal places") from None
