"""Numbers and choices as text, and back without loss."""

from __future__ import annotations

import enum
import numbers
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

_LONGEST = 300  # digits of a whole number: Python cannot compare much larger ones with floats


def read_number(text: str, *, whole: bool) -> float:
    """Return the number in `text`, an int if `whole`.

    "1e3", "-0.5", "inf" and "nan" are numbers, "1e3" also a whole one.

    Raises
    ------
    ValueError
        If `text` is not such a number; the message says what to enter.
    """
    try:
        return _whole(text) if whole else float(text)
    except (ValueError, InvalidOperation):
        raise ValueError(f"enter a {'whole ' * whole}number, not {text}.") from None


def say_number(number: Any) -> str:
    """Return the shortest text from which `read_number` returns the same number."""
    if isinstance(number, numbers.Integral):
        return str(int(number))
    text = repr(float(number)).removesuffix(".0")
    digits, e, power = text.partition("e")
    return f"{digits}e{int(power)}" if e else text


def say_choice(choice: Any) -> str:
    """Return a choice as text: the name of an enum member, or its value if it is a `str` too."""
    if choice is None:
        return "none"
    if isinstance(choice, enum.Enum):
        has_text = isinstance(choice, str) and isinstance(choice.value, str)
        return choice.value if has_text else choice.name
    return str(choice)


def find_choice(choices: Sequence[Any], value: Any) -> int | None:
    """Return the index of `value`, or of the choice with that text, in `choices`; None if missing.

    True and 1 are different choices. A member of a reloaded enum is found by its name.
    """
    if getattr(value, "ndim", 0):  # an array is none of them and compares item by item
        return None
    tests: tuple[Callable[[Any], bool], ...] = (
        lambda choice: choice is value or (type(choice) is type(value) and choice == value),
        lambda choice: choice == value,
        lambda choice: value is not None and str(choice) == str(value),
        lambda choice: isinstance(value, str) and say_choice(choice) == value,
    )
    for test in tests:
        for index, choice in enumerate(choices):
            if test(choice):
                return index
    return None


def _whole(text: str) -> int:
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() > _LONGEST or number != round(number):
        raise ValueError
    return int(number)
