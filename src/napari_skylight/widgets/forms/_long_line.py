"""A line of text of any length."""

from __future__ import annotations

from qtpy.QtWidgets import QLineEdit

__all__ = ["take_any_length"]

_LONGEST = 2**31 - 1


def take_any_length(line: QLineEdit) -> QLineEdit:
    """Return `line`, which from now on cuts off nothing.

    By itself it does after 32,767 letters without a word, amid a number of a few thousand pasted.
    """
    line.setMaxLength(_LONGEST)
    return line
