"""Checks of the values that users and plans set; a refused one names its owner's limits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
Limits = tuple[float | None, float | None]
"""The lowest and the highest value; None for no limit."""


def check_number(
    value: Any,
    label: str,
    owner: str = "",
    units: str = "",
    limits: Limits = (None, None),
    whole: bool = False,
) -> float:
    """Return `value` as a number within `limits`, or raise ValueError; True is not one."""
    try:
        number = math.nan if isinstance(value, bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (whole and number % 1):
        raise ValueError(f"{label} must be a {'whole ' * whole}number, not {value!r}.")
    for word, limit, sign in (("below", limits[0], 1), ("above", limits[1], -1)):
        if limit is not None and number * sign < limit * sign:
            said, bound = _amount(number, units), _amount(limit, units)
            raise ValueError(f"{label} {said} is {word} the {owner}'s {bound}.")
    return int(number) if whole else number


def check_choice(value: Any, label: str, owner: str, choices: Iterable[T]) -> T:
    """Return the one of `choices` that is `value`, or raise ValueError."""
    texts = {str(choice): choice for choice in choices}  # a form may give a number as text
    if str(value) in texts:
        return texts[str(value)]
    *others, last = texts
    offer = f"{', '.join(others)} or {last}" if others else last
    raise ValueError(f"{label} {value} is not one of the {owner}'s {offer}.")


def _amount(number: float, units: str) -> str:
    """Return `number` with its unit, without needless digits."""
    space = "" if units in ("", "%") else " "
    return f"{number:.10g}{space}{units}"
