"""One of a few values: the words for it, and the value that was meant."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["find_choice", "say_choice"]


def say_choice(choice: Any) -> str:
    """Return the word for a choice: the name of an enum's member, unless it is a text itself."""
    if choice is None:
        return "none"
    if isinstance(choice, enum.Enum):
        return (
            choice.value
            if isinstance(choice.value, str) and isinstance(choice, str)
            else choice.name
        )
    return str(choice)


def find_choice(choices: Sequence[Any], value: Any) -> int | None:
    """Return where `value` is among `choices`, given as itself or in words; None if it is not.

    True and 1, which Python calls equal, are two; a member of an enum that was defined anew is
    found by its name.
    """
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
