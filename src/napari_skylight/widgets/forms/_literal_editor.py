"""A value for which there is no better editor, written as in Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QLineEdit

from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._long_line import take_any_length

__all__ = ["LiteralEditor"]


class LiteralEditor(Editor):
    """A line of text such as ``{"a": 1}``.

    Parameters
    ----------
    reason : str
        Why there is no better one.
    """

    def __init__(self, reason: str) -> None:
        self.native: QLineEdit = take_any_length(QLineEdit())
        self.native.setPlaceholderText("as in Python")
        self.hint = f"Shown as text: {reason} Write it as in Python."

    @property
    def value(self) -> Any:
        """What the text stands for; None when it is empty."""
        text = self.native.text().strip()
        try:
            return ast.literal_eval(text) if text else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(
                f"{text} is no value: write 3, 'text' or [1, 2], for example."
            ) from None

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setText("" if value is None else repr(value))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.textChanged.connect(lambda _: callback())
