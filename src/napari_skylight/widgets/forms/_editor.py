"""The base of all editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget


class PartError(ValueError):
    """A part of a value is missing or not allowed; the message begins with the part's name."""


class Editor:
    """A widget and the value in it."""

    hint = ""
    """What can be entered, if the widget does not show it."""
    wide = False
    """Whether it needs the whole width of the form, below its label."""

    def __init__(self, native: QWidget) -> None:
        self.native = native
        self._callbacks: list[Callable[[], None]] = []

    @property
    def value(self) -> Any:
        """The value; None if the editor is empty.

        Raises
        ------
        ValueError
            If the text is no such value; the message says what to enter.
        """
        return self._read()

    @value.setter
    def value(self, value: Any) -> None:
        self._show(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self._callbacks.append(callback)

    def mark(self, at_fault: bool) -> bool:
        """Outline the fields at fault within the editor; return whether there are any."""
        return False

    def _read(self) -> Any:
        raise NotImplementedError

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _report_change(self, *_: Any) -> None:
        for callback in self._callbacks:
            callback()
