"""Numbers as a person writes and reads them: no digit is lost in either direction."""

from __future__ import annotations

import numbers
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["read_number", "say_number"]

_LONGEST = 300
"""In digits: Python cannot compare much larger whole numbers with fractions, or calculate both."""


def read_number(text: str, *, whole: bool) -> float:
    """Return the number that `text` stands for, an int if a whole number is meant.

    "1e3", "-0.5", "inf" and "nan" are numbers; "1e3" is a whole one.

    Raises
    ------
    ValueError
        If it stands for none, in plain words.
    """
    try:
        return _whole(text) if whole else float(text)
    except (ValueError, InvalidOperation):
        raise ValueError(f"{text} is not a {'whole ' * whole}number.") from None


def say_number(number: Any) -> str:
    """Return the shortest text that `read_number` makes the very same number of."""
    if isinstance(number, numbers.Integral):
        return str(int(number))
    text = repr(float(number)).removesuffix(".0")
    digits, e, power = text.partition("e")
    return f"{digits}e{int(power)}" if e else text


def _whole(text: str) -> int:
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() > _LONGEST or number != round(number):
        raise ValueError
    return int(number)
