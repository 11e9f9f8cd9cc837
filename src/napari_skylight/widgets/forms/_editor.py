"""What every editor of a value can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget


class PartError(ValueError):
    """A part of a value makes no sense; the words begin with which part that is."""


class Editor:
    """A widget and its value."""

    native: QWidget
    hint = ""
    """What can be entered, where that is not plain to see."""
    wide = False
    """Whether it needs the whole width of the form, below its label."""

    @property
    def value(self) -> Any:
        """The value; None when there is none.

        Raises
        ------
        ValueError
            If what stands there makes no sense, in plain words.
        """
        raise NotImplementedError

    @value.setter
    def value(self, value: Any) -> None:
        raise NotImplementedError

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        raise NotImplementedError

    def mark(self, at_fault: bool) -> bool:
        """Outline the parts at fault, if there are parts; return whether that has been done."""
        return False
